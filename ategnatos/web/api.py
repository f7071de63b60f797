"""The JSON API: the page's own facts, for whoever has the session or the read-only token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.requests import Request

    from ategnatos.web.changes import Changes


def state(request: Request) -> Response:
    """Whether anything changed, and how fresh what is read is; asked for where events fail."""
    changes: Changes = request.app.state.changes
    return JSONResponse(
        {"head": changes.head, "work": changes.work, "sources": changes.facts()},
        headers={"cache-control": "no-store"},
    )
