"""``train status`` and ``train list``: how runs stand."""

from __future__ import annotations

from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(app, "status", example="ategnatos train status ann --json")
def status(
    call: Call,
    name: Annotated[str, typer.Argument(help="A run, or a plan: its newest run.")],
) -> Answer:
    """How a run stands: step, loss, checkpoints, what was noticed, whether it lives."""
    from ategnatos.commands.train.run import words
    from ategnatos.train.run import record
    from ategnatos.train.run import status as standing

    project = call.project()
    seen = standing.snapshot(project, record.load(project, name))
    return Answer(seen, words.page(seen), words.next_steps(seen))
