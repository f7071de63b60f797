"""Bring the whole record back from a snapshot: nothing newer is deleted, all is reversible."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ategnatos.grimoire import documents, journal, schemas, snapshot
from ategnatos.grimoire.document_file import CorruptError, decode
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import (
    explained,
    sha256_bytes,
    sha256_file,
    write_atomic,
)
from ategnatos.grimoire.journal_file import write_head
from ategnatos.grimoire.locks import hold
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.base import Document
from ategnatos.grimoire.snapshot import DATABASE, Snapshot
from ategnatos.grimoire.zones import Zone, resolve

_JOURNAL = "grimoire/.state/journal.jsonl"
_HEAD = "grimoire/.state/journal.head"


@dataclass(slots=True)
class RestoredAll:
    """What a restore did. Paths are relative to the project's root.

    ``before`` is the snapshot of the state that was replaced: restoring it undoes this.
    ``only_here`` are exports that the snapshot does not know; they stay.
    """

    source: Snapshot
    before: Snapshot | None = None
    restored: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    only_here: list[str] = field(default_factory=list)


def plan(project: Project, name: str | None = None) -> RestoredAll:
    """What :func:`restore_all` would do; nothing is written. Raises as it does."""
    source = snapshot.open_snapshot(project, name)
    result = RestoredAll(source)
    _decoded(source)
    for file in sorted(source.files):
        same = file != DATABASE and _is_same(project.root / file, source.files[file])
        (result.unchanged if same else result.restored).append(file)
    result.only_here = [
        path.relative_to(project.root).as_posix()
        for path in sorted(project.exports.rglob("*"))
        if path.is_file() and path.relative_to(project.root).as_posix() not in source.files
    ]
    return result


def restore_all(
    project: Project, name: str | None = None, *, actor: str, now: datetime | None = None
) -> RestoredAll:
    """Bring back every file of the snapshot ``name`` (default: the newest).

    First the present state is backed up; the restore is an event in the restored journal. A
    restore that was interrupted is finished by running it again. Raises StudioError:
    ``snapshot_unknown``, ``snapshot_damaged``, ``snapshot_failed``, ``document_newer``,
    ``locked``, ``disk_full``, ``write_failed``.
    """
    result = plan(project, name)
    source = result.source
    models = _decoded(source)
    result.before = snapshot.take(project, now=now, tolerate_damage=True)
    rendered = {f"grimoire/{model.name}.md" for model in models.values() if model.has_view}
    with ExitStack() as held, explained(project.state, "The restore is not complete."):
        for known in schemas.names():
            held.enter_context(hold(project, f"document-{known}"))
        held.enter_context(hold(project, "journal"))
        for file in sorted(source.files):
            if file in models or file in rendered or file in {DATABASE, _JOURNAL, _HEAD}:
                continue
            if file in result.restored:
                mode = 0o444 if file.startswith("exports/") else 0o644
                _put(project, source, file, mode)
        for file, model in models.items():
            if file in result.restored:
                documents.store(project, model, None, now=now)
        if _JOURNAL in source.files:
            _put(project, source, _JOURNAL, 0o644)
            _rewrite_head(project)
        if DATABASE in source.files:
            _put_database(project, source)
    journal.append(
        project,
        "record_restored",
        actor=actor,
        references={"snapshot": source.name, "before": result.before.name},
        data={"files": len(result.restored)},
        now=now,
    )
    return result


def _decoded(source: Snapshot) -> dict[str, Document]:
    """The documents of a snapshot by their path. Raises before anything is written."""
    found: dict[str, Document] = {}
    for name in schemas.names():
        schema = schemas.load(name)
        file = schema.location or f"grimoire/.state/{name}.json"
        if file not in source.files:
            continue
        try:
            found[file], _ = decode(schema, (source.path / file).read_bytes())
        except CorruptError as error:
            raise StudioError(
                snapshot.SNAPSHOT_DAMAGED,
                f"The backup {source.name} holds a {name!r} that was damaged already when it was"
                f" made: {error}. Nothing was changed.",
                hint="Choose an earlier one with 'ategnatos grimoire restore --all --from NAME',"
                f" or bring back that document alone with 'ategnatos grimoire restore {name}'.",
                snapshot=source.name,
                files=[file],
            ) from error
    return found


def _is_same(path: Path, digest: str) -> bool:
    try:
        return not path.is_symlink() and sha256_file(path) == digest
    except OSError:
        return False


def _put(project: Project, source: Snapshot, file: str, mode: int) -> None:
    zone, _, inside = file.partition("/")
    path = resolve(project, Zone(zone), inside)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, (source.path / file).read_bytes(), mode)


def _rewrite_head(project: Project) -> None:
    count, last = 0, b""
    for count, last in journal.lines(project):  # noqa: B007 - the last pair is what is wanted
        pass
    if count:
        write_head(project, count, sha256_bytes(last))
    else:
        (project.state / "journal.head").unlink(missing_ok=True)


def _put_database(project: Project, source: Snapshot) -> None:
    copy = source.path / DATABASE
    try:
        with (
            closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as kept,
            closing(sqlite3.connect(project.database, timeout=30.0)) as live,
        ):
            # Through SQLite, so that a process that has the database open sees it change.
            kept.backup(live)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise StudioError(
                snapshot.SNAPSHOT_FAILED,
                f"The database could not be brought back: {error}. Documents and exports were.",
                hint="End what uses it (a running 'ategnatos art generate'), then run the same"
                " command again: it goes on where it stopped.",
            ) from error
        # Not a database any more: its bytes are in the backup made before; replace the file.
        for leftover in ("-wal", "-shm"):
            project.database.with_name(project.database.name + leftover).unlink(missing_ok=True)
        write_atomic(project.database, copy.read_bytes())
