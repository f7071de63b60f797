"""One real way to provoke each error of ``ategnatos.grimoire`` and its commands."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.commands.contract import Answer, Call
from ategnatos.commands.grimoire import checking
from ategnatos.grimoire import (
    change,
    content,
    documents,
    drift,
    fields,
    files,
    journal,
    locks,
    migrate,
    restore,
    snapshot,
    views,
)
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.zones import Zone, resolve


def _project(tmp: Path) -> Project:
    return Project.create(tmp / "studio")


def _resolve(name: str) -> Callable[[Path], None]:
    def case(tmp: Path) -> None:
        resolve(_project(tmp), Zone.WORKSPACE, name)

    return case


def _disk_full(tmp: Path) -> None:
    # The kernel's own ENOSPC, without filling a disk.
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        with files.explained(tmp / "picture.png", "Nothing was stored."):
            files.write_all(descriptor, b"x")
    finally:
        os.close(descriptor)


def _locked(tmp: Path) -> None:
    project = _project(tmp)
    with locks.hold(project, "gpu"), locks.hold(project, "gpu", wait=0.02):
        pass


def _special(tmp: Path) -> None:
    project = _project(tmp)
    os.mkfifo(project.workspace / "pipe")
    resolve(project, Zone.WORKSPACE, "pipe")


def _corrupt(tmp: Path) -> None:
    project = _project(tmp)
    (project.state / "studio.json").write_text("{")
    documents.read(project, "studio")


def _missing(tmp: Path) -> None:
    project = _project(tmp)
    (project.state / "studio.json").unlink()
    documents.read(project, "studio")


def _newer(tmp: Path) -> None:
    project = _project(tmp)
    (project.state / "studio.json").write_text('{"_schema_version": "99.0"}')
    documents.read(project, "studio")


def _invalid(tmp: Path) -> None:
    with documents.edit(_project(tmp), "studio") as studio:
        studio.environment.comfyui.port = 0


def _journal_corrupt(tmp: Path) -> None:
    project = _project(tmp)
    journal.append(project, "noted", actor="test")
    project.journal_path.write_text("not an event\n")
    journal.append(project, "noted", actor="test")


def _candidate_exists(tmp: Path) -> None:
    project = _project(tmp)
    for png in (b"one", b"other"):
        content.put_candidate(project, "default", "0" * 16, "starter", 1, png)


def _entry(version: int, data: bytes, path: Path, project: Project) -> dict[str, object]:
    return {
        "name": "potion",
        "version": version,
        "path": str(path.relative_to(project.root)),
        "sha256": files.sha256_bytes(data),
        "size": len(data),
    }


def _manifest_conflict(tmp: Path) -> None:
    project = _project(tmp)
    for data in (b"one", b"other"):
        path, _ = content.freeze(project, "potion", data, "png")
        content.manifest_add(project, _entry(1, data, path, project))


def _manifest_untrue(tmp: Path) -> None:
    project = _project(tmp)
    path, version = content.freeze(project, "potion", b"one", "png")
    content.manifest_add(project, _entry(version, b"other", path, project))


def _view_handwritten(tmp: Path) -> None:
    project = _project(tmp)
    view = views.path_of(project, "studio")
    view.unlink()
    view.write_text("# Studio\n")
    drift.render(project, "studio")


def _snapshot_damaged(tmp: Path) -> None:
    project = _project(tmp)
    taken = snapshot.take(project)
    (taken.path / "grimoire/.state/studio.json").write_text("{}")
    snapshot.open_snapshot(project)


def _snapshot_failed(tmp: Path) -> None:
    project = _project(tmp)
    with closing(sqlite3.connect(project.database)) as database:
        database.execute("CREATE TABLE job (id)")
    project.database.write_bytes(b"no database at all, but long enough to be read as one" * 100)
    snapshot.take(project)


def _ambiguous(tmp: Path) -> None:
    fields.get({"models": [{"name": "Pony"}, {"name": "Pony"}]}, "models[Pony]")


def _evidence(tmp: Path) -> None:
    change.set_value(_project(tmp), "assets", "assets", "[]", actor="test")


def _value_not_json(tmp: Path) -> None:
    change.set_value(_project(tmp), "studio", "models", "[", actor="test", kind=change.Kind.JSON)


def _migrate_nothing(tmp: Path) -> None:
    migrate.migrate(_project(tmp), "studio")


def _migrate_conflict(tmp: Path) -> None:
    project = _project(tmp)
    with documents.edit(project, "studio") as studio:
        studio.environment.cuda = "12.10"
    source = tmp / "studio.md"
    source.write_text("# Studio\n\n## Environment\n- **CUDA**: 13.0\n")
    migrate.migrate(project, "studio", source=source)


def _migrate_unreadable(tmp: Path) -> None:
    source = tmp / "studio.md"
    source.write_bytes(b"\xff\xfe\x00")
    migrate.migrate(_project(tmp), "studio", source=source)


def _raise_failed(answer: Answer) -> None:
    assert answer.failed is not None
    raise answer.failed


def _drifted(tmp: Path) -> None:
    project = _project(tmp)
    views.path_of(project, "eye").unlink()
    _raise_failed(checking.check(Call("grimoire check", project_option=project.root)))


def _broken(tmp: Path) -> None:
    project = _project(tmp)
    event = journal.append(project, "noted", actor="test", now=datetime(2026, 1, 1, tzinfo=UTC))
    changed = json.loads(event.line()) | {"actor": "somebody else"}
    project.journal_path.write_bytes(files.canonical_json(changed) + b"\n")
    _raise_failed(checking.verify(Call("grimoire verify", project_option=project.root)))


CASES: dict[str, Callable[[Path], None]] = {
    "no_project": lambda tmp: _ignore(Project.find(tmp)),
    "zone_escape": _resolve("../secret"),
    "zone_read_only": lambda tmp: _ignore(
        resolve(_project(tmp), Zone.SYSTEM, "settings.json", for_writing=True)
    ),
    "path_unsafe": _resolve("a\0b"),
    "path_too_long": _resolve("x" * 256),
    "path_special": _special,
    "path_missing": lambda tmp: _ignore(
        resolve(_project(tmp), Zone.WORKSPACE, "no.png", must_exist=True)
    ),
    "disk_full": _disk_full,
    "write_failed": lambda tmp: files.write_atomic(tmp / "no folder" / "a", b"x"),
    "read_failed": lambda tmp: _ignore(files.read_bytes(tmp)),
    "not_json": lambda tmp: _ignore(files.canonical_json(float("nan"))),
    "locked": _locked,
    "document_unknown": lambda tmp: documents.read(_project(tmp), "stuido"),
    "document_corrupt": _corrupt,
    "document_missing": _missing,
    "document_newer": _newer,
    "document_invalid": _invalid,
    "document_evidence": _evidence,
    "journal_corrupt": _journal_corrupt,
    "event_unknown": lambda tmp: _ignore(
        journal.append(_project(tmp), "noted", actor="test", references={"event": "e00000007"})
    ),
    "name_invalid": lambda tmp: _ignore(content.check_name("../potion")),
    "candidate_exists": _candidate_exists,
    "manifest_conflict": _manifest_conflict,
    "manifest_untrue": _manifest_untrue,
    "view_failed": lambda tmp: views.Prepared(
        str(tmp / "gone"), str(tmp / "a.md"), False
    ).publish(),
    "view_handwritten": _view_handwritten,
    "no_backup": lambda tmp: _ignore(restore.restore(_project(tmp), "studio", revision=99)),
    "snapshot_unknown": lambda tmp: _ignore(snapshot.open_snapshot(_project(tmp))),
    "snapshot_damaged": _snapshot_damaged,
    "snapshot_failed": _snapshot_failed,
    "field_path": lambda tmp: fields.get({}, "a[["),
    "field_missing": lambda tmp: fields.get({"cuda": ""}, "cudda"),
    "field_ambiguous": _ambiguous,
    "field_reserved": lambda tmp: fields.put({}, "_schema_version", "2"),
    "value_not_json": _value_not_json,
    "migrate_nothing": _migrate_nothing,
    "migrate_unknown": lambda tmp: _ignore(migrate.migrate(_project(tmp), "assets")),
    "migrate_conflict": _migrate_conflict,
    "migrate_unreadable": _migrate_unreadable,
    "record_drifted": _drifted,
    "record_broken": _broken,
}


def _ignore(_: object) -> None:
    """A case returns nothing; what it would have returned never comes."""
