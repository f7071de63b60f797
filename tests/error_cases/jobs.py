"""How to provoke every error code of the job store."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from unittest import mock

from ategnatos.grimoire import mounts
from ategnatos.grimoire.jobs import database, sqlite
from ategnatos.grimoire.project import Project


def studio(folder: Path) -> Project:
    return Project.create(folder / "studio")


def _opened(folder: Path, url: str = "") -> None:
    with (
        mock.patch.dict("os.environ", {database.URL_VARIABLE: url} if url else {}),
        database.connect(studio(folder)),
    ):
        pass


def database_network(folder: Path) -> None:
    table = folder / "mounts"
    table.write_text(f"server:/art {folder} nfs4 rw 0 0\n")
    with mock.patch.object(mounts, "_TABLE", table):
        _opened(folder)


def database_busy(folder: Path) -> None:
    project = studio(folder)
    with (
        database.connect(project),
        closing(sqlite3.connect(project.database)) as other,
        mock.patch.object(sqlite, "BUSY_SECONDS", 0.05),
    ):
        other.execute("BEGIN IMMEDIATE")
        with database.connect(project) as db, database.writing(db):
            pass


def database_driver(folder: Path) -> None:
    with mock.patch.dict(sys.modules, {"psycopg": None}):
        _opened(folder, "postgresql://somewhere/studio")


def database_unreachable(folder: Path) -> None:
    _opened(folder, "postgresql://127.0.0.1:1/studio")


def database_other(folder: Path) -> None:
    """The same judgement without a server: what the database says it belongs to."""
    from ategnatos.grimoire.jobs import migrations, postgres

    class Server:
        def execute(self, sql: str, parameters: object = ()) -> Server:
            self.answer = ("table",) if "regclass" in sql else (migrations.VERSION, "another")
            return self

        def fetchone(self) -> tuple[object, ...]:
            return self.answer

    postgres._migrate(Server(), studio(folder), "The Postgres database")  # type: ignore[arg-type]


CASES: dict[str, Callable[[Path], None]] = {
    "database_network": database_network,
    "database_busy": database_busy,
    "database_driver": database_driver,
    "database_unreachable": database_unreachable,
    "database_other": database_other,
}
