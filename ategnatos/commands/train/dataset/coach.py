"""``train dataset coach``: what the pictures show, what they lack, what to leave out."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.train.dataset.coach.coaching import Coached

app = room()
_BAR = 20
_ROUND = 10


@command(app, "coach", example="ategnatos train dataset coach ann")
def coach(
    call: Call,
    name: Annotated[str, typer.Argument(help="The dataset.")],
) -> Answer:
    """A coverage matrix, how many pictures are advised, and a shopping list in plain words."""
    from ategnatos.train.dataset import record
    from ategnatos.train.dataset.coach import coaching

    project = call.project()
    version = record.load(project, name)
    made = coaching.coach(project, version)
    data = {"dataset": name, "version": version.number, "digest": version.digest(), **made.facts()}
    steps = [f"ategnatos train dataset report {name}"]
    untold = list(dict.fromkeys(p for one in made.list.look for p in one.pictures))
    if untold:
        again = " ".join(f"--again {shlex.quote(one)}" for one in untold[:_ROUND])
        steps.insert(0, f"ategnatos train dataset captions next {name} {again}")
    return Answer(data, lambda console: _draw(console, made), tuple(steps))


def _draw(console: Console, made: Coached) -> None:
    console.print(plain(made.advice.says), soft_wrap=True)
    for row in made.rows:
        console.print()
        untold = f", {len(row.untold)} do not say" if row.untold else ""
        console.print(f"{row.title} ({row.told} tell it{untold})", style="bold")
        if not row.told:
            continue
        width = max(len(cell.value) for cell in row.cells)
        for cell in row.cells:
            mark = ""
            style = ""
            if not cell.pictures:
                mark, style = "none", "red"
            elif row.known and cell.share > row.most:
                mark, style = "much", "yellow"
            elif cell.share < cell.wanted:
                mark, style = "few", "yellow"
            bar = "█" * round(cell.share * _BAR)
            console.print(
                f"  {cell.value:<{width}}  {len(cell.pictures):>4}  {bar:<{_BAR}}  {mark}",
                style=style,
            )
    for title, entries in (
        ("Find (one picture may tick several lines):", made.list.more),
        ("Leave out:", made.list.fewer),
        ("Say in the captions:", made.list.look),
    ):
        if entries:
            console.print()
            console.print(title, style="bold")
            for one in entries:
                console.print(f"  - {plain(one.says)}", soft_wrap=True)
    console.print()
    console.print("Who says how many:")
    for voice in made.advice.voices:
        console.print(f"  {plain(voice['says'])} ({plain(voice['source'])})", soft_wrap=True)
