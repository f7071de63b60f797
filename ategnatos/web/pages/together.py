"""Pictures beside each other: with what differs in how they were made, or as one sheet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from ategnatos.art import compare as room
from ategnatos.art.references import parse_candidate
from ategnatos.art.verdicts import verify_bytes
from ategnatos.commands.art.compare import notation_of
from ategnatos.grimoire.jobs import database, store
from ategnatos.web.answers import drawn, project_of

if TYPE_CHECKING:
    from starlette.requests import Request

_MOST_ON_A_SHEET = 200


def compare(request: Request) -> Response:
    """Two to four pictures with the same zoom, the words and settings that differ below."""
    names = request.query_params.getlist("name")
    with database.connect(project_of(request)) as db:
        sides = []
        for label, name in zip(room.LABELS + "?" * len(names), names, strict=False):
            one = store.get_candidate(db, *parse_candidate(name))
            sides.append(room.Side(label, one.reference, store.get(db, one.job), one))
    found = room.compare(sides, [notation_of(one.job) for one in sides])
    return drawn(request, "compare.html", found=found)


def sheet(request: Request) -> Response:
    """A contact sheet of the chosen pictures, as a PNG to keep."""
    from ategnatos.pictures.sheet import SheetItem, contact_sheet

    project = project_of(request)
    names = request.query_params.getlist("name")[:_MOST_ON_A_SHEET]
    items = []
    with database.connect(project) as db:
        for name in names:
            one = store.get_candidate(db, *parse_candidate(name))
            verify_bytes(project, one)
            asked = store.get(db, one.job).asked
            items.append(
                SheetItem(
                    picture=project.root / one.path,
                    label=one.reference,
                    caption=asked,
                    badge=one.verdict,
                )
            )
    png = contact_sheet(
        items, title=project.root.name, subtitle=f"{len(items)} pictures", footer=""
    )
    return Response(
        png,
        media_type="image/png",
        headers={
            "cache-control": "no-store",
            "content-disposition": 'inline; filename="contact-sheet.png"',
        },
    )
