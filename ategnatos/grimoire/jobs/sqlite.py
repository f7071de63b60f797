"""The SQLite driver: pragmas that survive a power cut, forward migrations, honest refusals."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import migrations
from ategnatos.grimoire.jobs.database import (
    DATABASE_BROKEN,
    DATABASE_BUSY,
    DATABASE_FULL,
    DATABASE_NETWORK,
    Clock,
    refuse_newer,
    writing,
)
from ategnatos.grimoire.project import Project

# How long a writer waits for the one before it. Writers starve under SQLite: with six of them
# the longest wait measured was 3.6 s.
BUSY_SECONDS = 30.0


class SqliteDatabase:
    """A connection to the studio's file; see :class:`~.database.Database`."""

    dialect = "sqlite"
    skip_locked = ""
    errors: type[Exception] = sqlite3.Error

    def __init__(self, project: Project, connection: sqlite3.Connection, clock: Clock) -> None:
        self.project = project
        self._connection = connection
        self.now = clock

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Carry out one statement."""
        return self._connection.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> sqlite3.Cursor:
        """Carry out one statement for each row of values."""
        return self._connection.executemany(sql, parameters)

    def begin(self) -> None:
        """Take the write lock at once, so that two writers queue and never clash."""
        self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Write through to the disk."""
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """A full disk makes SQLite roll back by itself; a second one would hide the reason."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


@contextmanager
def connect(project: Project, clock: Clock) -> Iterator[SqliteDatabase]:
    """Open the studio's file, its schema up to date. Raises as ``database.connect``."""
    path = project.database
    _refuse_network(path)
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.row_factory = sqlite3.Row
        _use_wal(connection)
        # FULL: a verdict that was confirmed to a person, or the intent to send something that
        # is billed, is still there after a power cut.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        db = SqliteDatabase(project, connection, clock)
        _migrate(db, path)
        yield db
    except sqlite3.DatabaseError as error:
        raise _explained(error, path) from error
    finally:
        if connection is not None:
            connection.close()


def _use_wal(connection: sqlite3.Connection) -> None:
    # The change itself does not wait for another that changes at the same moment.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _refuse_network(path: Path) -> None:
    from ategnatos.grimoire.mounts import NETWORK, kind_of_mount

    kind = kind_of_mount(path)
    if kind in NETWORK:
        raise StudioError(
            DATABASE_NETWORK,
            f"{path.parent} lies on a network or foreign mount ({kind}). Locks of SQLite do not"
            " hold there: two machines would damage the record of jobs and money. Nothing was"
            " opened.",
            hint="Move the studio to a disk of this machine, or let several machines share a"
            " Postgres server: set ATEGNATOS_DATABASE_URL=postgresql://...",
            path=str(path),
            kind=kind,
        )


def _migrate(db: SqliteDatabase, path: Path) -> None:
    if _version(db) == migrations.VERSION:
        return
    refuse_newer(path.name, _version(db), migrations.VERSION)
    with writing(db):
        # Another process may have migrated between the look and the lock.
        version = _version(db)
        refuse_newer(path.name, version, migrations.VERSION)
        for number in range(version, migrations.VERSION):
            for statement in migrations.statements(number, db.dialect):
                db.execute(statement)
        if not version:
            migrations.fill_new(db)
        db.execute(f"PRAGMA user_version={migrations.VERSION}")


def _version(db: SqliteDatabase) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _explained(error: sqlite3.DatabaseError, path: Path) -> StudioError:
    text = str(error)
    if "full" in text or "disk I/O" in text:
        return StudioError(
            DATABASE_FULL,
            f"{path.name} could not be written ({text}); its last state stands.",
            hint="Free some space ('ategnatos clean --dry-run' shows what can go), then try again.",
        )
    if "locked" in text or "busy" in text:
        return StudioError(
            DATABASE_BUSY,
            f"Another process has been writing {path.name} for {BUSY_SECONDS:g} seconds; nothing"
            " was changed here.",
            hint="Run the same command again in a moment. If it stays so, see who holds it with"
            f" 'lsof {path}': a stopped process goes on with 'kill -CONT PID'.",
            path=str(path),
        )
    return StudioError(
        DATABASE_BROKEN,
        f"{path.name} could not be used: {text}. Nothing was changed.",
        hint="Run 'ategnatos doctor'; 'ategnatos grimoire restore' brings a backup back.",
    )
