"""How to provoke every error code of the job store."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, redirect_stdout, suppress
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from ategnatos import cli
from ategnatos.art import generate
from ategnatos.art.order import Order, plan
from ategnatos.engines import Request
from ategnatos.grimoire import mounts
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import (
    database,
    effects,
    leases,
    saga,
    sending,
    sqlite,
    store,
    throttle,
)
from ategnatos.grimoire.project import Project
from ategnatos.guard.budget import approved
from tests.engines.painter import Painter


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


def _ordered(project: Project) -> store.Job:
    with database.connect(project) as db:
        job, _ = store.record(
            db,
            kind="image",
            engine="painter",
            recipe_id="prompt",
            base="b",
            take=0,
            binding="0" * 16,
            asked="a square",
            request={},
            now="",
        )
    return job


def lease_lost(folder: Path) -> None:
    project = studio(folder)
    job = _ordered(project)
    with database.connect(project, clock=lambda: 0.0) as db:
        late = leases.take(db, [job.id], "late", 1.0)[job.id]
    with database.connect(project) as db:
        leases.take(db, [job.id], "next", 30.0)
        leases.renew(db, late, 30.0)


def limit_invalid(folder: Path) -> None:
    with database.connect(studio(folder)) as db:
        throttle.limit(db, "painter", concurrency=0, rate=None)


def saga_unknown(folder: Path) -> None:
    saga.load("odyssey")


def saga_broken(folder: Path) -> None:
    path = folder / "loop.json"
    path.write_text('{"about": "", "start": "a", "failed": "f", "states": {}, "moves": []}')
    saga.read(path)


def _painted(folder: Path, painter: Painter) -> tuple[Project, Order]:
    project = studio(folder)
    approved.ensure_file(project)
    return project, plan(painter, Request("a square", 0, count=2), explicit_seed=1)


def _carry_out(project: Project, painter: Painter, order: Order) -> generate.Made:
    return generate.carry_out(project, painter, order, now=lambda: datetime.now(UTC), actor="test")


def effect_unknown(folder: Path) -> None:
    """A reply is lost, and the provider cannot be asked afterwards."""
    project = studio(folder)
    job = _ordered(project)

    def cut(key: str, last_look: Callable[[], None]) -> effects.Outcome:
        raise ConnectionResetError("the reply was lost")

    effect = effects.Effect("generate", cut, lambda: None, lambda row: effects.NobodyKnows())
    with database.connect(project) as db:
        hold = leases.take(db, [job.id], "test", 30.0)[job.id]
        for _ in range(2):
            with suppress(ConnectionResetError):
                sending.carry_out(
                    db, hold, job, leases.Policy(), effect, lambda point, job: None, lambda s: None
                )


def job_waits(folder: Path) -> None:
    painter = Painter()
    project, order = _painted(folder, painter)
    with database.connect(project) as db:
        throttle.pause(db, "painter", who="test", why="")
    _carry_out(project, painter, order)


def still_running(folder: Path) -> None:
    project = studio(folder)
    _ordered(project)
    through_cli("--project", str(project.root), "jobs", "watch", "j1", "--timeout", "0")


def through_cli(*arguments: str) -> None:
    """Run the front door and raise what its envelope says."""
    printed = io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["ategnatos", *arguments, "--json"]),
        suppress(SystemExit),
        redirect_stdout(printed),
    ):
        cli.main()
    error = json.loads(printed.getvalue())["error"]
    if error is not None:
        raise StudioError(ErrorCode(error["code"], ""), error["message"], hint=error["hint"])


CASES: dict[str, Callable[[Path], None]] = {
    "database_network": database_network,
    "database_busy": database_busy,
    "database_driver": database_driver,
    "database_unreachable": database_unreachable,
    "database_other": database_other,
    "lease_lost": lease_lost,
    "limit_invalid": limit_invalid,
    "saga_unknown": saga_unknown,
    "saga_broken": saga_broken,
    "effect_unknown": effect_unknown,
    "job_waits": job_waits,
    "still_running": still_running,
}
