"""The process that follows runs: ``python -m ategnatos.train.run.supervise STUDIO JOB``.

It carries the job on and then the next in the line for the same GPU, until none is left. Killed,
it leaves a lease that is taken over; told to end (SIGTERM), it gives the job back. The trainer goes
on either way.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.jobs import database, leases, store, throttle
from ategnatos.grimoire.jobs.owners import owner_name
from ategnatos.grimoire.jobs.worker import Worker
from ategnatos.train.run.steps import SAGA, SAGAS, Steps

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project

# A supervisor may die often in a run of days; the trainer goes on all the same.
POLICY = leases.Policy(reclaims=1_000_000)
_LOOK_SECONDS = 1.0


def carry_on(
    project: Project, job_id: int, steps: Steps, ending: threading.Event | None = None
) -> int:
    """Follow the job to its end and those behind it in the line for its GPU; how many ended.

    Raises StudioError for a database that cannot be used.
    """
    from ategnatos.guard.redaction import redact

    ending = ending or threading.Event()
    worker = Worker(
        project,
        SAGAS,
        steps.table(),
        owner=owner_name(f"train{job_id}"),
        policy=POLICY,
        failed=steps.failed,
        redact=redact,
        say=steps.say,
        ending=ending,
    )
    done = 0
    with database.connect(project) as db:
        following: int | None = job_id
        while following is not None and not ending.is_set():
            claim = worker.claim(db, following)
            if claim is not None:
                worker.carry_on(db, claim)
            job = store.get(db, following)
            if job.runnable and not ending.is_set():
                if claim is None and (job.held(db.now()) or _held_back(db, job.engine)):
                    break
                ending.wait(_LOOK_SECONDS)
                continue
            done += 1
            following = next_in_line(db, job.engine)
        return done


def next_in_line(db: Database, gpu: str) -> int | None:
    """The job that is to be carried on next on that GPU; one that trains already before others."""
    now = db.now()
    rows = db.execute(
        "SELECT * FROM job WHERE saga=? AND engine=? AND runnable=1"
        " ORDER BY CASE WHEN state='training' THEN 0 ELSE 1 END, priority DESC, id",
        (SAGA, gpu),
    ).fetchall()
    from ategnatos.grimoire.jobs.records import job_of

    jobs = [job_of(row) for row in rows]
    if any(one.held(now) for one in jobs):
        return None
    if jobs and jobs[0].state == "queued" and _held_back(db, gpu):
        return None
    return jobs[0].id if jobs else None


def _held_back(db: Database, gpu: str) -> bool:
    held = throttle.blocked(db, db.now())
    return gpu in held or throttle.EVERY in held


def main(arguments: Sequence[str]) -> int:
    """Follow one job, as a process of its own."""
    from ategnatos.grimoire.project import Project

    project = Project.find(explicit=Path(arguments[0]))
    ending = threading.Event()

    def end(number: int, frame: object) -> None:
        ending.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)

    def say(text: str) -> None:
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        print(f"{stamp}  {text}", flush=True)  # noqa: T201 - its log is what it is read by

    began = time.monotonic()
    steps = Steps(project, clock=lambda: datetime.now(UTC), say=say)
    done = carry_on(project, int(arguments[1]), steps, ending)
    say(f"Over after {time.monotonic() - began:.0f} s; {done} runs came to an end.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
