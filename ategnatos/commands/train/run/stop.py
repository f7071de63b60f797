"""``train stop``: end a run cleanly."""

from __future__ import annotations

from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(app, "stop", example="ategnatos train stop ann", dry_run=True)
def stop(
    call: Call,
    name: Annotated[str, typer.Argument(help="A run, or a plan: its newest run.")],
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds to wait for its end; 0: do not.")
    ] = 300.0,
) -> Answer:
    """Stop a run: its trainer is asked, may finish a save, and is ended if it does not listen.

    It can go on later from its newest whole checkpoint.
    """
    from datetime import UTC, datetime

    from ategnatos.commands.train.run import words
    from ategnatos.guard.actor import actor
    from ategnatos.train.run import control, record, status

    project = call.project()
    run = record.load(project, name)
    if call.dry_run:
        what = "would be stopped" if run.state not in record.ENDED else "is over already"
        return Answer({**run.facts(), "dry_run": True}, f"{run.id} {what}.")
    run = control.stop(project, run, actor=actor(), now=datetime.now(UTC), wait=wait)
    seen = status.snapshot(project, run)
    told = (
        words.line(seen)
        if run.state in record.ENDED
        else f"{run.id} was asked to stop; it does so when its trainer is between two steps or has"
        " finished a save."
    )
    return Answer(seen, told, (words.again(seen),))
