"""One document: save its state for good, list the states that are kept, bring one back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.grimoire import documents, history, locks, schemas, views
from ategnatos.grimoire.document_file import CorruptError, decode
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained, read_whole, sha256_bytes, write_atomic
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.base import Document

NO_BACKUP = ErrorCode("no_backup", "There is no backup to bring back.")


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a restore.

    ``kept`` is where the file that was replaced is kept; None where there was none, or where
    ``changed`` is False because it already held that state.
    """

    document: str
    source: Path
    revision: int
    generated_at: str
    kept: Path | None
    changed: bool


def stamp(now: datetime | None) -> str:
    """A moment as part of a file name, in UTC, sortable as text."""
    return (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y%m%dT%H%M%S%fZ")


def save(project: Project, name: str, *, now: datetime | None = None) -> list[Path]:
    """Keep today's JSON and view of a document under a name with the time; never cleaned up.

    Raises StudioError: as :func:`ategnatos.grimoire.documents.read`, ``disk_full``,
    ``write_failed``, ``no_backup`` where the document was never written.
    """
    schema = schemas.load(name)
    raw, _, _ = documents.load(project, schema)
    if raw is None:
        raise StudioError(
            NO_BACKUP,
            f"The document {name!r} was never written, so there is nothing to keep.",
            hint="See the documents that are there with 'ategnatos grimoire check'.",
            document=name,
        )
    folder = history.folder_of(project, name)
    saved = [(folder / f"saved-{stamp(now)}.json", raw)]
    view = views.read(views.path_of(project, name)) if schema.has_view else None
    if view is not None:
        saved.append((folder / f"saved-{stamp(now)}.md", view))
    for path, content in saved:
        with explained(path, "The backup is not complete."):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content, 0o444)
    return [path for path, _ in saved]


def choose(project: Project, name: str, revision: int | None = None) -> history.Backup:
    """The kept state with that ``revision``, or the newest one this program wrote.

    Raises StudioError (``no_backup``, ``document_unknown``).
    """
    kept = history.good(project, schemas.load(name))
    ours = [backup for backup in kept if not backup.path.name.startswith("found-")]
    wanted = [b for b in kept if b.revision == revision] if revision is not None else ours + kept
    if wanted:
        return wanted[0]
    known = ", ".join(str(backup.revision) for backup in kept) or "none"
    which = f" with revision {revision}" if revision is not None else ""
    raise StudioError(
        NO_BACKUP,
        f"There is no good backup of the document {name!r}{which}; nothing was changed.",
        hint=f"Revisions that are kept: {known}. 'ategnatos grimoire restore --all' brings back"
        " a whole backup.",
        document=name,
        revisions=[backup.revision for backup in kept],
    )


def restore(
    project: Project, name: str, *, revision: int | None = None, now: datetime | None = None
) -> Restored:
    """Bring a document back to a kept state, as a new revision; its view follows.

    The file that is replaced is kept, damaged or not. Raises StudioError: ``no_backup``,
    ``locked``, ``disk_full``, ``write_failed``, ``document_unknown``.
    """
    schema = schemas.load(name)
    path = documents.path_of(project, schema)
    with locks.hold(project, f"document-{name}"):
        backup = choose(project, name, revision)
        content = backup.path.read_bytes()
        current = read_whole(os.fspath(path))
        model, _ = decode(schema, content)
        if current == content:
            return Restored(name, backup.path, model.revision, backup.generated_at, None, False)
        kept = None
        if current is not None:
            kept = _kept_already(project, schema, current) or _set_aside(
                project, name, current, damaged=not _is_good(schema, current)
            )
        documents.store(project, model, None, now=now)
        return Restored(name, backup.path, model.revision, backup.generated_at, kept, True)


def _kept_already(project: Project, schema: type[Document], content: bytes) -> Path | None:
    same = (b.path for b in history.good(project, schema) if b.path.read_bytes() == content)
    return next(same, None)


def _is_good(schema: type[Document], content: bytes) -> bool:
    try:
        decode(schema, content)
    except (CorruptError, StudioError):
        return False
    return True


def _set_aside(project: Project, name: str, content: bytes, *, damaged: bool) -> Path:
    # Without the suffix .json nobody takes a damaged state for a backup.
    digest = sha256_bytes(content)[:16]
    kept = history.folder_of(project, name) / (
        f"damaged-{digest}" if damaged else f"found-{digest}.json"
    )
    if not kept.exists():
        write_atomic(kept, content)
    return kept
