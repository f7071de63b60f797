"""The Postgres driver, for several machines: psycopg 3, imported only where it is used.

Behaves as the SQLite driver does: one writer at a time (an advisory lock of the transaction,
which the server frees when a client dies), and the server's clock for everybody.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import explained, read_whole, write_atomic
from ategnatos.grimoire.jobs import migrations
from ategnatos.grimoire.jobs.database import (
    DATABASE_BROKEN,
    DATABASE_BUSY,
    DATABASE_DRIVER,
    DATABASE_FULL,
    DATABASE_OTHER,
    DATABASE_UNREACHABLE,
    Rows,
    refuse_newer,
    writing,
)

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

    from ategnatos.grimoire.project import Project

# A client that is stopped inside a transaction must not stop the others: after this long the
# server ends its session, and its transaction was never.
_SESSION = (
    "SET idle_in_transaction_session_timeout = '4s';"
    "SET lock_timeout = '30s';"
    "SET synchronous_commit = on;"
    "SET default_transaction_isolation = 'read committed'"
)
# "ateg": sets our lock apart from those of other programs on the same server.
_LOCK = "SELECT pg_advisory_xact_lock(1635018087, hashtext(current_schema()))"
_ID_FILE = "postgres.id"

_FULL = frozenset({"53100", "53200"})
_BUSY = frozenset({"55P03", "40001", "40P01", "53300", "25P03"})
# The server is starting or going down: https://www.postgresql.org/docs/current/errcodes-appendix.html
_AWAY = frozenset({"57P01", "57P02", "57P03", "57P05"})


class Row(tuple[Any, ...]):
    """A row that is read by name as well as by position."""

    names: tuple[str, ...] = ()

    def keys(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.names

    def __getitem__(self, key: Any) -> Any:
        """The value of a column."""
        if isinstance(key, str):
            return super().__getitem__(self.names.index(key))
        return super().__getitem__(key)


class PostgresDatabase:
    """A session with the server; see :class:`~.database.Database`."""

    dialect = "postgres"
    skip_locked = "FOR UPDATE SKIP LOCKED"

    def __init__(
        self, project: Project, connection: psycopg.Connection[Any], errors: type[Exception]
    ) -> None:
        self.project = project
        self._connection = connection
        self.errors = errors

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Rows:
        """Carry out one statement."""
        return cast("Rows", self._connection.execute(_theirs(sql), parameters or None))

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Carry out one statement for each row of values."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_theirs(sql), parameters)

    def now(self) -> float:
        """The server's clock."""
        found = self.execute("SELECT EXTRACT(EPOCH FROM clock_timestamp())::float8").fetchone()
        return float(found[0])

    def begin(self) -> None:
        """Begin, and wait until no other transaction of this kind is open."""
        self._connection.execute(cast("Any", f"BEGIN; {_LOCK}"))

    def commit(self) -> None:
        """Commit on the server's disk."""
        self._connection.execute("COMMIT")

    def rollback(self) -> None:
        """Undo; a session that is gone has been undone by the server."""
        import psycopg

        with suppress(psycopg.Error):
            self._connection.rollback()


@contextmanager
def connect(project: Project, url: str) -> Iterator[PostgresDatabase]:
    """Open a session with the server of ``url``. Raises as ``database.connect``."""
    try:
        import psycopg
    except ImportError as error:
        raise StudioError(
            DATABASE_DRIVER,
            f"ATEGNATOS_DATABASE_URL is set, and the Postgres driver cannot be imported ({error});"
            " nothing was done.",
            hint="Install it: pip install 'ategnatos[postgres]'. Or unset ATEGNATOS_DATABASE_URL"
            " to work with the file in the studio.",
        ) from error
    connection: psycopg.Connection[Any] | None = None
    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            prepare_threshold=None,
            application_name="ategnatos",
            row_factory=_by_name,
            **_patience(url),
        )
        connection.execute(_SESSION)
        db = PostgresDatabase(project, connection, psycopg.Error)
        _migrate(db, project, _named(url))
        yield db
    except psycopg.Error as error:
        raise _explained(error, url) from error
    finally:
        if connection is not None:
            connection.close()


def _patience(url: str) -> dict[str, Any]:
    """How long to wait for a machine that is gone, where the URL does not say it itself."""
    from psycopg.conninfo import conninfo_to_dict

    ours = {"connect_timeout": 10, "keepalives_idle": 5, "tcp_user_timeout": 20_000}
    said = conninfo_to_dict(url)
    return {key: value for key, value in ours.items() if key not in said}


