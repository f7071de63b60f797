"""Today: what awaits a person's eye, what runs, what bills, what drifted, what was made last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from ategnatos.grimoire.jobs import database, picture_rows
from ategnatos.grimoire.jobs.job_words import Query
from ategnatos.studio import overview, spending
from ategnatos.train.run import record, status
from ategnatos.web.answers import drawn, project_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project

_WAITING, _LAST = 12, 18
_OF_EACH = 2


def page(request: Request) -> Response:
    """The whole page; ``panel`` in the address asks for its inside alone."""
    inside = "panel" in request.query_params
    template = "today_panel.html" if inside else "today.html"
    return drawn(request, template, **_facts(project_of(request)))


def _facts(project: Project) -> dict[str, Any]:
    seen = overview.look(project)
    waiting: list[picture_rows.PictureRow] = []
    last: list[picture_rows.PictureRow] = []
    if database.exists(project):
        with database.connect(project) as db:
            waiting = _of_jobs(db, [int(line.job[1:]) for line in seen.waiting])
            last = picture_rows.window(db, Query(), offset=0, limit=_LAST)
    every = record.every(project) if (project.state / "runs.json").exists() else []
    training = [status.snapshot(project, one) for one in every if one.state not in record.ENDED]
    caps = [] if seen.money is None else spending.caps(seen.money)
    return {"seen": seen, "waiting": waiting, "last": last, "caps": caps, "training": training}


def _of_jobs(db: Database, jobs: list[int]) -> list[picture_rows.PictureRow]:
    """The first pictures without a verdict of these jobs."""
    found: list[picture_rows.PictureRow] = []
    for job in jobs:
        found += picture_rows.undecided_of(db, job)[:_OF_EACH]
        if len(found) >= _WAITING:
            break
    return found[:_WAITING]
