"""Try a plan on a machine and write down how it went: gate 4."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal, locks
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import canonical_json, write_atomic
from ategnatos.train import gates
from ategnatos.train.gates.dry_run import EVENT, carry, verdict
from ategnatos.train.machine import LOCAL

if TYPE_CHECKING:
    from ategnatos.grimoire.journal import Event
    from ategnatos.grimoire.project import Project
    from ategnatos.train.gates import Opened
    from ategnatos.train.gates.dry_run.carry import Tried
    from ategnatos.train.gates.dry_run.verdict import Verdict
    from ategnatos.train.plan.store import Kept
    from ategnatos.trainers.events import Event as Said

FEWEST, USUAL, MOST = 2, 3, 5


def tried(
    project: Project,
    kept: Kept,
    trainer: str,
    machine: str,
    *,
    steps: int = USUAL,
    patience: float,
    actor: str,
    now: Callable[[], datetime],
    say: Callable[[str], None],
    on_event: Callable[[Said], None] = lambda event: None,
) -> tuple[Tried, Verdict, Event]:
    """Do it, judge it, record it. Raises StudioError: ``train_gate`` where a gate before it is
    closed, ``locked`` where one of this plan is at work, ``resource_held`` where the GPU is not
    free, and as :func:`carry.carry`. Nothing is on record then.
    """
    from ategnatos.trainers import load_trainer

    # The person's gate may come after: who would confirm a plan that does not fit the card?
    before = (1, 3) if machine == LOCAL else (1, 2, 3)
    opened = gates.require(project, kept, trainer, machine, before)
    with locks.hold(project, f"dry-run-{kept.name}", wait=0.0), _card(machine, opened, say):
        done = carry.carry(
            project,
            kept,
            load_trainer(trainer),
            machine,
            opened,
            steps=steps,
            patience=patience,
            say=say,
            on_event=on_event,
        )
        found = verdict.weigh(project, kept, opened, done)
        event = write(project, kept, machine, opened, done, found, actor=actor, now=now())
        _tidy(done, found)
    return done, found, event


@contextmanager
def _card(machine: str, opened: Opened, say: Callable[[str], None]) -> Iterator[None]:
    """The GPU for the time of it; nothing where there is none."""
    from ategnatos.guard.locks import resource

    if not opened.gpu:
        yield
        return
    index = opened.environment.get("gpu_index", 0)
    name = f"gpu:local:{index}" if machine == LOCAL else f"gpu:{machine}"
    with resource(name, who="train dry-run", progress=say):
        yield


def write(
    project: Project,
    kept: Kept,
    machine: str,
    opened: Opened,
    done: Tried,
    found: Verdict,
    *,
    actor: str,
    now: datetime,
) -> Event:
    """The event that is gate 4, and what was measured: pace and memory."""
    trainer, label = done.trainer.name, str(opened.environment.get("label", machine))
    data: dict[str, Any] = {
        **asdict(found),
        "steps": done.translation.steps,
        "drawn": list(done.drawn) if done.drawn else None,
        "status": done.status,
        "peak_mib": done.peak_mib,
        "before_mib": done.before_mib,
        "seconds": round(done.seconds, 3),
        "folder": str(done.folder.relative_to(project.root)),
        "log": str(done.log.relative_to(project.root)),
        "binding": opened.environment["binding"],
        "gpu": opened.gpu,
        "losses": [asdict(one) for one in done.translation.losses],
    }
    data["diagnoses"] = list(found.diagnoses)
    event = journal.append(
        project,
        EVENT,
        actor=actor,
        references={
            "plan": kept.name,
            "digest": kept.digest,
            "trainer": trainer,
            "machine": machine,
            "environment_event": next(one.event for one in opened.gates if one.number == 3),
        },
        data=data,
        now=now,
    )
    write_atomic(done.folder / "verdict.json", canonical_json({"event": event.id, **data}) + b"\n")
    if found.passed:
        _measured(project, kept, done, found, label, opened.gpu, now)
    return event


def _measured(
    project: Project,
    kept: Kept,
    done: Tried,
    found: Verdict,
    label: str,
    gpu: str,
    now: datetime,
) -> None:
    from ategnatos.knowledge.vram import TRAINER_HABITS, VRAM_FAMILY
    from ategnatos.train.pace.measured import record_pace
    from ategnatos.train.plan.presets import STARTER
    from ategnatos.train.vram.measured import record_peak

    run, trainer = f"{kept.name}, dry run {done.number}", done.trainer.name
    if found.seconds_a_step:
        record_pace(
            project,
            run=run,
            machine=label,
            gpu=gpu,
            plan=kept.plan,
            trainer=trainer,
            basis="dry run",
            steps=done.translation.steps,
            seconds=found.seconds_a_step,
            now=now,
        )
    if done.peak_mib and kept.plan.base_family != STARTER:
        try:
            record_peak(
                project,
                run=run,
                machine=label,
                plan=kept.plan,
                trainer=trainer,
                gb=done.peak_mib / 1024,
                gpu=gpu,
                now=now,
            )
        except StudioError as error:
            # A family or trainer that the estimate does not know learns nothing from a reading.
            if error.code not in (VRAM_FAMILY, TRAINER_HABITS):
                raise


def _tidy(done: Tried, found: Verdict) -> None:
    """What proved itself is not kept: pictures and weights of a dry run are of no use after it.
    Of one that failed everything stays, to be looked at, until the next that goes well.
    """
    if not found.passed:
        return
    for one in done.folder.parent.iterdir():
        if one.is_dir() and one.name.isdigit() and (one / "verdict.json").exists():
            for name in ("dataset", done.translation.output):
                shutil.rmtree(one / name, ignore_errors=True)
    if done.place.far:
        done.place.machine.run(["rm", "-rf", "--", str(done.place.there)])
