"""``train plan show``: one plan, and each of its values in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room

if TYPE_CHECKING:
    from rich.console import Console

app = room()


@command(app, "show", example="ategnatos train plan show ann --explain")
def show(
    call: Call,
    name: Annotated[str, typer.Argument(help="The plan.")],
    version: Annotated[
        int, typer.Option("--version", metavar="N", help="An older version; default: the newest.")
    ] = 0,
    explain: Annotated[
        bool, typer.Option("--explain", help="What each value means, why, and what could go wrong.")
    ] = False,
) -> Answer:
    """One plan with all its values and where each comes from."""
    from ategnatos.train.plan import choosing, doubts, fields, store

    kept = store.load(call.project(), name, version or None)
    for text in doubts.of(kept.plan):
        call.warn(text)
    rows = list(fields.explain(kept))
    able = choosing.trainers_for(kept.plan)
    data: dict[str, Any] = {
        "name": kept.name,
        "number": kept.number,
        "versions": kept.versions,
        "digest": kept.digest,
        "at": kept.at,
        "actor": kept.actor,
        "because": kept.because,
        "chosen": list(kept.chosen),
        "plan": kept.plan.facts(),
        "trainers": [one for one, why in able.items() if not why],
        "cannot": {one: why for one, why in able.items() if why},
    }
    if explain:
        data["explained"] = [
            {
                "name": one.name,
                "group": one.group,
                "value": one.value,
                "because": one.because,
                "means": one.words.means,
                "why": one.words.why,
                "wrong": one.words.wrong,
            }
            for one in rows
        ]
    return Answer(
        data,
        lambda console: _draw(console, data, rows, explain),
        (f"ategnatos train gates {name} --trainer {next(iter(data['trainers']), 'kohya')}",),
    )


def _draw(console: Console, data: dict[str, Any], rows: list[Any], explain: bool) -> None:
    from ategnatos.commands.page import Line, Row, draw
    from ategnatos.train.plan import fields

    console.print(
        f"{data['name']}, version {data['number']} of {data['versions']}"
        f" ({data['at']}, {data['actor']}, {data['because']})",
        soft_wrap=True,
    )
    console.print(f"digest {data['digest'][:16]}")
    reasons = dict(one.because.partition(": ")[::2] for one in rows if ": " in one.because)
    if explain and reasons:
        console.print()
        console.print("Where the values come from", style="bold")
        for origin, says in reasons.items():
            console.print(f"  {origin}: {says.rstrip('.')}.", soft_wrap=True)
    for group, title in fields.groups().items():
        console.print()
        console.print(title, style="bold")
        told = []
        for one in (one for one in rows if one.group == group):
            lines = [Line(fields.shown(one.value), "bold" if explain else "")]
            if explain:
                lines.append(Line(one.words.means))
                origin = one.because.partition(": ")[0]
                lines += [Line(f"Why so: {origin}.")] if origin else []
                lines += [Line(one.words.why)] if one.words.why else []
                lines += [Line(f"If it is wrong: {one.words.wrong}")] if one.words.wrong else []
            told.append(Row(((f"  {one.name}", ""),), lines))
        draw(console, told)
    console.print()
    console.print("Can be trained by: " + (", ".join(data["trainers"]) or "no installed trainer"))
