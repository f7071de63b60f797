"""Vault: model files, LoRAs and checkpoints, when each was used last, and what could go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from ategnatos.grimoire import documents
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, model_use
from ategnatos.studio import cleaning
from ategnatos.web.answers import drawn, project_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.models import ModelFile

# A file that no order named for so long could be deleted; a person decides.
IDLE_DAYS = 90


@dataclass(frozen=True, slots=True)
class Shelf:
    """A file with its last use: the job, the day, and whether it lay idle for long."""

    file: ModelFile
    job: str
    used_at: str
    idle: bool


def page(request: Request) -> Response:
    """Everything that lies on this machine's shelves."""
    return drawn(request, "vault.html", **_facts(project_of(request), datetime.now(UTC)))


def _facts(project: Project, now: datetime) -> dict[str, Any]:
    problems: list[str] = []
    models, scanned_at = [], ""
    if (project.state / "models.json").exists():
        try:
            document = documents.read(project, "models")
            models, scanned_at = _shelves(project, document.files, now), document.scanned_at
        except StudioError as error:
            problems.append(error.message)
    plan = None
    try:
        plan = cleaning.look(project, waiting=False, now=now)
    except StudioError as error:
        problems.append(error.message)
    idle = [one for one in models if one.idle]
    return {
        "models": models,
        "scanned_at": scanned_at,
        "idle": idle,
        "idle_bytes": sum(one.file.bytes for one in idle),
        "idle_days": IDLE_DAYS,
        "plan": plan,
        "problems": problems,
    }


def _shelves(project: Project, files: list[ModelFile], now: datetime) -> list[Shelf]:
    used: dict[str, model_use.Use] = {}
    if database.exists(project):
        with database.connect(project) as db:
            used = model_use.last(db)
    return [_shelf(one, used, now) for one in files]


def _shelf(file: ModelFile, used: dict[str, model_use.Use], now: datetime) -> Shelf:
    found = [used[name] for name in _names(file) if name in used]
    last = max(found, key=lambda one: one.job, default=None)
    since = last.at if last is not None else _time(file.modified_ns)
    days = (now - datetime.fromisoformat(since)).days if since else 0
    job, at = ("", "") if last is None else (f"j{last.job}", last.at[:10])
    return Shelf(file, job, at, days >= IDLE_DAYS)


def _names(file: ModelFile) -> set[str]:
    """What an order may call it: by its name, its file, with and without its ending."""
    place = PurePath(file.path)
    both = (PurePath(file.name), place)
    return {text.lower() for one in both for text in (one.name, one.stem)} | {file.name.lower()}


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat() if nanoseconds else ""
