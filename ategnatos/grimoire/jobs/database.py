"""Open the studio's database: pragmas that survive a power cut, forward migrations only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.project import Project

DATABASE_NEWER = ErrorCode(
    "database_newer", "The database was written by a newer Ategnatos; it was left alone."
)
DATABASE_BROKEN = ErrorCode("database_broken", "The database file is not readable as one.")
DATABASE_FULL = ErrorCode("database_full", "The disk is full; the database kept its last state.")

# One entry a schema version, in order. An entry that has shipped is never edited: a change is
# a new entry at the end.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE job (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        kind        TEXT NOT NULL,
        state       TEXT NOT NULL,
        engine      TEXT NOT NULL,
        recipe_id   TEXT NOT NULL,
        base        TEXT NOT NULL,
        take        INTEGER NOT NULL,
        binding     TEXT NOT NULL,
        asked       TEXT NOT NULL,
        request     TEXT NOT NULL,
        parent      TEXT,
        change      TEXT,
        warnings    TEXT NOT NULL DEFAULT '[]',
        error       TEXT,
        attempts    INTEGER NOT NULL DEFAULT 0,
        created_at  TEXT NOT NULL,
        updated_at  TEXT NOT NULL,
        UNIQUE (recipe_id, binding, engine)
    );
    CREATE INDEX job_by_state ON job (state, id);
    CREATE INDEX job_by_base ON job (base, engine, take);
    CREATE TABLE candidate (
        job           INTEGER NOT NULL REFERENCES job (id),
        number        INTEGER NOT NULL,
        path          TEXT NOT NULL,
        sha256        TEXT NOT NULL,
        bytes         INTEGER NOT NULL,
        width         INTEGER NOT NULL,
        height        INTEGER NOT NULL,
        seed          INTEGER NOT NULL,
        settings      TEXT NOT NULL,
        verdict       TEXT,
        verdict_event TEXT,
        reason        TEXT,
        decided_at    TEXT,
        cleaned_at    TEXT,
        PRIMARY KEY (job, number)
    );
    CREATE INDEX candidate_by_hash ON candidate (sha256);
    """,
)
SCHEMA_VERSION = len(MIGRATIONS)


@contextmanager
def connect(project: Project) -> Iterator[sqlite3.Connection]:
    """A connection with the schema up to date; closed on exit.

    Raises StudioError (``database_newer``, ``database_broken``, ``database_full``).
    """
    path: Path = project.database
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=30.0, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        # FULL: a verdict that was confirmed to a person is still there after a power cut.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        _migrate(connection, path)
        yield connection
    except sqlite3.DatabaseError as error:
        raise _explained(error, path) from error
    finally:
        if connection is not None:
            connection.close()


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """A write transaction that takes its lock at once, so that two writers queue, not clash."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        # A full disk makes SQLite roll back by itself; a second ROLLBACK would hide the reason.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version == SCHEMA_VERSION:
        return
    if version > SCHEMA_VERSION:
        raise StudioError(
            DATABASE_NEWER,
            f"{path.name} has schema {version}; this program knows up to {SCHEMA_VERSION}. "
            "Nothing was read or changed.",
            hint="Upgrade: pip install --upgrade ategnatos",
            found=version,
            known=SCHEMA_VERSION,
        )
    with writing(connection):
        # Another process may have migrated between the look and the lock.
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        for number in range(version, SCHEMA_VERSION):
            for statement in MIGRATIONS[number].split(";"):
                if statement.strip():
                    connection.execute(statement)
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _explained(error: sqlite3.DatabaseError, path: Path) -> StudioError:
    text = str(error)
    if "full" in text or "disk I/O" in text:
        return StudioError(
            DATABASE_FULL,
            f"{path.name} could not be written ({text}); its last state stands.",
            hint="Free some space ('ategnatos clean --dry-run' shows what can go), then try again.",
        )
    return StudioError(
        DATABASE_BROKEN,
        f"{path.name} could not be used: {text}. Nothing was changed.",
        hint="Run 'ategnatos doctor'; 'ategnatos grimoire restore' brings a backup back.",
    )
