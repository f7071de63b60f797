"""``eye suggest``: what the verdicts say, for a person to confirm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.eye.present import many
from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.eye.suggest import Rate, Suggestion


def register(app: typer.Typer) -> None:
    """Add the verb of this module to the eye."""
    command(app, "suggest", example="ategnatos eye suggest")(suggest)


def suggest(call: Call) -> Answer:
    """What was approved more often, or less, than the rest, from your verdicts alone."""
    from ategnatos.eye import suggest as room

    found = room.suggest(call.project())
    if found.uncoloured:
        call.warn(
            f"{many(found.uncoloured, 'judged picture')} could not be opened, so colours were"
            f" measured on {found.verdicts - found.uncoloured} of {found.verdicts}."
        )
    data = {
        "suggestions": [one.facts() for one in found.suggestions],
        "approved": found.approved,
        "verdicts": found.verdicts,
        "compared": found.compared,
        "least": room.LEAST,
    }
    steps = tuple(f"ategnatos eye add --from {one.id}" for one in found.suggestions[:3])

    def words(console: Console) -> None:
        console.print(
            f"{many(found.verdicts, 'verdict')}, {found.approved} approved; {found.compared} words,"
            " settings, models and colours had enough of them to compare."
        )
        if not found.suggestions:
            console.print("Nothing differs clearly from the rest. More verdicts say more.")
        for one in found.suggestions:
            console.print()
            for line in _lines(one):
                console.print(plain(line), soft_wrap=True)
        if found.suggestions:
            console.print()
            console.print(
                f"Of {found.compared} comparisons some differ by chance. None of this counts"
                " until you confirm it.",
                soft_wrap=True,
            )

    return Answer(data, words, steps)


def _lines(one: Suggestion) -> list[str]:
    said = "more often" if one.polarity == "prefer" else "less often"
    lines = [
        f"{one.id}  {one.polarity.upper()} {one.trait.kind} {one.trait.name!r}: approved {said}",
        f"  with it     {_rate(one.having)}",
        f"  without it  {_rate(one.rest)}",
    ]
    if one.also:
        lines.append(f"  the very same pictures also have: {', '.join(one.also)}")
    return lines


def _rate(rate: Rate) -> str:
    low, high = rate.interval
    return (
        f"{rate.approved} of {rate.verdicts} approved ({rate.value:.0%},"
        f" likely {low:.0%} to {high:.0%})"
    )
