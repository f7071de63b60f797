"""What the handlers have in common: the studio, forms, pages, refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, Response

from ategnatos.web import appearance
from ategnatos.web.sessions import Session

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.requests import Request

    from ategnatos.grimoire.errors import StudioError
    from ategnatos.grimoire.project import Project
    from ategnatos.web.running import Page


def page_of(request: Request) -> Page:
    """The running page."""
    page: Page = request.app.state.page
    return page


def project_of(request: Request) -> Project:
    """The studio."""
    return page_of(request).project


def session_of(request: Request) -> Session:
    """The browser's session; the door let nobody in without one."""
    session = request.scope["session"]
    assert isinstance(session, Session)
    return session


async def values_of(request: Request) -> dict[str, Any]:
    """What a form or a script of ours sent; empty where it cannot be read."""
    body = await request.body()
    try:
        if request.headers.get("content-type", "").startswith("application/json"):
            found = json.loads(body)
            return found if isinstance(found, dict) else {}
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except (ValueError, RecursionError):
        return {}


def drawn(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page from its template."""
    environment: Environment = request.app.state.templates
    session = request.scope.get("session")
    wish = appearance.of(request.cookies)
    text = environment.get_template(template).render(
        session=session,
        path=request.url.path,
        studio=project_of(request).root.name,
        look=wish.look,
        lore=wish.lore,
        w=wish.word,
        **values,
    )
    return Response(text, status, media_type="text/html", headers={"cache-control": "no-store"})


def refused(error: StudioError, status: int = 409) -> JSONResponse:
    """A refusal as JSON, as the command line gives it."""
    return JSONResponse({"error": told(error)}, status)


def told(error: StudioError) -> dict[str, str]:
    """What happened, what was not done, what to do, and about which candidate."""
    said = {"code": error.code.code, "message": error.message, "hint": error.hint}
    if isinstance(error.details.get("candidate"), str):
        said["candidate"] = error.details["candidate"]
    return said
