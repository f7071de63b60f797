"""Go on with a run: from its newest save, or with the trainer that lives and nobody follows."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire import locks
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import explained
from ategnatos.grimoire.jobs import database, moves, store
from ategnatos.train import gates, processor
from ategnatos.train.machine import machine_of
from ategnatos.train.run import attempts, place, preparing, record, resuming, state, status
from ategnatos.train.run.attending import attend, lives
from ategnatos.train.run.halting import stop
from ategnatos.train.run.ordering import (
    RUN_GPU,
    Require,
    Start,
    free,
    keep_environment,
    looked_at,
    number_of,
    order,
    start,
    timed,
    vacant,
    wrong_state,
)
from ategnatos.train.run.room import roomy
from ategnatos.train.run.steps import SAGA, SAGAS, saves_of
from ategnatos.train.watching import curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ategnatos.grimoire.project import Project
    from ategnatos.machines import Machine
    from ategnatos.train.plan.store import Kept
    from ategnatos.train.run.record import Run
    from ategnatos.train.run.resuming import Point

# Between the end of a run and that of its job lie some writes.
_SETTLES_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Resumed:
    """What a resume began: the run (another one, on another machine), and from where.

    ``attached``: its trainer lives, and somebody follows it again. ``notes`` say what of the state
    is lost or done again.
    """

    run: Run
    step: int
    point: str
    broken: tuple[str, ...] = ()
    attached: bool = False
    notes: tuple[str, ...] = ()


def resume(
    project: Project,
    run: Run,
    *,
    actor: str,
    now: datetime,
    machine: str = "",
    gpu: str = "",
    require: Require = gates.require,
    begin: Start = start,
    dry_run: bool = False,
) -> Resumed:
    """Go on with a run from its newest whole checkpoint, on the GPU that it had; on another
    ``machine`` as a run of its own, on the GPU of its gates or on ``gpu``. One whose trainer lives
    and that nobody follows is followed again.

    Raises StudioError: ``run_state``, ``run_nothing``, ``run_busy``, ``run_timer``,
    ``run_gpu``, ``run_disk``, ``train_gate``.
    """
    elsewhere = bool(machine) and machine != run.machine
    if gpu and not elsewhere:
        _same_card(run, gpu)
    if run.state == "finished":
        raise wrong_state(
            run,
            "is finished: nothing is left to train",
            f"ategnatos train eval {run.id}",
        )
    if not elsewhere and (run.state not in record.ENDED or lives(run)):
        if status.followed(project, run):
            raise wrong_state(run, f"{run.says} already", f"ategnatos train watch {run.id}")
        if not dry_run:
            run = take_up(project, run, actor=actor, now=now, begin=begin)
        return Resumed(run, run.step, "", attached=True)
    if run.state not in record.ENDED and status.followed(project, run):
        raise wrong_state(run, f"{run.says}: stop it first", f"ategnatos train stop {run.id}")
    from ategnatos.train.plan import store as plans

    kept = plans.load(project, run.plan, run.number)
    opened = require(project, kept, run.trainer, machine or run.machine)
    there = machine_of(project, machine or run.machine)
    timed(project, there)
    roomy(project.workspace, there)
    card = (gpu or processor.of_gates(opened.environment)) if elsewhere else preparing.card_of(run)
    looked_at(kept, run.trainer, there, card, opened)
    found = newest(project, run, there)
    broken = tuple(f"{path.name}: {why}" for path, why in found.broken)
    if elsewhere:
        if not dry_run:
            run = _moved(project, run, kept, there, card, actor, now, require, found)
            begin(project, number_of(run))
        return Resumed(run, found.step, found.name, broken, notes=found.translation.notes)
    free(project, run.gpu, run.id)
    if not dry_run:
        keep_environment(run, opened)
        run = _lined_up(project, run, actor, now)
        begin(project, number_of(run))
    return Resumed(run, found.step, found.name, broken, notes=found.translation.notes)


def take_up(project: Project, run: Run, *, actor: str, now: datetime, begin: Start = start) -> Run:
    """Have a run followed again whose supervisor is gone, or that was given up with its machine;
    one that waits gets its turn. Nothing where somebody follows it.
    """
    if status.followed(project, run):
        return run
    if run.state == "queued" and not lives(run):
        attend(project, run.gpu, begin)
        return run
    if run.state in record.ENDED:
        run = record.note(project, run.id, now=now, actor=actor, state="queued", why="")
    _again(project, run, actor)
    begin(project, number_of(run))
    return run


def newest(project: Project, run: Run, machine: Machine) -> Point:
    """The checkpoint that a run would go on from. Raises StudioError (``run_nothing``)."""
    from ategnatos.train.plan import laying
    from ategnatos.trainers import load_trainer

    last = attempts.last(run.folder)
    if last is None or not (run.folder / preparing.PLAN).is_file():
        raise resuming.nothing(run.id)
    trainer = load_trainer(run.trainer)
    plan = preparing.plan_of(run.folder)
    ready = laying.ready(project, plan, trainer.layout, run.folder / "dataset")
    laid = preparing.Laid(plan, ready.dataset, trainer)
    where = place.Place(run.folder, run.folder, machine)
    found = preparing.point_of(run, where, laid, saves_of(run, trainer, laid))
    if found is None:
        raise resuming.nothing(run.id)
    return found


def _same_card(run: Run, gpu: str) -> None:
    """Refuse another GPU than the one that the run had. Raises StudioError (``run_gpu``)."""
    had = preparing.card_of(run)
    if processor.named(gpu) != had:
        raise StudioError(
            RUN_GPU,
            f"{run.id} goes on where it was, with --gpu {had} of {run.machine}; {gpu} was asked"
            " for, and nothing was started.",
            hint=f"ategnatos train resume {run.id}",
            gpu=gpu,
            looked_at=had,
            machine=run.machine,
        )


def _lined_up(project: Project, run: Run, actor: str, now: datetime) -> Run:
    """Put a run that is over back into the line: of two that ask for it at once, one does."""

    def check(runs: Sequence[Run]) -> None:
        vacant(runs, run.gpu, run.id)

    with locks.hold(project, f"run-{run.id}", wait=_SETTLES_SECONDS * 2):
        now_is = record.load(project, run.id)
        if now_is.state not in record.ENDED:
            raise wrong_state(run, f"{now_is.says} already", f"ategnatos train watch {run.id}")
        _settled(project, run, actor)
        state.stop_heeded(run.folder)
        # First the run: a job that is claimed finds it in the line again.
        made = record.note(
            project, run.id, now=now, actor=actor, check=check, state="queued", why=""
        )
        _again(project, made, actor)
        return made


def _settled(project: Project, run: Run, actor: str) -> None:
    """The job of a run that came to its end says so too, before it is tried again."""
    deadline = time.monotonic() + _SETTLES_SECONDS
    with database.connect(project) as db:
        while (job := store.get(db, number_of(run))).runnable:
            if not job.held(db.now()):
                # Who followed it died between the two.
                moves.cancel(db, job.id, who=actor, rules=SAGAS[SAGA])
                return
            if time.monotonic() > deadline:
                raise wrong_state(
                    run, "is just coming to its end", f"ategnatos train status {run.id}"
                )
            time.sleep(0.05)


def _again(project: Project, run: Run, actor: str) -> None:
    """Put its job back into the line, where it is not there."""
    with database.connect(project) as db:
        job = store.get(db, number_of(run))
        if job.state == "stopped":
            with database.writing(db):
                moves.by_person(db, job.id, "training", who=actor, why="again")
        elif not job.runnable:
            moves.retry(db, job.id, who=actor, rules=SAGAS[SAGA])


def _moved(
    project: Project,
    run: Run,
    kept: Kept,
    machine: Machine,
    gpu: str,
    actor: str,
    now: datetime,
    require: Require,
    found: Point,
) -> Run:
    """A run of its own on another machine, with what the first one saved."""
    import shutil

    fresh = order(
        project, kept, run.trainer, machine.name, actor=actor, now=now, gpu=gpu, require=require,
        parent=run.id,
    )  # fmt: skip
    last = attempts.last(run.folder)
    assert last is not None, "newest() found a checkpoint of it"
    # Number 0 stands for what was done before, elsewhere.
    before = attempts.Attempt(
        0, found.begins, "", found.output, last.steps, last.started_at, record.iso(now), None,
        "lost", "elsewhere", f"It began as {run.id} on {run.machine}.",
    )  # fmt: skip
    try:
        preparing.keep_plan(fresh.folder, preparing.plan_of(run.folder))
        with explained(fresh.folder, f"{run.id} is as it was, and {fresh.id} will not begin."):
            shutil.copytree(
                run.folder / found.output,
                fresh.folder / found.output,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("*.ledger.json"),
            )
            if (run.folder / curve.NAME).is_file():
                shutil.copy2(run.folder / curve.NAME, fresh.folder / curve.NAME)
        attempts.put(fresh.folder, before)
    except BaseException:
        # Left in the line, it would begin from the first step, as if nothing had been trained.
        stop(project, fresh, actor=actor, now=now)
        raise
    return record.note(project, fresh.id, now=now, changes=list(run.changes))
