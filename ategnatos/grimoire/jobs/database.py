"""The studio's database: one way in over two drivers that behave alike.

SQLite of the standard library is the default (one file in the studio); Postgres serves several
machines, when ATEGNATOS_DATABASE_URL is set. SQL is written once, in SQLite's spelling, with
``?`` for a value; rows are read by name or by position.

    with database.connect(project) as db, database.writing(db):
        db.execute("UPDATE job SET priority=? WHERE id=?", (10, 7))

``writing`` is one transaction, and one writer at a time in both: what it reads stays true until
it commits. A single statement outside of it commits by itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.locks import LOCKED

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

DATABASE_NEWER = ErrorCode(
    "database_newer", "The database was written by a newer Ategnatos; it was left alone."
)
DATABASE_BROKEN = ErrorCode("database_broken", "The database is not readable as one.")
DATABASE_FULL = ErrorCode("database_full", "The disk is full; the database kept its last state.")
DATABASE_BUSY = ErrorCode("database_busy", "Another process keeps the database to itself.")
DATABASE_NETWORK = ErrorCode(
    "database_network", "SQLite would lie on a network mount, where its locks do not hold."
)
DATABASE_UNREACHABLE = ErrorCode("database_unreachable", "The database server does not answer.")
DATABASE_DRIVER = ErrorCode("database_driver", "The Postgres driver is not installed.")
DATABASE_OTHER = ErrorCode("database_other", "The Postgres database belongs to another studio.")

URL_VARIABLE = "ATEGNATOS_DATABASE_URL"

# What a moment's patience may mend: a server that restarts, a writer that takes long or was
# stopped with the journal in its hands.
PASSING = frozenset({DATABASE_BUSY, DATABASE_UNREACHABLE, LOCKED})

# Seconds since 1970 in UTC.
Clock = Callable[[], float]


class Rows(Protocol):
    """What a statement found. A row is read as ``row["state"]`` or ``row[0]``."""

    @property
    def rowcount(self) -> int:
        """How many rows an INSERT, UPDATE or DELETE touched."""
        ...

    def fetchone(self) -> Any:
        """The next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Database(Protocol):
    """An open connection, for one thread at a time."""

    @property
    def project(self) -> Project:
        """The studio whose record it is."""
        ...

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgres``: only for the few words they spell differently."""
        ...

    @property
    def errors(self) -> type[Exception]:
        """What the driver raises where a statement fails."""
        ...

    @property
    def skip_locked(self) -> str:
        """What a SELECT that claims rows ends with: nothing, or FOR UPDATE SKIP LOCKED."""
        ...

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Carry out one statement; its values stand for the ``?`` in it."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> object:
        """Carry out one statement for each row of values."""
        ...

    def now(self) -> float:
        """Seconds since 1970: the server's clock in Postgres, the connection's in SQLite.

        Leases are compared by this clock alone, so machines need not agree on the time.
        """
        ...

    def begin(self) -> None:
        """Begin a transaction as its only writer."""
        ...

    def commit(self) -> None:
        """End it; what it wrote survives a power cut."""
        ...

    def rollback(self) -> None:
        """Undo it, where it still stands."""
        ...


@contextmanager
def connect(project: Project, *, clock: Clock = time.time) -> Iterator[Database]:
    """A connection with the schema up to date; closed on exit.

    ``clock`` is the time of a SQLite connection. Errors of the driver inside the block become
    StudioErrors. A database that is made anew gets its money from the journal. Raises
    StudioError (``journal_corrupt``, ``database_newer``, ``database_broken``, ``database_full``,
    ``database_busy``, ``database_network``, ``database_unreachable``, ``database_driver``,
    ``database_other``).
    """
    url = os.environ.get(URL_VARIABLE)
    if url:
        from ategnatos.grimoire.jobs import postgres

        with postgres.connect(project, url) as server:
            yield server
    else:
        from ategnatos.grimoire.jobs import sqlite

        with sqlite.connect(project, clock) as file:
            yield file


@contextmanager
def writing(db: Database) -> Iterator[None]:
    """One transaction, as the only writer; undone where the block raises."""
    db.begin()
    try:
        yield
    except BaseException:
        db.rollback()
        raise
    db.commit()


def exists(project: Project) -> bool:
    """Whether anything may be recorded: looking must not create an empty database.

    One that was deleted counts where the journal holds money: opened, it has its sums again.
    """
    return on_server() or project.database.exists() or _money_was_spent(project)


def _money_was_spent(project: Project) -> bool:
    from ategnatos.grimoire import journal

    return any(b'"kind":"spend.reserved"' in line for _, line in journal.lines(project))


def on_server() -> bool:
    """Whether jobs and spend are in Postgres, not in the studio's folder."""
    return bool(os.environ.get(URL_VARIABLE))


def refuse_newer(where: str, found: int, known: int) -> None:
    """Raise StudioError (``database_newer``) where ``found`` is past what this program knows."""
    if found > known:
        raise StudioError(
            DATABASE_NEWER,
            f"{where} has schema {found}; this program knows up to {known}. "
            "Nothing was read or changed.",
            hint="Upgrade: pip install --upgrade ategnatos",
            found=found,
            known=known,
        )
