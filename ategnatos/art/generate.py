"""Carry an order out: write it down, make the pictures, keep them, show them on one sheet.

The job stands in the database before any work, and whoever works on it holds its lease. The
same order again is no second generation: its candidates are checked on disk and shown, and made
again only where a file is missing. A process that dies half-way leaves a job that the same
command, or any worker, carries on.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.art import billing, sheets, steps
from ategnatos.art.line import Clock, enqueue, next_take, put_down, standing
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_bytes, sha256_file
from ategnatos.grimoire.jobs import claims, database, leases, moves, sending, store
from ategnatos.grimoire.jobs.effects import Outcome, RefusedError
from ategnatos.grimoire.jobs.leases import Policy
from ategnatos.grimoire.jobs.owners import owner_name
from ategnatos.grimoire.jobs.records import PICTURE
from ategnatos.grimoire.jobs.run import Pulse
from ategnatos.grimoire.jobs.worker import Worker

if TYPE_CHECKING:
    from ategnatos.art.order import Order
    from ategnatos.engines import Engine, ProgressCallback, Request, Result
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.leases import Hold
    from ategnatos.grimoire.project import Project

# What puts an order down belongs to this surface too.
__all__ = [
    "JOB_WAITS",
    "NOT_REPRODUCED",
    "Made",
    "carry_on",
    "carry_out",
    "enqueue",
    "next_take",
    "standing",
]

NOT_REPRODUCED = ErrorCode(
    "not_reproduced", "Making a missing picture again gave other bytes than the record holds."
)
JOB_WAITS = ErrorCode("job_waits", "The job is in the line, and its turn has not come.")

# Somebody else making the very same pictures is worth waiting for: seconds.
GENERATION_WAIT = 600.0
_LOOK_AGAIN = 0.1


@dataclass(frozen=True, slots=True)
class Made:
    """A job with its candidates; ``fresh`` tells whether pictures were made by this call."""

    job: store.Job
    candidates: list[store.Candidate]
    sheet: Path
    fresh: bool


def carry_out(
    project: Project,
    engine: Engine,
    order: Order,
    *,
    now: Clock,
    actor: str,
    parent: str | None = None,
    change: str | None = None,
    on_progress: ProgressCallback | None = None,
    priority: int = 0,
) -> Made:
    """Make what ``order`` says, or return what stands.

    ``now`` gives aware times. Raises StudioError, with the job recorded as failed, for what the
    engine refuses or breaks on; ``job_waits`` where the job is in the line and may not begin.
    """
    with database.connect(project) as db:
        job, _ = put_down(
            project,
            db,
            engine.name,
            order,
            now=now,
            actor=actor,
            parent=parent,
            change=change,
            priority=priority,
        )
        made = carry_on(
            project,
            db,
            job,
            engine_of=lambda name: engine,
            now=now,
            actor=actor,
            request=order.request,
            on_progress=on_progress,
        )
        job = store.get(db, job.id)
        candidates = store.candidates(db, job.id)
        sheet = sheets.write_job_sheet(project, job, candidates)
    return Made(job, candidates, sheet, made)


def carry_on(
    project: Project,
    db: Database,
    job: store.Job,
    *,
    engine_of: Callable[[str], Engine],
    now: Clock,
    actor: str,
    request: Request | None = None,
    on_progress: ProgressCallback | None = None,
) -> bool:
    """Carry a job that is written down to where it waits for a person; True where this call
    worked on it. ``request`` is its request where that is at hand.

    Pictures that it made and that are gone are made again, except where a person's word stood
    between them: a concept and what followed it are no one call. Raises StudioError as
    :func:`carry_out`.
    """
    work = steps.Steps(
        project,
        engine_of=engine_of,
        now=now,
        actor=actor,
        request=request,
        on_progress=on_progress,
    )
    # Somebody waits for this one job: he hears of a failure at once, and decides.
    worker = Worker(
        project,
        steps.SAGAS,
        work.table(),
        owner=owner_name(os.urandom(3).hex()),
        policy=Policy(retries=0),
        failed=work.failed,
        interrupt_fails=True,
    )
    if _made(project, db, worker, job, on_progress, actor):
        return True
    if job.saga != PICTURE or not _missing(project, db, job):
        return False
    from ategnatos.art.vary import request_of

    order = steps.order_of(job, request or request_of(project, job))
    engine = engine_of(job.engine)
    return _restore_missing(project, db, engine, order, job, now, actor, on_progress)


def _made(
    project: Project,
    db: Database,
    worker: Worker,
    job: store.Job,
    on_progress: ProgressCallback | None,
    actor: str,
) -> bool:
    """Carry the job to where it waits for a person; True where this process made the pictures."""
    deadline, worked = time.monotonic() + GENERATION_WAIT, False
    while True:
        job = store.get(db, job.id)
        if job.state == store.FAILED:
            _try_again(db, job, actor)
        elif not job.runnable:
            return worked
        claim = worker.claim(db, job.id)
        if claim is not None:
            stopped = worker.carry_on(db, claim)
            if stopped is not None:
                raise stopped
            worked = True
            continue
        why = claims.waits_for(db, job)
        if time.monotonic() > deadline or why.startswith("engine "):
            raise StudioError(
                JOB_WAITS,
                f"{job.name} is in the line and was not begun: {why or 'others are first'}."
                " It stays there; nothing was lost.",
                hint="See the line: ategnatos jobs list. A pause ends with"
                f" 'ategnatos jobs resume {job.engine}'.",
                job=job.name,
            )
        _follow(db, job, on_progress)


def _try_again(db: Database, job: store.Job, actor: str) -> None:
    try:
        moves.retry(db, job.id, who=actor)
    except StudioError as error:
        # Of several that wait for the same job one puts it back; the others see it move.
        if error.code is not moves.JOB_STATE:
            raise


def _follow(db: Database, job: store.Job, on_progress: ProgressCallback | None) -> None:
    """Wait a moment for whoever makes it, and show how far he is."""
    time.sleep(_LOOK_AGAIN)
    said = store.get(db, job.id).progress
    if said is not None and on_progress is not None:
        from ategnatos.engines import Progress

        on_progress(Progress(**said))


@contextmanager
def _held(project: Project, db: Database, job: store.Job) -> Iterator[Hold]:
    """Keep a job to ourselves that no worker's turn it is."""
    owner = owner_name(os.urandom(3).hex())
    deadline = time.monotonic() + GENERATION_WAIT
    patience = Policy()
    while not (taken := leases.take(db, [job.id], owner, patience.lease)):
        if time.monotonic() > deadline:
            raise StudioError(
                JOB_WAITS,
                f"{store.get(db, job.id).owner} has kept {job.name} to itself for"
                f" {GENERATION_WAIT:g} seconds; nothing was changed.",
                hint="Run the same command again later.",
                job=job.name,
            )
        time.sleep(_LOOK_AGAIN)
    ours = claims.Claim(store.get(db, job.id), taken[job.id])
    try:
        with Pulse(project, ours, patience, time.time, threading.Event()):
            yield ours.hold
    finally:
        leases.release(db, taken.values())


