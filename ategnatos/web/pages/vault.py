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
from ategnatos.train import cleaning as training_cleaning
from ategnatos.train.checkpoints import ledger
from ategnatos.train.run import record
from ategnatos.web.answers import drawn, project_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.models import ModelFile
    from ategnatos.train.checkpoints.entry import Entry
    from ategnatos.train.run.record import Run

# A file that no order named for so long could be deleted; a person decides.
IDLE_DAYS = 90
_MOST = 200


@dataclass(frozen=True, slots=True)
class Shelf:
    """A file with its last use: the job, the day, and whether it lay idle for long."""

    file: ModelFile
    job: str
    used_at: str
    idle: bool


def page(request: Request) -> Response:
    """Everything that lies on this machine's shelves."""
    return drawn(request, "vault.html", **facts(project_of(request), datetime.now(UTC)))


def facts(project: Project, now: datetime) -> dict[str, Any]:
    """What the page shows, at ``now``."""
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
    saved, left = [], []
    try:
        saved = _checkpoints(project)
        left = _left_of_trainings(project, now)
    except (StudioError, OSError) as error:
        problems.append(error.message if isinstance(error, StudioError) else str(error))
    idle = [one for one in models if one.idle]
    return {
        "saved": saved[:_MOST],
        "more": len(saved) - len(saved[:_MOST]),
        "loras": documents.read(project, "loras").loras,
        "left": left,
        "models": models,
        "scanned_at": scanned_at,
        "idle": idle,
        "idle_bytes": sum(one.file.bytes for one in idle),
        "idle_days": IDLE_DAYS,
        "plan": plan,
        "problems": problems,
    }


def _checkpoints(project: Project) -> list[tuple[Run, Entry, bool]]:
    """Every checkpoint on disk, of the newest run first; the best of each run is told."""
    found = []
    for run in record.every(project):
        kept = ledger.read(run.folder)
        best = kept.best()
        found += [
            (run, one, one is best)
            for one in reversed(kept.entries)
            if not one.removed and (one.weights or one.state)
        ]
    return found


def _left_of_trainings(project: Project, now: datetime) -> list[tuple[str, int, int]]:
    """What ``train clean`` would free, by kind: in words, how many, how many bytes."""
    pieces = training_cleaning.look(project, now=now)
    kinds = dict.fromkeys(one.kind for one in pieces)
    return [
        (
            training_cleaning.KINDS[kind],
            sum(one.kind == kind for one in pieces),
            sum(one.bytes for one in pieces if one.kind == kind),
        )
        for kind in kinds
    ]


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
