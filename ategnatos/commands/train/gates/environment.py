"""``train environment``: gate 3. Whether a machine has what the plan and its trainer need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.train.options import MachineOption, PlanName, TrainerOption
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from rich.console import Console

ENVIRONMENT_UNFIT = ErrorCode(
    "environment_unfit", "The machine lacks something that the training needs."
)

app = room()

_STYLES = {"ok": "green", "note": "yellow", "stop": "red"}


@command(
    app,
    "environment",
    example="ategnatos train environment ann --trainer kohya --home ~/sd-scripts",
    dry_run=True,
)
def environment(
    call: Call,
    name: PlanName,
    trainer: TrainerOption = "",
    machine: MachineOption = "local",
    home: Annotated[
        str,
        typer.Option(
            "--home", metavar="DIR", help="The trainer's checkout there; kept for the next time."
        ),
    ] = "",
    python: Annotated[
        str, typer.Option("--python", metavar="FILE", help="The Python that runs the trainer.")
    ] = "",
    gpu: Annotated[
        str,
        typer.Option(
            "--gpu",
            metavar="N",
            help="Which GPU there; the first is 0. cpu: a try on the processor.",
        ),
    ] = "0",
    set_up: Annotated[
        bool,
        typer.Option(
            "--set-up", help="Install what is missing on a rented machine, and bring the models."
        ),
    ] = False,
) -> Answer:
    """Look at the machine, say what is missing and what mends it, and open gate 3 if it will do."""
    from datetime import UTC, datetime

    from ategnatos.guard.actor import actor
    from ategnatos.train import processor
    from ategnatos.train.gates import billing, usual
    from ategnatos.train.gates.environment import recording, setting_up
    from ategnatos.train.machine import name_of
    from ategnatos.train.plan import base_model, store

    card = processor.chosen(gpu)
    project = call.project()
    kept = store.load(project, name)
    chosen = usual.trainer(project, kept, trainer)
    machine = name_of(project, machine)
    billing.before_a_second(project, kept, chosen, machine)
    now = datetime.now(UTC)
    if not call.dry_run:
        kept, said = base_model.settled(project, kept, chosen, actor=actor(), now=now)
        if said:
            call.warn(said)
    if machine == "local":
        home, python = _absolute(home), _whole_path(python)
    found = recording.check(
        project, kept, chosen, machine, home=home, python=python, gpu=card, say=call.say
    )
    if set_up and not call.dry_run and not found.fits:
        setting_up.set_up(project, found, home=home, say=call.say)
        home = home or found.there.places.trainer(chosen)
        found = recording.check(project, kept, chosen, machine, home=home, gpu=card, say=call.say)
    path = event = None
    if not call.dry_run:
        path, event = recording.write(project, found, actor=actor(), now=datetime.now(UTC))
    data: dict[str, Any] = {
        "plan": kept.name,
        "number": kept.number,
        "digest": kept.digest,
        "trainer": chosen,
        "machine": machine,
        **found.data,
        "page": str(path) if path else None,
        "event": event.id if event else None,
        "dry_run": call.dry_run,
    }
    failed = None
    if not found.fits:
        first = next(one for one in found.checks if one.level == "stop")
        stops = found.data["stops"]
        failed = StudioError(
            ENVIRONMENT_UNFIT,
            f"{machine} will not do for {kept.name!r} with {chosen}: {stops[0]}"
            + (f" (and {len(stops) - 1} more)" if len(stops) > 1 else "")
            + ". Gate 3 is closed.",
            hint=first.mend or f"ategnatos train environment {kept.name} --trainer {chosen}",
            stops=stops,
            machine=machine,
        )
    from ategnatos.train.gates.dry_run import command as next_step

    return Answer(
        data,
        lambda console: _draw(console, data),
        (next_step(kept, chosen, machine),),
        failed=failed,
    )


def _absolute(home: str) -> str:
    """A folder of this computer as a person writes it."""
    from pathlib import Path

    return str(Path(home).expanduser().resolve()) if home else ""


def _whole_path(python: str) -> str:
    """A program of this computer as a person writes it. A link stays one: by its place the Python
    of a virtual environment knows what is installed.
    """
    from pathlib import Path

    return str(Path(python).expanduser().absolute()) if "/" in python else python


def _draw(console: Console, data: dict[str, Any]) -> None:
    from ategnatos.commands.page import Line, Row, draw

    rows = []
    for one in data["checks"]:
        lines = [Line(one["found"])]
        lines += [Line(one["mend"], "bold")] if one["mend"] and one["level"] != "ok" else []
        rows.append(Row(((f"  {one['what']}", ""), (one["level"], _STYLES[one["level"]])), lines))
    draw(console, rows)
    if data["fits"]:
        console.print(f"{data['machine']} will do: gate 3 is open.")
    if data["page"]:
        console.print(f"Written to {data['page']}", soft_wrap=True)
