"""A backup of the whole record: documents, views, journal, database and exports, with hashes.

A snapshot is a folder ``grimoire/.state/snapshots/<time>/`` that mirrors the project, and a
``contents.json`` with the SHA-256 of every file. It appears whole, by one rename. Documents and
journal are copied while their locks are held, the database by SQLite's online backup after
them, the exports last: whatever an earlier part refers to is in a later one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ategnatos.grimoire import schemas
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import (
    TEMPORARY_PREFIX,
    canonical_json,
    explained,
    sha256_file,
    sync_file,
    sync_folder,
    temporary_name,
    write_atomic,
)
from ategnatos.grimoire.locks import hold
from ategnatos.grimoire.project import Project

SNAPSHOT_DAMAGED = ErrorCode("snapshot_damaged", "A backup is not what it was when it was made.")
SNAPSHOT_UNKNOWN = ErrorCode("snapshot_unknown", "There is no such backup of the whole record.")
SNAPSHOT_FAILED = ErrorCode("snapshot_failed", "The database could not be copied.")

FORMAT = 1
CONTENTS = "contents.json"
DATABASE = "grimoire/.state/studio.db"

# Machine-local, or backups themselves.
_LEFT_OUT = ("locks", "backups", "snapshots")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One backup of everything. ``files`` maps paths below the root to their SHA-256."""

    path: Path
    created_at: str
    files: dict[str, str]
    size: int
    warnings: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What ``restore --from`` takes."""
        return self.path.name


def take(
    project: Project, *, now: datetime | None = None, tolerate_damage: bool = False
) -> Snapshot:
    """Back up the whole record; return what was kept.

    ``tolerate_damage`` keeps a database that cannot be read as plain bytes instead of refusing:
    for the backup before a restore. Raises StudioError: ``disk_full``, ``write_failed``,
    ``locked``, ``snapshot_failed``; no half backup is left behind.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    home = folder_of(project)
    warnings: list[str] = []
    with explained(home, "No backup was made."):
        home.mkdir(parents=True, exist_ok=True)
        staging = home / temporary_name()
        staging.mkdir()
        try:
            files: dict[str, str] = {}
            with ExitStack() as held:
                for name in schemas.names():
                    held.enter_context(hold(project, f"document-{name}"))
                held.enter_context(hold(project, "journal"))
                for path in _state_files(project, warnings):
                    _copy(project, path, staging, files)
            if project.database.exists():
                _copy_database(project, staging, files, warnings, tolerate=tolerate_damage)
            for path in _walk(project.exports, warnings):
                if path.relative_to(project.root).as_posix() not in files:
                    _copy(project, path, staging, files)
            size = sum((staging / path).stat().st_size for path in files)
            created_at = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
            contents = {"format": FORMAT, "created_at": created_at, "files": files}
            write_atomic(staging / CONTENTS, canonical_json(contents) + b"\n")
            path = _publish(home, staging, moment)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        sync_folder(home)
    if os.environ.get("ATEGNATOS_DATABASE_URL"):
        warnings.append(
            "The jobs and spend are in the Postgres database of ATEGNATOS_DATABASE_URL, which is"
            " not part of this backup: use pg_dump for it."
        )
    return Snapshot(path, created_at, files, size, tuple(warnings))


def folder_of(project: Project) -> Path:
    """Where the snapshots lie."""
    return project.state / "snapshots"


def listed(project: Project) -> list[str]:
    """The names of all snapshots, newest first."""
    if not folder_of(project).is_dir():
        return []
    found = (entry for entry in folder_of(project).iterdir() if (entry / CONTENTS).is_file())
    return sorted((e.name for e in found if not e.name.startswith(TEMPORARY_PREFIX)), reverse=True)


def open_snapshot(project: Project, name: str | None = None) -> Snapshot:
    """The snapshot called ``name`` (default: the newest), every file checked against its hash.

    Raises StudioError (``snapshot_unknown``, ``snapshot_damaged``).
    """
    known = listed(project)
    if not known or (name is not None and name not in known):
        raise StudioError(
            SNAPSHOT_UNKNOWN,
            f"There is no backup of the whole record called {name!r}; nothing was changed."
            if name
            else "No backup of the whole record was ever made; nothing was changed.",
            hint=f"Backups: {', '.join(known[:5]) or 'none'}."
            " Make one with 'ategnatos grimoire backup --all'.",
            known=known,
        )
    path = folder_of(project) / (name or known[0])
    contents = _contents(path)
    files: dict[str, str] = contents["files"]
    wrong = [file for file, digest in files.items() if not _is_whole(path / file, digest)]
    if wrong:
        raise _damaged(path, f"{len(wrong)} of its files are missing or changed", wrong[:10])
    size = sum((path / file).stat().st_size for file in files)
    return Snapshot(path, str(contents.get("created_at", "")), files, size)


