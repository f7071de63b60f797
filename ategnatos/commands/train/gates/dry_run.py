"""``train dry-run``: gate 4. A few real steps of the plan on the machine, and one save."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command, room
from ategnatos.commands.train.options import MachineOption, PlanName, TrainerOption
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.trainers.events import Event

DRY_RUN_FAILED = ErrorCode("dry_run_failed", "The dry run of a training failed.")

app = room()


@command(app, "dry-run", example="ategnatos train dry-run ann --trainer kohya")
def dry_run(
    call: Call,
    name: PlanName,
    trainer: TrainerOption = "",
    machine: MachineOption = "local",
    steps: Annotated[int, typer.Option("--steps", metavar="N", help="2 to 5 real steps.")] = 3,
    minutes: Annotated[
        float,
        typer.Option(
            "--minutes", metavar="M", min=0.01, help="It is ended after so long; models load first."
        ),
    ] = 30.0,
) -> Answer:
    """Do a few real steps, save, read the save back; measure memory and pace; open gate 4."""
    from datetime import UTC, datetime

    from ategnatos.commands.progress import progress
    from ategnatos.engines import Progress as Drawn
    from ategnatos.guard.actor import actor
    from ategnatos.train.gates import usual
    from ategnatos.train.gates.dry_run import recording
    from ategnatos.train.machine import name_of
    from ategnatos.train.plan import store
    from ategnatos.trainers import events

    if not recording.FEWEST <= steps <= recording.MOST:
        raise StudioError(
            USAGE,
            f"A dry run is {recording.FEWEST} to {recording.MOST} steps, not {steps}; nothing was"
            " started.",
            hint=f"ategnatos train dry-run {name} --steps {recording.USUAL}",
        )
    project = call.project()
    kept = store.load(project, name)
    chosen = usual.trainer(project, kept, trainer)
    machine = name_of(project, machine)
    with progress(call, "dry run") as show:

        def on_event(event: Event) -> None:
            if isinstance(event, events.Progress):
                if show is not None:
                    show(Drawn(event.step, event.total))
                elif event.loss is not None:
                    call.say(f"  step {event.step} of {event.total}, loss {event.loss:.4g}")
            elif isinstance(event, events.Phase) and show is None and event.text:
                call.say(f"  {event.name}: {event.text[:120]}")

        done, found, event = recording.tried(
            project,
            kept,
            chosen,
            machine,
            steps=steps,
            patience=minutes * 60,
            actor=actor(),
            now=lambda: datetime.now(UTC),
            say=call.say,
            on_event=on_event,
        )
    data: dict[str, Any] = {
        "plan": kept.name,
        "number": kept.number,
        "digest": kept.digest,
        "trainer": chosen,
        "machine": machine,
        "event": event.id,
        **event.data,
    }
    failed = None
    if not found.passed:
        failed = StudioError(
            DRY_RUN_FAILED,
            f"The dry run of {kept.name!r} with {chosen} on {machine} failed: {found.why}. Gate 4"
            " is closed.",
            hint=found.mend,
            cause=found.code,
            line=found.line,
            log=str(done.log),
            status=done.status,
        )
    words = _told(data) if failed else _words(data, found.checkpoint)
    return Answer(
        data,
        words,
        (f"ategnatos train gates {kept.name}",),
        failed=failed,
    )


def _told(data: dict[str, Any]) -> str:
    said = [f"The trainer says: {data['line']}"] if data["line"] else []
    return "\n".join([*said, f"Its whole log: {data['log']}"])


def _words(data: dict[str, Any], saved: dict[str, Any]) -> str:
    said = [f"{data['steps']} steps were done and every loss was a number."]
    if data["seconds_a_step"]:
        said.append(f"A step takes {data['seconds_a_step']:.3g} s.")
    if data["peak_mib"] is not None:
        said.append(f"At the peak it took {data['peak_mib'] / 1024:.1f} GiB of GPU memory.")
    said.append(
        f"One LoRA was saved ({saved['bytes'] / (1 << 20):.1f} MiB), and read back it is whole."
    )
    said.append(f"Gate 4 is open for this plan, {data['trainer']} and {data['machine']} as it is.")
    return "\n".join(said)
