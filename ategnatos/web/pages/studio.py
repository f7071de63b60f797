"""The studio itself: engines with their health, policy, keys, models, what could be cleaned."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from ategnatos.grimoire import documents
from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.gate import statements, trust
from ategnatos.studio import cleaning, engine_states
from ategnatos.web.answers import drawn, project_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from ategnatos.grimoire.project import Project


def page(request: Request) -> Response:
    """The page; the engines are asked by a request of their own, which may take seconds."""
    return drawn(request, "studio.html", **_facts(project_of(request)))


def engines(request: Request) -> Response:
    """How each engine is, asked closely."""
    return drawn(request, "engines.html", engines=engine_states.look_at_all(closely=True))


def _facts(project: Project) -> dict[str, Any]:
    problems: list[str] = []
    gate: dict[str, Any] = {"signing": False, "approvers": [], "problem": ""}
    try:
        approvers = trust.known(project)
        if approvers is not None:
            gate["signing"] = approvers.signing
            gate["approvers"] = [
                {"name": one.name, "key": statements.fingerprint(one.key), "active": one.active}
                for one in approvers.approvers
            ]
    except StudioError as error:
        gate["problem"] = error.message
    kept: dict[str, Any] = {}
    for name in ("models", "policy"):
        kept[name] = None
        if not (project.state / f"{name}.json").exists():
            continue
        try:
            kept[name] = documents.read(project, name)
        except StudioError as error:
            problems.append(error.message)
    plan = None
    try:
        plan = cleaning.look(project, waiting=False, now=datetime.now(UTC))
    except StudioError as error:
        problems.append(error.message)
    return {"plan": plan, "gate": gate, "problems": problems, "root": str(project.root), **kept}
