"""The last states of each document, kept beside it: what a damaged file is brought back from.

Every state is written twice: to the document itself, synced, and to one of twenty slots in
``grimoire/.state/backups/<name>/``. A slot is overwritten in place and not synced: it is a second
line, the document is the first, and a slot that a crash spoils is recognised and passed over.
A state that somebody else wrote (an editor, another program) gets a file of its own first.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.document_file import CorruptError, decode
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import read_whole, sha256_bytes, write_atomic
from ategnatos.grimoire.project import Project

if TYPE_CHECKING:
    from ategnatos.grimoire.schemas.base import Document

SLOTS = 20


@dataclass(frozen=True, slots=True)
class Backup:
    """One kept state that reads well. ``generated_at`` is when it was written."""

    path: Path
    revision: int
    generated_at: str


def folder_of(project: Project, name: str) -> Path:
    """Where a document's earlier states lie."""
    return project.state / "backups" / name


def next_revision(
    project: Project, schema: type[Document], revision: int, before: bytes | None
) -> int:
    """One above ``revision``; above every kept one where the file did not come from here."""
    if before is not None and revision > 0:
        return revision + 1
    return max([revision, *(backup.revision for backup in good(project, schema))]) + 1


def keep(project: Project, model: Document, before: bytes | None, after: bytes) -> str:
    """Keep the states before and after a change; return the path of the latter's slot.

    Raises OSError, StudioError (``disk_full``, ``write_failed``).
    """
    folder = folder_of(project, model.name)
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
    if before is not None:
        earlier = _slot(folder, model.revision - 1)
        if read_whole(earlier) != before:
            # Not a state of ours: by an editor, a restore, or a slot that was lost.
            own = folder / f"found-{sha256_bytes(before)[:16]}.json"
            if not own.exists():
                write_atomic(own, before)
    slot = _slot(folder, model.revision)
    try:
        _overwrite(slot, after)
    except BaseException:
        os.unlink(slot)  # noqa: PTH108
        raise
    return slot


def good(project: Project, schema: type[Document]) -> list[Backup]:
    """Every kept state that reads well, newest first."""
    found: list[Backup] = []
    for path in folder_of(project, schema.name).glob("*.json"):
        try:
            model, _ = decode(schema, path.read_bytes())
        except (CorruptError, StudioError, FileNotFoundError):
            continue  # a slot that a crash or another version spoilt is no backup
        found.append(Backup(path, model.revision, model.generated_at))
    return sorted(found, key=lambda backup: (backup.revision, backup.generated_at), reverse=True)


def newest_good(project: Project, schema: type[Document]) -> Backup | None:
    """The newest kept state that reads well, or None."""
    return next(iter(good(project, schema)), None)


def written(project: Project, schema: type[Document], revision: int) -> bytes | None:
    """What this program wrote as ``revision``, where its slot still holds it."""
    content = read_whole(_slot(folder_of(project, schema.name), revision))
    if content is None:
        return None
    try:
        kept, _ = decode(schema, content)
    except (CorruptError, StudioError):
        return None
    return content if kept.revision == revision else None


def _slot(folder: Path, revision: int) -> str:
    return f"{folder}/{revision % SLOTS:02d}.json"


def _overwrite(path: str, data: bytes) -> None:
    # In place costs a twentieth of a new file. But never into a file that somebody else has
    # linked (a snapshot made with 'cp -al'): that one keeps its bytes.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        if os.fstat(descriptor).st_nlink > 1:
            os.unlink(path)  # noqa: PTH108
            os.close(descriptor)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        written = 0
        while written < len(data):
            written += os.pwrite(descriptor, data[written:], written)
        os.ftruncate(descriptor, len(data))
    finally:
        os.close(descriptor)
