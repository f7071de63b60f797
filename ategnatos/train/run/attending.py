"""Who carries the line of a GPU on, and what stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.grimoire.jobs import database
from ategnatos.train.run import attempts, supervise
from ategnatos.train.run.ordering import Start, start
from ategnatos.train.run.steps import SAGA

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.records import Job
    from ategnatos.grimoire.project import Project
    from ategnatos.train.run.record import Run


def attend(project: Project, gpu: str, begin: Start = start) -> int | None:
    """See to it that somebody carries the line of a GPU on; the job that was begun, or None."""
    with database.connect(project) as db:
        following = supervise.next_in_line(db, gpu)
    if following is not None:
        begin(project, following)
    return following


def queue(db: Database, gpu: str = "") -> list[Job]:
    """Training jobs that run or wait, in the order in which they are taken."""
    from ategnatos.grimoire.jobs.records import job_of

    rows = db.execute(
        "SELECT * FROM job WHERE saga=? AND runnable=1"
        " ORDER BY engine, CASE WHEN state='training' THEN 0 ELSE 1 END, priority DESC, id",
        (SAGA,),
    ).fetchall()
    return [one for one in map(job_of, rows) if not gpu or one.engine == gpu]


def lives(run: Run) -> bool:
    """Whether a try of it has begun and nobody knows of its end."""
    tried = attempts.last(run.folder)
    return tried is not None and not tried.end
