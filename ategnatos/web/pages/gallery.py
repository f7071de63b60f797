"""Gallery: every picture of the studio, found by words and narrowed by what it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from ategnatos.art import search
from ategnatos.grimoire.jobs import database, job_words, picture_rows
from ategnatos.grimoire.jobs.job_words import Query
from ategnatos.web import colours
from ategnatos.web.answers import drawn, project_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from ategnatos.grimoire.project import Project

MOST = 400
VERDICTS = ("approved", "rejected", "none")


def page(request: Request) -> Response:
    """The page with its facets; the pictures come by script as it is scrolled."""
    project = project_of(request)
    names = ("project", "family", "engine", "lora", "colour")
    facets: dict[str, list[str]] = {name: [] for name in names}
    if database.exists(project):
        with database.connect(project) as db:
            job_words.catch_up(db)
            facets = picture_rows.facets(db)
        facets["colour"] = colours.names()
        request.app.state.colours.begin()
    asked = request.query_params
    given = {name: asked.get(name, "") for name in ("words", "seed", "verdict", *facets)}
    return drawn(request, "gallery.html", facets=facets, given=given)


def window(project: Project, asked: Mapping[str, str], offset: int, limit: int) -> dict[str, Any]:
    """The same as JSON values. Raises StudioError (``since``)."""
    if not database.exists(project):
        return {"total": 0, "unmeasured": 0, "offset": offset, "pictures": []}
    query = query_of(asked)
    with database.connect(project) as db:
        job_words.catch_up(db)
        total = picture_rows.count(db, query)
        rows = picture_rows.window(db, query, offset=offset, limit=limit)
        unmeasured = picture_rows.count_unmeasured(db) if query.colour else 0
    return {
        "total": total,
        "unmeasured": unmeasured,
        "offset": offset,
        "pictures": [
            {
                "name": one.reference,
                "sha256": one.sha256,
                "width": one.width,
                "height": one.height,
                "seed": one.seed,
                "verdict": one.verdict,
                "prompt": one.asked,
            }
            for one in rows
        ],
    }


def query_of(asked: Mapping[str, str]) -> Query:
    """What an address asks for; a verdict or seed that is none is left out.

    Raises StudioError (``since``).
    """
    now = datetime.now(UTC)
    verdict = asked.get("verdict", "")
    seed = asked.get("seed", "")
    since = asked.get("since", "")
    return Query(
        words=asked.get("words", ""),
        verdict=verdict if verdict in VERDICTS else None,
        family=asked.get("family") or None,
        engine=asked.get("engine") or None,
        lora=asked.get("lora") or None,
        project=asked.get("project") or None,
        colour=asked.get("colour") or None,
        seed=int(seed) if seed.isdecimal() and len(seed) < 19 else None,
        since=search.moment(since, now) if since else None,
    )


def whole(text: str | None, otherwise: int) -> int:
    """A whole number of an address, or ``otherwise``."""
    return int(text) if text and text.isdecimal() and len(text) < 10 else otherwise
