"""The page put together: routes, templates, static files, and the door around it all."""

from __future__ import annotations

import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge import lore
from ategnatos.web import api, metrics, pictures, stream
from ategnatos.web.answers import drawn, refused, told
from ategnatos.web.changes import Changes
from ategnatos.web.colours import Colours
from ategnatos.web.door import Door
from ategnatos.web.endings import Endings
from ategnatos.web.pages import (
    asset,
    door,
    evaluate,
    eye,
    gallery,
    money,
    review,
    runs,
    settings,
    today,
    together,
    vault,
)

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.requests import Request

    from ategnatos.web.running import Page

# What the top of every page links to, by the word of the lore file.
PAGES = [
    ("/", "today"),
    ("/review", "review"),
    ("/gallery", "gallery"),
    ("/runs", "runs"),
    ("/evaluate", "evaluate"),
    ("/money", "money"),
    ("/eye", "eye"),
    ("/vault", "vault"),
    ("/settings", "settings"),
]

_HERE = Path(__file__).parent


def build(page: Page) -> Starlette:
    """The application for a page that is about to be served."""

    @asynccontextmanager
    async def living(app: Starlette) -> AsyncIterator[None]:
        async with app.state.changes.following():
            yield
        app.state.colours.end()

    app = Starlette(
        routes=_routes(),
        lifespan=living,
        middleware=[Middleware(Door, doorkeeper=page.doorkeeper, port=page.port)],
        exception_handlers={
            StudioError: _studio_error,
            HTTPException: _http_error,
            Exception: _unexpected,
        },
    )
    app.state.page = page
    app.state.changes = Changes(page.project)
    app.state.endings = Endings()
    app.state.colours = Colours(page.project)
    app.state.templates = _templates()
    return app


def _routes() -> list[Route | Mount]:
    return [
        Route("/", today.page),
        Route("/gallery", gallery.page),
        Route("/compare", together.compare),
        Route("/sheet", together.sheet),
        Route("/job/{job}", asset.job),
        Route("/asset/{name:path}", asset.asset),
        Route("/make/vary", asset.vary, methods=["POST"]),
        Route("/make/again", asset.again, methods=["POST"]),
        Route("/money", money.page),
        Route("/eye", eye.page),
        Route("/eye/act", eye.act, methods=["POST"]),
        Route("/money/end", money.end, methods=["POST"]),
        Route("/money/resolve", money.resolve, methods=["POST"]),
        Route("/runs", runs.page),
        Route("/runs/{run}", runs.run),
        Route("/runs/{run}/stop", runs.stop, methods=["POST"]),
        Route("/runs/{run}/resume", runs.resume, methods=["POST"]),
        Route("/runs/{run}/sample/{path:path}", runs.sample),
        Route("/evaluate", evaluate.page),
        Route("/evaluate/{plan}/{number:int}", evaluate.evaluation),
        Route("/evaluate/{plan}/{number:int}/picture/{key}", evaluate.picture),
        Route("/evaluate/{plan}/{number:int}/vote", evaluate.vote, methods=["POST"]),
        Route("/evaluate/{plan}/{number:int}/reveal", evaluate.reveal, methods=["POST"]),
        Route("/evaluate/{plan}/{number:int}/decide", evaluate.decide, methods=["POST"]),
        Route("/evaluate/{plan}/{number:int}/register", evaluate.register, methods=["POST"]),
        Route("/vault", vault.page),
        Route("/settings", settings.page),
        Route("/settings/engines", settings.engines),
        Route("/settings/memory", settings.memory),
        Route("/settings/limit", settings.limit, methods=["POST"]),
        Route("/settings/limits", settings.limits, methods=["POST"]),
        Route("/settings/use", settings.use, methods=["POST"]),
        Route("/metrics", metrics.metrics),
        Route("/enter", door.enter, methods=["GET", "POST"]),
        Route("/knock", door.knock, methods=["POST"]),
        Route("/leave", door.leave, methods=["POST"]),
        Route("/events", stream.events),
        *api.routes(),
        Route("/review", review.page),
        Route("/review/line", review.line),
        Route("/review/pictures", review.pictures),
        Route("/review/choose", review.choose, methods=["POST"]),
        Route("/review/sign", review.sign, methods=["POST"]),
        Route("/review/lock", review.lock, methods=["POST"]),
        Route("/picture/{name}/{sha256}", pictures.picture),
        Route("/thumbnail/{name}/{sha256}", pictures.thumbnail),
        Mount("/static", StaticFiles(directory=_HERE / "static")),
    ]


def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["pages"] = PAGES
    made.globals["tooltip"] = lore.tooltip
    return made


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


async def _studio_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StudioError)
    if _wants_page(request):
        return drawn(request, "refusal.html", 409, error=told(error))
    return refused(error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = {"code": f"http_{error.status_code}", "message": f"{error.detail}.", "hint": ""}
    if _wants_page(request):
        return drawn(request, "refusal.html", error.status_code, error=said)
    return JSONResponse({"error": said}, error.status_code, headers=error.headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    # Through the guarded stderr of the program, so that no credential is printed.
    traceback.print_exception(error, file=sys.stderr)
    said = {
        "code": "unexpected",
        "message": f"An unexpected {type(error).__name__} stopped this request.",
        "hint": "The terminal that runs the page shows where; report that text.",
    }
    if _wants_page(request):
        return drawn(request, "refusal.html", 500, error=said)
    return JSONResponse({"error": said}, 500)
