"""Write a run down and begin it: what has to be so before, and the job that carries it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import write_atomic
from ategnatos.grimoire.jobs import database, store, throttle
from ategnatos.train import gates, processor
from ategnatos.train.machine import LOCAL, machine_of
from ategnatos.train.run import preparing, record, state
from ategnatos.train.run.room import roomy
from ategnatos.train.run.steps import SAGA, SAGAS
from ategnatos.train.run.taking import Supervisor

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.records import Job
    from ategnatos.grimoire.project import Project
    from ategnatos.machines import Machine
    from ategnatos.train.gates import Opened
    from ategnatos.train.plan.store import Kept
    from ategnatos.train.run.record import Run

RUN_BUSY = ErrorCode("run_busy", "The GPU is in use by another training of this studio.")
RUN_STATE = ErrorCode("run_state", "The run is not in a state that allows this.")
RUN_GPU = ErrorCode("run_gpu", "The gates looked at another GPU than the one asked for.")
RUN_TIMER = ErrorCode("run_timer", "A rented machine has no running budget timer.")

ORDER_EVENT = "run.ordered"

# As gates.require; what is asked before anything is started.
Require = Callable[["Project", "Kept", str, str], "Opened"]
Start = Callable[["Project", int], object]


def order(
    project: Project,
    kept: Kept,
    trainer: str,
    machine: str,
    *,
    actor: str,
    now: datetime,
    gpu: str = "",
    priority: int = 0,
    wait: bool = False,
    require: Require = gates.require,
    parent: str = "",
) -> Run:
    """Write a run and its job down; nothing is started yet. ``wait``: behind what is there.

    Raises StudioError as :func:`allowed`, and those of laying the dataset out.
    """
    from ategnatos.trainers import load_trainer

    chosen = load_trainer(trainer)
    opened, there, resource = allowed(
        project, kept, chosen.name, machine, gpu=gpu, wait=wait, require=require
    )
    from ategnatos.train.plan import laying

    ready = laying.ready(project, kept.plan, chosen.layout, project.workspace / "training")
    run = record.new(
        project,
        kept,
        trainer=chosen.name,
        machine=there.name,
        gpu=resource,
        steps=ready.dataset.steps,
        now=now,
        parent=parent,
        # Asked before, so that nothing is laid out in vain; this decides, where two come at once.
        check=lambda runs: None if wait else vacant(runs, resource),
    )
    preparing.keep_plan(run.folder, kept.plan)
    keep_environment(run, opened)
    with database.connect(project) as db:
        job = _job(db, run, priority, now)
        if not any(row["name"] == resource for row in throttle.rows(db)):
            throttle.limit(db, resource, concurrency=1, rate=None)
    run = record.note(project, run.id, now=now, job=job.name)
    journal.append(
        project,
        ORDER_EVENT,
        actor=actor,
        references={"run": run.id, "plan": run.plan, "digest": run.digest, "job": job.name},
        data={
            "trainer": run.trainer,
            "machine": run.machine,
            "gpu": resource,
            "gates": [one.event for one in opened.gates],
            "parent": parent,
        },
        now=now,
    )
    return run


def allowed(
    project: Project,
    kept: Kept,
    trainer: str,
    machine: str,
    *,
    gpu: str = "",
    wait: bool = False,
    require: Require = gates.require,
) -> tuple[Opened, Machine, str]:
    """What the gates found, the machine, and the name of its GPU (``gpu`` is a number, or ``cpu``
    for the processor; "": the one that the gates looked at); nothing is written.

    Raises StudioError: ``machine_unknown``, ``train_gate``, ``run_timer``, ``run_gpu``,
    ``gpu_choice``, ``run_disk``, ``run_busy`` (not with ``wait``).
    """
    there = machine_of(project, machine)
    opened = require(project, kept, trainer, machine)
    timed(project, there)
    roomy(project.workspace, there)
    gpu = gpu or processor.of_gates(opened.environment)
    resource = gpu_of(there, gpu)
    looked_at(kept, trainer, there, gpu, opened)
    if not wait:
        free(project, resource)
    return opened, there, resource


def looked_at(kept: Kept, trainer: str, machine: Machine, gpu: str, opened: Opened) -> None:
    """Refuse another GPU than the one that gates 3 and 4 hold for. Raises StudioError
    (``run_gpu``).
    """
    known = "gpu_index" in opened.environment
    seen, asked = processor.of_gates(opened.environment), processor.named(gpu)
    if not known or asked == seen or not (opened.gpu or opened.environment.get("processor")):
        return
    where = "" if machine.name == LOCAL else f" --machine {machine.name}"
    which = "the processor" if seen == processor.PROCESSOR else f"GPU {seen}"
    said = f" ({opened.gpu})" if opened.gpu else ""
    other = "the processor" if asked == processor.PROCESSOR else f"GPU {asked}"
    raise StudioError(
        RUN_GPU,
        f"The gates of {kept.name!r} were opened for {which} of {machine.name}{said},"
        f" and {other} was asked for; nothing was started.",
        hint=f"Have that one looked at: ategnatos train environment {kept.name} --trainer"
        f" {trainer}{where} --gpu {asked}. Or train on the other: --gpu {seen}",
        gpu=asked,
        looked_at=seen,
        machine=machine.name,
    )


def start(project: Project, job_id: int) -> Supervisor:
    """Start a supervisor for a job, apart from this process: it outlives the shell.

    Whether it does its work is for :func:`taking.taken_up` to see.
    """
    run = _run_of(project, job_id)
    run.folder.mkdir(parents=True, exist_ok=True)
    path = run.folder / "supervisor.log"
    with path.open("ab") as log:
        begins = log.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "ategnatos.train.run.supervise", str(project.root), str(job_id)],
            cwd=project.root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Supervisor(process, path, begins)


def waits(run: Run) -> None:
    """Refuse a run that is not in the line any more. Raises StudioError (``run_state``)."""
    if run.state != "queued":
        verb = "status" if run.state in record.ENDED else "stop"
        raise wrong_state(
            run, f"{run.says} and is not in the line", f"ategnatos train {verb} {run.id}"
        )


def gpu_of(machine: Machine, gpu: str) -> str:
    """The name under which the GPU is locked, or the processor. Raises StudioError
    (``gpu_choice``).
    """
    from ategnatos.guard.locks.names import parse_resource

    card = processor.named(gpu)
    if machine.name == LOCAL:
        return parse_resource(f"gpu:local:{card}")
    return parse_resource(f"gpu:{machine.name}")


def timed(project: Project, machine: Machine) -> None:
    """Refuse a billed machine without a timer that ends it. Raises StudioError (``run_timer``)."""
    if machine.name == LOCAL:
        return
    from ategnatos.grimoire.spend import rentals

    with database.connect(project) as db:
        names = {one.name for one in rentals.live(db)}
    if machine.name not in names:
        raise StudioError(
            RUN_TIMER,
            f"No budget timer runs for {machine.name}, so nothing would end it; nothing was"
            " started.",
            hint=f"ategnatos studio budget timer start {machine.name} --max-minutes 120",
            machine=machine.name,
        )


def number_of(run: Run) -> int:
    """The number of its job. Raises StudioError (``run_state``) where it has none."""
    digits = run.job.removeprefix("j")
    if not digits.isdigit():
        raise wrong_state(run, "was written down and never put into the line", "ategnatos doctor")
    return int(digits)


def free(project: Project, gpu: str, run: str = "") -> None:
    """Refuse where another run uses the GPU or waits for it. Raises StudioError (``run_busy``)."""
    vacant(record.every(project)[::-1], gpu, run)


def vacant(runs: Sequence[Run], gpu: str, run: str = "") -> None:
    """The same of ``runs``, the oldest first."""
    others = [
        one for one in runs if one.gpu == gpu and one.state not in record.ENDED and one.id != run
    ]
    if others:
        raise StudioError(
            RUN_BUSY,
            f"{gpu} has {others[0].id} already, which {others[0].says}; nothing was started.",
            hint=f"Put it behind: ategnatos train queue add {others[0].plan} --trainer"
            f" {others[0].trainer}. Or stop that one: ategnatos train stop {others[0].id}",
            gpu=gpu,
            runs=[one.id for one in others],
        )


def keep_environment(run: Run, opened: Opened) -> None:
    """What the gates found on the machine: for the start, and for whoever repeats the run."""
    text = json.dumps(opened.environment, indent=1, ensure_ascii=False, sort_keys=True, default=str)
    write_atomic(run.folder / preparing.ENVIRONMENT, text.encode() + b"\n")
    facts: dict[str, Any] = opened.environment
    state.change(
        run.folder,
        run_id=run.id,
        status=run.state,
        install={
            "home": opened.home,
            "python": opened.python,
            "gpu": opened.gpu,
            "version": str(facts.get("version", "")),
            "commit": str(facts.get("commit", "")),
        },
    )


def _job(db: Database, run: Run, priority: int, now: datetime) -> Job:
    job, _ = store.record(
        db,
        kind="training",
        engine=run.gpu,
        recipe_id=f"training-{run.plan}",
        base=run.digest,
        take=0,
        binding=run.id,
        asked=f"train {run.plan} with {run.trainer} ({run.id})",
        request={"run": run.id, "plan": run.plan, "digest": run.digest},
        now=store.iso(now),
        saga=SAGAS[SAGA],
        priority=priority,
        data={"run": run.id},
    )
    return job


def _run_of(project: Project, job_id: int) -> Run:
    with database.connect(project) as db:
        return record.load(project, str(store.get(db, job_id).data["run"]))


def wrong_state(run: Run, why: str, hint: str) -> StudioError:
    return StudioError(
        RUN_STATE,
        f"The run {run.id} {why}; nothing was changed.",
        hint=hint,
        run=run.id,
        state=run.state,
    )