def _contents(path: Path) -> dict[str, Any]:
    try:
        contents = json.loads((path / CONTENTS).read_bytes())
        files = contents["files"]
        inside = all(
            isinstance(file, str) and isinstance(digest, str) and _stays_inside(file)
            for file, digest in files.items()
        )
        sound = contents["format"] == FORMAT and inside
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _damaged(path, f"its {CONTENTS} cannot be read", []) from error
    if not sound:
        raise _damaged(path, f"its {CONTENTS} is not of this format", [])
    found: dict[str, Any] = contents
    return found


def _stays_inside(file: str) -> bool:
    parts = Path(file).parts
    return parts[:1] in {("grimoire",), ("exports",)} and ".." not in parts and "\0" not in file


def _is_whole(path: Path, digest: str) -> bool:
    try:
        return not path.is_symlink() and sha256_file(path) == digest
    except OSError:
        return False


def _damaged(path: Path, why: str, files: list[str]) -> StudioError:
    return StudioError(
        SNAPSHOT_DAMAGED,
        f"The backup {path.name} is damaged: {why}. Nothing was changed.",
        hint="Choose another with 'ategnatos grimoire restore --all --from NAME';"
        " 'ategnatos grimoire backup --list' names them.",
        snapshot=path.name,
        files=files,
    )


def _state_files(project: Project, warnings: list[str]) -> Iterator[Path]:
    for path in _walk(project.grimoire, warnings):
        inside = path.relative_to(project.grimoire).parts
        if inside[0] == ".state" and (
            inside[1] in _LEFT_OUT or inside[1].startswith(project.database.name)
        ):
            continue
        if not path.name.endswith(".md.bak"):
            yield path
    manifest = project.exports / "manifest.json"
    if manifest.is_file():
        yield manifest


def _walk(folder: Path, warnings: list[str]) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders[:] = sorted(f for f in folders if not f.startswith(TEMPORARY_PREFIX))
        for name in sorted([*names, *(f for f in folders if (here / f).is_symlink())]):
            path = here / name
            if name.startswith(TEMPORARY_PREFIX):
                continue
            if path.is_symlink() or not path.is_file():
                warnings.append(f"{path} is no ordinary file and is not in the backup.")
                continue
            yield path


def _copy(project: Project, path: Path, staging: Path, files: dict[str, str]) -> None:
    relative = path.relative_to(project.root)
    target = staging / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("rb") as source, target.open("xb") as copy:
        while piece := source.read(_CHUNK):
            digest.update(piece)
            copy.write(piece)
        copy.flush()
        sync_file(copy.fileno())
    files[relative.as_posix()] = digest.hexdigest()


def _copy_database(
    project: Project, staging: Path, files: dict[str, str], warnings: list[str], *, tolerate: bool
) -> None:
    target = staging / DATABASE
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            closing(sqlite3.connect(project.database, timeout=30.0)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            verdict = copy.execute("PRAGMA quick_check").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(str(verdict))
        files[DATABASE] = sha256_file(target)
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        if not tolerate:
            raise StudioError(
                SNAPSHOT_FAILED,
                f"The database {project.database} could not be copied: {error}."
                " No backup was made.",
                hint="Run 'ategnatos doctor' to see what is wrong with it; an earlier backup"
                " comes back with 'ategnatos grimoire restore --all'.",
            ) from error
        warnings.append(f"The database could not be read ({error}); its bytes were kept as is.")
        for path in sorted(project.state.glob(f"{project.database.name}*")):
            shutil.copyfile(path, target.with_name(f"damaged-{path.name}"))


def _publish(home: Path, staging: Path, moment: datetime) -> Path:
    for folder, _, _ in os.walk(staging):
        sync_folder(folder)
    stamp = moment.strftime("%Y%m%dT%H%M%SZ")
    for number in range(1, 1000):
        path = home / (stamp if number == 1 else f"{stamp}-{number}")
        if not path.exists():
            os.rename(staging, path)  # noqa: PTH104
            return path
    raise FileExistsError(f"{stamp} has a thousand backups")
