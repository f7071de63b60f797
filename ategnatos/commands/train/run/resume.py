"""``train resume``: go on with a run from its newest whole checkpoint."""

from __future__ import annotations

from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(app, "resume", example="ategnatos train resume ann", dry_run=True)
def resume(
    call: Call,
    name: Annotated[str, typer.Argument(help="A run, or a plan: its newest run.")],
    machine: Annotated[
        str, typer.Option("--machine", help="Another machine; default: the one it had.")
    ] = "",
    gpu: Annotated[
        str,
        typer.Option(
            "--gpu", metavar="N", help="With --machine: which GPU there, or cpu; as its gates."
        ),
    ] = "",
    attach: Annotated[
        bool, typer.Option("--attach", help="Watch it to its end; Ctrl-C leaves it training.")
    ] = False,
) -> Answer:
    """Go on where it was: every save is looked into first, and a broken one is moved aside.

    On another machine it becomes a run of its own that names the first as its parent.
    """
    from datetime import UTC, datetime

    from ategnatos.guard.actor import actor
    from ategnatos.train.run import control, record, status, taking

    project = call.project()
    before = record.load(project, name)
    starting = taking.Starting(control.start)
    made = control.resume(
        project,
        before,
        actor=actor(),
        now=datetime.now(UTC),
        machine=machine,
        gpu=gpu,
        begin=starting,
        dry_run=call.dry_run,
    )
    for text in made.broken:
        call.warn(f"Not whole, and moved aside: {text}")
    for text in made.notes:
        call.warn(text)
    taken = starting.taken(project, made.run)
    if attach and not call.dry_run:
        from ategnatos.commands.train.run.watch import follow

        return follow(call, project, made.run.id)
    facts = {
        **status.snapshot(project, taken.run),
        "from": made.point,
        "from_step": made.step,
        "broken": list(made.broken),
        "dry_run": call.dry_run,
    }
    verb = "would go on" if call.dry_run else "goes on"
    if not call.dry_run and taken.waits and made.run.state == "queued":
        told = f"{made.run.id} is in the line and not begun ({taken.waits})" + (
            "." if made.attached else f"; then it goes on from {made.point}, step {made.step}."
        )
    elif not made.attached:
        told = f"{made.run.id} {verb} from {made.point}, step {made.step} of {made.run.steps}."
    elif not facts["attempts"]:
        told = f"{made.run.id} has not begun yet: it waits in the line" + (
            "." if call.dry_run else ", and its turn was asked for."
        )
    elif call.dry_run:
        told = f"A supervisor would take {made.run.id} up again where it is."
    else:
        told = f"A supervisor takes {made.run.id} up again where it is."
    return Answer(facts, told, (f"ategnatos train watch {made.run.id}",))
