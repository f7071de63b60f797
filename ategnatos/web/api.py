"""The JSON API: the page's own facts, for whoever has the session or the read-only token.

What ``ategnatos ... --json`` says is said here in the same words where a command says it.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ategnatos._version import __version__
from ategnatos.art import history, tree
from ategnatos.art.references import parse_job
from ategnatos.commands import status as status_command
from ategnatos.commands.studio import budget_words
from ategnatos.grimoire import documents
from ategnatos.grimoire.jobs import database
from ategnatos.knowledge import lore
from ategnatos.studio import overview, spending
from ategnatos.train.checkpoints import ledger
from ategnatos.train.evaluation import record as record_of_evaluations
from ategnatos.train.evaluation import verdict, votes
from ategnatos.train.run import record, status
from ategnatos.train.watching import curve
from ategnatos.web import curves, desk
from ategnatos.web.answers import project_of
from ategnatos.web.pages import gallery

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from ategnatos.web.changes import Changes

_STORE_NOTHING = {"cache-control": "no-store"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address below ``/api/v1``. ``asks`` are its parameters, by name, with a line each."""

    path: str
    said: str
    answer: Callable[[Request], dict[str, Any]]
    asks: dict[str, str]


def _state(request: Request) -> dict[str, Any]:
    changes: Changes = request.app.state.changes
    return {"head": changes.head, "work": changes.work, "sources": changes.facts()}


def _status(request: Request) -> dict[str, Any]:
    return status_command.facts(overview.look(project_of(request)))


def _pictures(request: Request) -> dict[str, Any]:
    asked = request.query_params
    offset, limit = gallery.whole(asked.get("offset"), 0), gallery.whole(asked.get("limit"), 100)
    return gallery.window(project_of(request), asked, offset, max(1, min(limit, gallery.MOST)))


def _waiting(request: Request) -> dict[str, Any]:
    asked = request.query_params
    limit = max(1, min(gallery.whole(asked.get("limit"), desk.MOST_SHOWN), desk.MOST_SHOWN))
    offset = gallery.whole(asked.get("offset"), 0)
    return desk.waiting(project_of(request), asked.getlist("name"), offset=offset, limit=limit)


def _job(request: Request) -> dict[str, Any]:
    project, number = project_of(request), parse_job(request.path_params["job"])
    with database.connect(project) as db:
        root = tree.around(db, number)
    return {"tree": root.facts(), "steps": history.steps_to(project, number)}


def _money(request: Request) -> dict[str, Any]:
    return budget_words.facts(spending.look(project_of(request), datetime.now(UTC)))


def _eye(request: Request) -> dict[str, Any]:
    document = documents.read(project_of(request), "eye")
    return {"preferences": [one.model_dump(mode="json") for one in document.preferences]}


def _runs(request: Request) -> dict[str, Any]:
    plan = request.query_params.get("plan", "")
    every = record.every(project_of(request), plan)
    return {"runs": [one.facts() | {"says": one.says} for one in every[: gallery.MOST]]}


def _run(request: Request) -> dict[str, Any]:
    project = project_of(request)
    one = record.load(project, request.path_params["run"])
    return {
        **status.snapshot(project, one),
        "ledger": [entry.facts_of_it() for entry in ledger.read(one.folder).entries],
    }


def _curve(request: Request) -> dict[str, Any]:
    one = record.load(project_of(request), request.path_params["run"])
    points = gallery.whole(request.query_params.get("points"), curves.POINTS)
    found = curve.read(one.folder, max(4, min(points, _MOST_POINTS)))
    return {
        "steps": found.steps,
        "points": [
            {name: _finite(value) for name, value in asdict(point).items()}
            for point in found.points
        ],
    }


def _evaluations(request: Request) -> dict[str, Any]:
    """Blind as the page is: nothing names a contender before the names were revealed."""
    project = project_of(request)
    found = []
    for one in record_of_evaluations.every(project):
        known = verdict.revealed(project, one)
        found.append(
            {
                "name": one.name,
                "contenders": len(one.contenders),
                "pictures": len(one.cells),
                "finished": bool(one.finished_at),
                "votes": len(votes.cast_votes(project, one)),
                "revealed": known,
                "ranking": votes.ranking(project, one).facts() if known else None,
            }
        )
    return {"evaluations": found}


def _words(request: Request) -> dict[str, Any]:
    return {"words": lore.for_script()}


