"""``train list``: every run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

app = room()


@command(app, "list", example="ategnatos train list ann")
def listing(
    call: Call,
    plan: Annotated[str, typer.Argument(help="Only the runs of this plan.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 30,
) -> Answer:
    """Every run, the newest first."""
    from ategnatos.train.run import record

    found = record.every(call.project(), plan)
    runs = [one.facts() | {"says": one.says} for one in found[:limit]]

    def words(console: Console) -> None:
        if not runs:
            console.print("No runs yet." if not plan else f"{plan} has no runs yet.")
            return
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("Run", "State", "Step", "Trainer", "Machine", "Newest checkpoint"):
            table.add_column(title, overflow="fold")
        for one in runs:
            table.add_row(
                *map(
                    plain,
                    (
                        one["id"],
                        one["state"],
                        f"{one['step']}/{one['steps']}",
                        one["trainer"],
                        one["machine"],
                        one["latest"],
                    ),
                )
            )
        console.print(table)
        if len(found) > limit:
            console.print(f"and {len(found) - limit} more: --limit {len(found)}")

    return Answer({"runs": runs, "more": max(0, len(found) - limit)}, words)
