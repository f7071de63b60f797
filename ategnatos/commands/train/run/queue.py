"""``train queue``: the line of trainings; one GPU trains one, the next begins by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.terminal import plain
from ategnatos.commands.train.options import GpuOption, MachineOption, PlanName, TrainerOption

if TYPE_CHECKING:
    from rich.console import Console

app = room("The line of trainings.")

Card = Annotated[str, typer.Argument(help="A GPU as 'queue list' names it: gpu:local:0.")]


@command(app, "add", example="ategnatos train queue add ann --priority high", dry_run=True)
def add(
    call: Call,
    name: PlanName,
    trainer: TrainerOption = "",
    machine: MachineOption = "local",
    gpu: GpuOption = "",
    priority: Annotated[str, typer.Option("--priority", help="high, normal or low.")] = "normal",
) -> Answer:
    """Put a run into the line; it begins by itself when its GPU is free."""
    from datetime import UTC, datetime

    from ategnatos.grimoire.jobs.records import PRIORITIES
    from ategnatos.guard.actor import actor
    from ategnatos.guard.values.names import parse_choice
    from ategnatos.train.gates import usual
    from ategnatos.train.plan import store
    from ategnatos.train.run import control

    project = call.project()
    weight = PRIORITIES[parse_choice(priority, tuple(PRIORITIES), field="--priority")]
    kept = store.load(project, name)
    chosen = usual.trainer(project, kept, trainer)
    if call.dry_run:
        control.allowed(project, kept, chosen, machine, gpu=gpu, wait=True)
        return Answer(
            {"plan": name, "trainer": chosen, "priority": priority, "dry_run": True},
            f"{name} would be put into the line.",
        )
    run = control.order(
        project,
        kept,
        chosen,
        machine,
        actor=actor(),
        now=datetime.now(UTC),
        gpu=gpu,
        priority=weight,
        wait=True,
    )
    control.attend(project, run.gpu)
    return Answer(
        run.facts(),
        f"{run.id} is in the line for {run.gpu} ({priority}).",
        ("ategnatos train queue list",),
    )


@command(app, "list", example="ategnatos train queue list --json")
def listing(call: Call) -> Answer:
    """What trains and what waits, in the order in which it is taken."""
    from ategnatos.grimoire.jobs import database, throttle
    from ategnatos.grimoire.jobs.records import PRIORITIES
    from ategnatos.train.run import control, record, status

    project = call.project()
    lines: list[dict[str, Any]] = []
    paused: dict[str, str] = {}
    if database.exists(project):
        with database.connect(project) as db:
            held = throttle.blocked(db, db.now())
            for job in control.queue(db):
                run = record.load(project, str(job.data["run"]))
                lines.append(
                    {
                        "run": run.id,
                        "job": job.name,
                        "gpu": job.engine,
                        "state": run.state,
                        "says": run.says,
                        "priority": job.priority,
                        "followed": job.held(db.now()),
                        "waits_for": status.waits_for(project, run),
                    }
                )
            paused = {name: why for name, why in held.items() if why.startswith("paused")}
        taken = {one["gpu"]: one["run"] for one in lines if one["state"] != "queued"}
        for one in lines:
            if one["state"] == "queued" and one["gpu"] in taken and one["gpu"] not in paused:
                one["waits_for"] = f"{taken[one['gpu']]}, which trains on it"

    names = {number: name for name, number in PRIORITIES.items()}

    def words(console: Console) -> None:
        for name, why in paused.items():
            console.print(f"{plain(name)}: {plain(why)}")
        if not lines:
            console.print("Nothing trains and nothing waits.")
            return
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("Run", "State", "GPU", "Priority", "Waits for"):
            table.add_column(title, overflow="fold")
        for one in lines:
            table.add_row(
                *map(
                    plain,
                    (
                        one["run"],
                        one["state"],
                        one["gpu"],
                        names.get(one["priority"], str(one["priority"])),
                        one["waits_for"],
                    ),
                )
            )
        console.print(table)

    return Answer({"queue": lines, "paused": paused}, words)


@command(
    app, "pause", example="ategnatos train queue pause gpu:local:0 --because games", dry_run=True
)
def pause(
    call: Call,
    gpu: Card = "gpu:local:0",
    because: Annotated[str, typer.Option("--because", help="Why; everybody sees it.")] = "",
) -> Answer:
    """Begin no further run on a GPU; what trains goes on."""
    from ategnatos.grimoire.jobs import database, throttle
    from ategnatos.guard.actor import actor
    from ategnatos.guard.locks.names import parse_resource

    project = call.project()
    name = parse_resource(gpu)
    if call.dry_run:
        return Answer({"gpu": name, "dry_run": True}, f"{name} would begin no further run.")
    with database.connect(project) as db:
        changed = throttle.pause(db, name, who=actor(), why=because.strip())
    told = f"{name} begins no further run." if changed else f"{name} was paused already."
    return Answer(
        {"gpu": name, "changed": changed}, told, (f"ategnatos train queue resume {name}",)
    )


@command(app, "resume", example="ategnatos train queue resume gpu:local:0", dry_run=True)
def resume(call: Call, gpu: Card = "gpu:local:0") -> Answer:
    """End a pause; the next run begins."""
    from ategnatos.grimoire.jobs import database, throttle
    from ategnatos.guard.locks.names import parse_resource

    project = call.project()
    name = parse_resource(gpu)
    if call.dry_run:
        return Answer({"gpu": name, "dry_run": True}, f"{name} would go on.")
    with database.connect(project) as db:
        changed = throttle.resume(db, name)
    begun = _attended(call, name)
    told = f"{name} goes on." if changed else f"Nothing held {name} back."
    return Answer({"gpu": name, "changed": changed, "begun": begun}, told)


@command(app, "remove", example="ategnatos train queue remove ann-2", dry_run=True)
def remove(call: Call, name: Annotated[str, typer.Argument(help="A run that waits.")]) -> Answer:
    """Take a run that waits out of the line; one that trains is stopped with 'train stop'."""
    from datetime import UTC, datetime

    from ategnatos.guard.actor import actor
    from ategnatos.train.run import control, record

    project = call.project()
    run = record.load(project, name)
    control.waits(run)
    if call.dry_run:
        return Answer({**run.facts(), "dry_run": True}, f"{run.id} would leave the line.")
    run = control.stop(project, run, actor=actor(), now=datetime.now(UTC))
    return Answer(run.facts(), f"{run.id} left the line.")


@command(app, "start", example="ategnatos train queue start", dry_run=True)
def start(call: Call, gpu: Card = "gpu:local:0") -> Answer:
    """See to it that somebody carries the line on: after a restart of this computer, for one."""
    from ategnatos.guard.locks.names import parse_resource

    name = parse_resource(gpu)
    if call.dry_run:
        return Answer({"gpu": name, "dry_run": True}, f"The line of {name} would be carried on.")
    begun = _attended(call, name)
    told = f"{begun} is carried on." if begun else f"{name} has nothing to begin just now."
    return Answer({"gpu": name, "begun": begun}, told, ("ategnatos train queue list",))


def _attended(call: Call, gpu: str) -> str | None:
    from ategnatos.train.run import control

    found = control.attend(call.project(), gpu)
    return None if found is None else f"j{found}"