@lru_cache(maxsize=256)
def _theirs(sql: str) -> Any:
    return sql.replace("%", "%%").replace("?", "%s")


def _by_name(cursor: psycopg.Cursor[Any]) -> Any:
    names = tuple(column.name for column in cursor.description or ())
    return type("Row", (Row,), {"names": names})


def _migrate(db: PostgresDatabase, project: Project, where: str) -> None:
    here = _id_here(project)
    found = _found(db)
    if found is None or found[0] < migrations.VERSION:
        found = _brought_up(db, project, where)
        here = _id_here(project)
    refuse_newer(where, found[0], migrations.VERSION)
    if found[1] != here:
        path = project.state / _ID_FILE
        raise StudioError(
            DATABASE_OTHER,
            f"{where} belongs to another studio than the one in {project.root}; nothing was"
            " read or changed.",
            hint="Give every studio a database (or a schema) of its own. If this folder is a copy"
            f" of that studio, say so: echo {found[1]} > '{path}'",
            studio=found[1],
        )


def _brought_up(db: PostgresDatabase, project: Project, where: str) -> tuple[int, str]:
    with writing(db):
        db.execute(
            "CREATE TABLE IF NOT EXISTS ategnatos_schema"
            " (version BIGINT NOT NULL, studio TEXT NOT NULL)"
        )
        version, studio = _found(db) or (0, "")
        refuse_newer(where, version, migrations.VERSION)
        for number in range(version, migrations.VERSION):
            for statement in migrations.statements(number, db.dialect):
                db.execute(statement)
        if not version:
            migrations.fill_new(db)
        if not studio:
            studio = _id_here(project) or _new_id(project)
            db.execute("INSERT INTO ategnatos_schema VALUES (?, ?)", (0, studio))
        db.execute("UPDATE ategnatos_schema SET version=?", (migrations.VERSION,))
    return migrations.VERSION, studio


def _found(db: PostgresDatabase) -> tuple[int, str] | None:
    """Schema version and studio of the database, or None where it holds nothing of ours."""
    there = db.execute("SELECT to_regclass('ategnatos_schema')").fetchone()[0]
    if there is None:
        return None
    row = db.execute("SELECT version, studio FROM ategnatos_schema").fetchone()
    return None if row is None else (int(row[0]), str(row[1]))


def _id_here(project: Project) -> str:
    path = str(project.state / _ID_FILE)
    with explained(project.state / _ID_FILE, "The database was not opened."):
        return (read_whole(path) or b"").decode("ascii", "replace").strip()


def _new_id(project: Project) -> str:
    path: Path = project.state / _ID_FILE
    write_atomic(path, f"{uuid.uuid4()}\n".encode())
    return _id_here(project)


def _named(url: str) -> str:
    """The database in words, without the credentials that its URL may hold."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        said = conninfo_to_dict(url)
    except ProgrammingError:
        return "The Postgres database"
    host = said.get("host") or os.environ.get("PGHOST") or "this machine"
    return f"The Postgres database {said.get('dbname') or ''!s} on {host}".replace("  ", " ")


def _explained(error: psycopg.Error, url: str) -> StudioError:
    import psycopg

    where = _named(url)
    state = error.sqlstate or ""
    text = " ".join(str(error).split())
    if isinstance(error, psycopg.ProgrammingError) and not state:
        return StudioError(
            DATABASE_UNREACHABLE,
            "ATEGNATOS_DATABASE_URL is not understood; nothing was done.",
            hint="Write it like postgresql://user@host:5432/studio",
        )
    if state in _FULL:
        return StudioError(
            DATABASE_FULL,
            f"{where} could not be written ({text}); its last state stands.",
            hint="Free space on the server's disk, then try again.",
        )
    if state in _BUSY:
        return StudioError(
            DATABASE_BUSY,
            f"{where} was busy ({text}); nothing was changed.",
            hint="Run the same command again in a moment.",
        )
    if state in _AWAY or isinstance(error, psycopg.OperationalError):
        return StudioError(
            DATABASE_UNREACHABLE,
            f"{where} does not answer ({text}). What was not confirmed may or may not be written.",
            hint="Start the server, or check ATEGNATOS_DATABASE_URL; then run it again.",
        )
    return StudioError(
        DATABASE_BROKEN,
        f"{where} could not be used: {text}. Nothing was changed.",
        hint="Run 'ategnatos doctor'. A backup of the server (pg_dump) comes back with pg_restore.",
    )
