"""Stop a run: one that waits, one that trains, one that was given up and trains on."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, moves, store
from ategnatos.train.machine import LOCAL
from ategnatos.train.run import record, status, stopping
from ategnatos.train.run.attending import lives
from ategnatos.train.run.ordering import RUN_STATE, Start, number_of, start
from ategnatos.train.run.steps import SAGA, SAGAS

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project
    from ategnatos.train.run.record import Run


def stop(
    project: Project,
    run: Run,
    *,
    actor: str,
    now: datetime,
    begin: Start = start,
    wait: float = 0.0,
    after_save: bool = False,
) -> Run:
    """Have a run stopped cleanly, with ``after_save`` right after its next save; ``wait`` so many
    seconds for its end.

    One that still waits is taken out of the line at once. Where nobody follows the run, a
    supervisor is started to do it. Raises StudioError (``run_state``).
    """
    if not run.job and run.state == "queued":
        # Who ordered it died, or had no disk left, before its job was written: it never begins.
        return record.note(
            project, run.id, now=now, actor=actor, state="stopped",
            why="It was written down and never put into the line.", ended_at=record.iso(now),
        )  # fmt: skip
    with database.connect(project) as db:
        job = store.get(db, number_of(run))
        if run.state in record.ENDED and lives(run) and _there(project, run):
            # It was given up (a full disk, a broken line), and its trainer goes on all the same:
            # one that is over would be left alone.
            run = record.note(project, run.id, now=now, actor=actor, state="queued", why="")
        if not job.runnable and lives(run):
            # Its job was cancelled while nobody followed it; its trainer goes on all the same.
            moves.retry(db, job.id, who=actor, rules=SAGAS[SAGA])
            job = store.get(db, job.id)
        if not job.runnable:
            raise StudioError(
                RUN_STATE,
                f"The run {run.id} {run.says}; there is nothing to stop.",
                hint=f"ategnatos train status {run.id}",
                run=run.id,
                state=run.state,
            )
        why = f"{actor} took it out of the line."
        if not lives(run) and _taken_out(db, job.id, actor, why):
            return record.note(
                project, run.id, now=now, actor=actor, state="stopped", why=why,
                ended_at=record.iso(now),
            )  # fmt: skip
        held = store.get(db, job.id).held(db.now())
    stopping.want(run, actor, after_save=after_save)
    if not held:
        begin(project, number_of(run))
    deadline = time.monotonic() + wait
    while True:
        run = record.load(project, run.id)
        if run.state in record.ENDED or time.monotonic() >= deadline:
            return run
        time.sleep(0.1)


def _taken_out(db: Database, job_id: int, actor: str, why: str) -> bool:
    """Take a job that nobody has begun out of the line; False where somebody just did."""
    with database.writing(db):
        job = store.get(db, job_id)
        if job.state != "queued" or job.held(db.now()):
            return False
        moves.by_person(db, job_id, "stopped", who=actor, why=why)
        return True


def _there(project: Project, run: Run) -> bool:
    """Whether its machine is still ours."""
    return run.machine == LOCAL or status.bills(project, run)