def _finite(value: Any) -> Any:
    """JSON has no number that is none."""
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


_MOST_POINTS = 5000

ENDPOINTS = (
    Endpoint("/state", "Whether anything changed, and how fresh each source is.", _state, {}),
    Endpoint("/status", "What 'ategnatos status --json' says.", _status, {}),
    Endpoint(
        "/pictures",
        "A window of the pictures that fit, the newest first.",
        _pictures,
        {
            "words": "Words of the prompt, the change or a reason; all must be there.",
            "verdict": "approved, rejected or none.",
            "family": "A model family.",
            "engine": "An engine.",
            "project": "A project.",
            "lora": "A LoRA.",
            "colour": "A colour that much of the picture has, by name.",
            "seed": "A seed.",
            "since": "12h, 7d, 2w, 3m, 1y ago, or a date.",
            "offset": "How many to leave out.",
            "limit": f"At most so many, up to {gallery.MOST}.",
        },
    ),
    Endpoint(
        "/waiting",
        "A window of what waits for a person's verdict.",
        _waiting,
        {
            "name": "A job, candidate or version; repeatable. Without: everything.",
            "offset": "How many to leave out.",
            "limit": f"At most so many, up to {desk.MOST_SHOWN}.",
        },
    ),
    Endpoint("/jobs/{job}", "The tree that a job stands in, and how it came to be.", _job, {}),
    Endpoint("/runs", "Every training, the newest first.", _runs, {"plan": "Only of this plan."}),
    Endpoint("/runs/{run}", "How a training stands, with its checkpoints.", _run, {}),
    Endpoint(
        "/runs/{run}/curve",
        "Its losses by step, thinned so that no extreme is lost.",
        _curve,
        {"points": f"At most so many, up to {_MOST_POINTS}."},
    ),
    Endpoint("/evaluations", "Every evaluation; names once they are revealed.", _evaluations, {}),
    Endpoint("/words", "The page's words, plain and role-playing, with tooltips.", _words, {}),
    Endpoint("/money", "What is spent and reserved, against the caps.", _money, {}),
    Endpoint("/eye", "Every preference with its evidence.", _eye, {}),
)


def routes() -> list[Route]:
    """Every endpoint, and the document that describes them."""
    made = [Route(f"/api/v1{one.path}", _answering(one)) for one in ENDPOINTS]
    return [*made, Route("/api/v1/openapi.json", openapi)]


def _answering(one: Endpoint) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        return JSONResponse(one.answer(request), headers=_STORE_NOTHING)

    return answer


def openapi(request: Request) -> Response:
    """The OpenAPI document of this API."""
    return JSONResponse(document())


def document() -> dict[str, Any]:
    """The same as JSON values."""
    refusal = {
        "description": "A refusal: what happened, what was not done, what to do.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}},
    }
    answers = {
        "200": {"description": "The facts.", "content": {"application/json": {"schema": _OBJECT}}},
        "403": refusal,
        "409": refusal,
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ategnatos",
            "version": __version__,
            "description": "The studio's record, read only. Deciding is for people, on the page.",
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}, {"session": []}],
        "paths": {
            one.path: {
                "get": {
                    "summary": one.said,
                    "operationId": re.sub(r"\W+", "_", one.path).strip("_"),
                    "parameters": _parameters(one),
                    "responses": answers,
                }
            }
            for one in ENDPOINTS
        },
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Read only: 'token' in grimoire/.state/locks/web.json.",
                },
                "session": {"type": "apiKey", "in": "cookie", "name": "ategnatos-8888"},
            },
            "schemas": {
                "Refusal": {
                    "type": "object",
                    "required": ["error"],
                    "properties": {
                        "error": {
                            "type": "object",
                            "required": ["code", "message"],
                            "properties": {
                                name: {"type": "string"} for name in ("code", "message", "hint")
                            },
                        }
                    },
                }
            },
        },
    }


_OBJECT = {"type": "object", "additionalProperties": True}


def _parameters(one: Endpoint) -> list[dict[str, Any]]:
    text = {"type": "string"}
    return [
        *(
            {"name": name, "in": "path", "required": True, "schema": text}
            for name in re.findall(r"\{(\w+)\}", one.path)
        ),
        *(
            {"name": name, "in": "query", "description": said, "schema": text}
            for name, said in one.asks.items()
        ),
    ]
