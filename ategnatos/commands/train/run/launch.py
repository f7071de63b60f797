"""``train launch``: start a run, here or on a rented machine, that outlives the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.train.options import GpuOption, MachineOption, PlanName, TrainerOption

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.project import Project
    from ategnatos.train.gates import Opened

app = room()


@command(app, "launch", example="ategnatos train launch ann --trainer kohya", dry_run=True)
def launch(
    call: Call,
    name: PlanName,
    trainer: TrainerOption = "",
    machine: MachineOption = "local",
    gpu: GpuOption = "",
    attach: Annotated[
        bool, typer.Option("--attach", help="Watch it to its end; Ctrl-C leaves it training.")
    ] = False,
) -> Answer:
    """Start training. Needs four open gates, the GPU's lock and, where it bills, a timer."""
    from datetime import UTC, datetime

    from ategnatos.guard.actor import actor
    from ategnatos.train.gates import usual
    from ategnatos.train.plan import store
    from ategnatos.train.run import control, record, status, taking

    project = call.project()
    kept = store.load(project, name)
    chosen = usual.trainer(project, kept, trainer)
    if call.dry_run:
        return _would(call, project, kept, chosen, machine, gpu, datetime.now(UTC))
    run = control.order(
        project, kept, chosen, machine, actor=actor(), now=datetime.now(UTC), gpu=gpu
    )
    taken = taking.taken_up(project, run, control.start(project, control.number_of(run)))
    if attach or taken.run.state in record.ENDED:
        from ategnatos.commands.train.run.watch import follow

        return follow(call, project, run.id)
    seen = status.snapshot(project, taken.run)
    if taken.waits:
        return Answer(
            {**seen, "started": False},
            f"{run.id} is in the line and not begun ({taken.waits}); it begins by itself when that"
            " is over.",
            ("ategnatos train queue list",),
        )
    return Answer(
        {**seen, "started": True},
        f"{run.id} is begun: {run.steps} steps with {chosen} on {machine}. It goes on without this"
        " shell.",
        (f"ategnatos train watch {run.id}", f"ategnatos train stop {run.id}"),
    )


def _would(
    call: Call,
    project: Project,
    kept: Any,
    trainer: str,
    machine: str,
    gpu: str,
    now: datetime,
) -> Answer:
    from ategnatos.train.plan import laying
    from ategnatos.train.run import control
    from ategnatos.trainers import load_trainer

    opened, _, resource = control.allowed(project, kept, trainer, machine, gpu=gpu)
    layout = load_trainer(trainer).layout
    ready = laying.ready(project, kept.plan, layout, project.workspace / "training")
    steps = ready.dataset.steps
    facts = {
        "dry_run": True,
        "plan": kept.name,
        "trainer": trainer,
        "machine": machine,
        "gpu": resource,
        "steps": steps,
        "seconds": _seconds(opened, steps),
    }
    return Answer(facts, f"Would train {kept.name} for {steps} steps{_time(facts)}.")


def _seconds(opened: Opened, steps: int) -> float | None:
    return None if opened.seconds_a_step is None else opened.seconds_a_step * steps


def _time(facts: dict[str, Any]) -> str:
    from ategnatos.commands.train.run.words import duration

    seconds = facts["seconds"]
    return "" if seconds is None else f", about {duration(seconds)} by its dry run"
