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
    after_save: Annotated[
        bool, typer.Option("--after-save", help="Right after its next save: no step is lost.")
    ] = False,
) -> Answer:
    """Stop a run: its trainer is asked, may finish a save, and is ended if it does not listen.

    It can go on later from its newest whole checkpoint. What is lost is said before.
    """
    from datetime import UTC, datetime

    from ategnatos.commands.train.run import words
    from ategnatos.guard.actor import actor
    from ategnatos.train.run import control, record, status, stopping

    project = call.project()
    run = record.load(project, name)
    cost = None
    if run.state in record.AT_WORK:
        cost = stopping.losing(run, status.snapshot(project, run))
    facts = {"stop_costs": None if cost is None else cost.facts()}
    if call.dry_run:
        what = "would be stopped" if run.state not in record.ENDED else "is over already"
        told = f"{run.id} {what}." + (f" {words.cost(cost)}" if cost is not None else "")
        return Answer({**run.facts(), **facts, "dry_run": True}, told)
    if cost is not None and not after_save:
        call.say(words.cost(cost))
    run = control.stop(
        project, run, actor=actor(), now=datetime.now(UTC), wait=wait, after_save=after_save
    )
    seen = status.snapshot(project, run)
    if run.state in record.ENDED:
        told = words.line(seen)
    elif after_save:
        told = f"{run.id} stops right after its next save" + (
            f", at step {cost.following}." if cost is not None and cost.following else "."
        )
    else:
        told = (
            f"{run.id} was asked to stop; it does so when its trainer is between two steps or has"
            " finished a save."
        )
    return Answer({**seen, **facts}, told, (words.after_stop(seen),))
