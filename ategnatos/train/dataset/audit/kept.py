"""What was seen of each file, kept beside the files: a second audit costs a stat per file.

A row is believed while the file's size, time and inode are those it was made from, and while it
was made by this form of looking. SQLite, so that a killed audit loses a second of work at most.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.files import explained
from ategnatos.train.dataset.audit.look import FORM, Look
from ategnatos.train.dataset.duplicates.fingerprint import Fingerprint

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

_TABLE = """
CREATE TABLE IF NOT EXISTS looks (
    path TEXT PRIMARY KEY, form INTEGER NOT NULL, whole INTEGER NOT NULL, size INTEGER NOT NULL,
    modified INTEGER NOT NULL, inode INTEGER NOT NULL, sha256 TEXT NOT NULL, facts TEXT NOT NULL,
    problem TEXT, width INTEGER NOT NULL, height INTEGER NOT NULL, print BLOB, corners BLOB)
"""
_PUT = "INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

Stat = tuple[int, int, int]


def stat_of(path: str) -> Stat | None:
    """Size, time of change in ns and inode; None where there is no such file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - once a file, and nothing else
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


@dataclass(slots=True)
class Kept:
    """The table of one dataset."""

    connection: sqlite3.Connection

    def read(self, paths: Iterable[str], *, full: bool) -> dict[str, Look]:
        """The looks that still hold, by path; with ``full`` only whole ones."""
        found: dict[str, Look] = {}
        rows = {
            row[0]: row
            for row in self.connection.execute(
                "SELECT * FROM looks WHERE form = ? AND whole >= ?", (FORM, int(full))
            )
        }
        for path in paths:
            row = rows.get(path)
            if row is not None and stat_of(path) == row[3:6]:
                found[path] = _look(row)
        return found

    def write(self, looks: Iterable[tuple[str, Stat, Look]]) -> None:
        """Keep them; a killed process loses none of them."""
        with self.connection:
            self.connection.executemany(_PUT, [_row(*one) for one in looks])


@contextmanager
def opened(project: Project, folder: Path) -> Iterator[Kept]:
    """The table in ``folder``; one that is no database any more is begun anew.

    Raises StudioError (``write_failed``, ``disk_full``).
    """
    path = folder / "looks.sqlite"
    with explained(path, "Nothing was looked at."):
        folder.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=30)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # A power cut may cost the last looks, which are taken again; nothing else is at stake.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_TABLE)
        except sqlite3.DatabaseError as error:
            connection.close()
            if isinstance(error, sqlite3.OperationalError):
                raise OSError(5, f"the table of looks: {error}") from error
            # It can be made again from the files, so a broken one is no loss.
            path.unlink(missing_ok=True)
            connection = sqlite3.connect(path, timeout=30)
            connection.execute(_TABLE)
    try:
        yield Kept(connection)
    finally:
        connection.close()


def _row(path: str, stat: Stat, look: Look) -> tuple[object, ...]:
    print_ = look.fingerprint
    return (
        path,
        FORM,
        int(look.full),
        *stat,
        look.sha256,
        json.dumps(look.facts),
        json.dumps(look.problem) if look.problem else None,
        print_.width if print_ else 0,
        print_.height if print_ else 0,
        print_.packed if print_ else None,
        look.corners,
    )


def _look(row: tuple[object, ...]) -> Look:
    whole, sha256, facts, problem, width, height, packed, corners = row[2], *row[6:]
    return Look(
        sha256=str(sha256),
        facts=json.loads(str(facts)),
        problem=tuple(json.loads(str(problem))) if problem else None,
        fingerprint=Fingerprint(packed, int(str(width)), int(str(height)))
        if isinstance(packed, bytes)
        else None,
        corners=corners if isinstance(corners, bytes) else b"",
        full=bool(whole),
    )