def _missing(project: Project, db: Database, job: store.Job) -> list[store.Candidate]:
    return [
        one
        for one in store.candidates(db, job.id)
        if not (project.root / one.path).is_file()
        or sha256_file(project.root / one.path) != one.sha256
    ]


def _restore_missing(
    project: Project,
    db: Database,
    engine: Engine,
    order: Order,
    job: store.Job,
    now: Clock,
    actor: str,
    on_progress: ProgressCallback | None,
) -> bool:
    """Make candidates again whose file is gone or damaged; True if any was."""
    with _held(project, db, job) as hold:
        missing = _missing(project, db, job)
        if not missing:
            return False
        result = _made_anew(project, db, hold, engine, order, job, now, actor, on_progress)
        for one in missing:
            # What is known of the weights may have grown since; the picture says what it said.
            made = replace(result.images[one.number - 1], settings=one.settings)
            png = steps.labelled(job, one.number, made)
            if sha256_bytes(png) != one.sha256:
                raise StudioError(
                    NOT_REPRODUCED,
                    f"{one.reference} is missing on disk, and making it again gave other bytes"
                    " than the record holds. The record was kept as it is.",
                    hint="Make a new take: add --again to the command.",
                    candidate=one.reference,
                )
            (project.root / one.path).unlink(missing_ok=True)
            steps.put(project, job, one.number, png)
        store.mark_restored(db, [(one.job, one.number) for one in missing])
    return True


def _made_anew(
    project: Project,
    db: Database,
    hold: Hold,
    engine: Engine,
    order: Order,
    job: store.Job,
    now: Clock,
    actor: str,
    on_progress: ProgressCallback | None,
) -> Result:
    """The pictures of a job once more; from an engine that bills they are bought once more."""
    bought = billing.purchase(project, db, engine, order, job, now=now, actor=actor)
    if bought is None:
        return steps.made_by(engine, order.request, on_progress)
    results: list[Result] = []

    def send(key: str, last_look: Callable[[], None]) -> Outcome:
        last_look()
        try:
            results.append(engine.generate(order.request, on_progress))
        except StudioError as error:
            raise billing.as_refused(error) from error
        return Outcome(cost=results[0].charged, final=False)

    effect = bought.effect("restore", send, lambda: None)
    try:
        sending.carry_out(db, hold, job, Policy(), effect, lambda point, job: None, time.sleep)
    except RefusedError as error:
        raise error.error from error
    return steps.whole(engine, order.request, results[0])
