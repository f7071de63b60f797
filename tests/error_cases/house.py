"""How to provoke every error code of the front door, the engines, the jobs and the art room."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

from ategnatos import cli, engines
from ategnatos.art import generate, inputs, order, references, sheets, ship, vary, verdicts
from ategnatos.commands import contract
from ategnatos.commands.art import look, work
from ategnatos.engines import Request
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import database, moves, store
from ategnatos.grimoire.project import Project
from ategnatos.guard import gate
from ategnatos.guard.gate import terminal
from ategnatos.knowledge import feedback
from tests.engines.painter import Painter


def now() -> datetime:
    return datetime(2026, 11, 20, tzinfo=UTC)


def studio(folder: Path) -> Project:
    return Project.create(folder / "studio")


def made(project: Project, painter: Painter | None = None) -> tuple[generate.Made, order.Order]:
    painter = painter or Painter()
    planned = order.plan(painter, Request("a square", 0, count=2), explicit_seed=1)
    job = generate.carry_out(project, painter, planned, now=now, actor="test")
    return job, planned


def through_cli(*arguments: str) -> None:
    """Run the front door and raise what its envelope says."""
    printed = io.StringIO()
    with mock.patch.object(sys, "argv", ["ategnatos", *arguments, "--json"]):
        try:
            with redirect_stdout(printed):
                cli.main()
        except SystemExit as leave:
            status = leave.code
    error = json.loads(printed.getvalue())["error"]
    if error is not None:
        code = ErrorCode(error["code"], "", int(status or 0))
        raise StudioError(code, error["message"], hint=error["hint"])


def usage(_: Path) -> None:
    through_cli("art", "lisst")


def interrupted(folder: Path) -> None:
    project = studio(folder)
    with mock.patch.object(store, "jobs", side_effect=KeyboardInterrupt):
        through_cli("--project", str(project.root), "art", "list")


def unexpected(folder: Path) -> None:
    project = studio(folder)
    with mock.patch.object(store, "jobs", side_effect=ZeroDivisionError):
        through_cli("--project", str(project.root), "art", "list")


def platform_unsupported(_: Path) -> None:
    cli.check_platform("win32")


def engine_unknown(_: Path) -> None:
    engines.load_engine("nope")


def engine_unavailable(folder: Path) -> None:
    package = folder / "site" / "broken-1.0.dist-info"
    package.mkdir(parents=True)
    declared = f"[{engines.ENTRY_POINT_GROUP}]\nbroken = no_such_module:Engine\n"
    (package / "entry_points.txt").write_text(declared)
    with mock.patch.object(sys, "path", [*sys.path, str(package.parent)]):
        engines.load_engine("broken")


def engine_cannot(_: Path) -> None:
    Painter().plan(Request("a square", 0, count=0))


def engine_broke(folder: Path) -> None:
    made(studio(folder), Painter(forget_one=True))


def not_reproduced(folder: Path) -> None:
    project = studio(folder)
    job, planned = made(project)
    (project.root / job.candidates[0].path).unlink()
    generate.carry_out(project, Painter(shift=1), planned, now=now, actor="test")


def database_newer(folder: Path) -> None:
    project = studio(folder)
    connection = sqlite3.connect(project.database)
    connection.execute("PRAGMA user_version=999")
    connection.close()
    with database.connect(project):
        pass


def database_broken(folder: Path) -> None:
    project = studio(folder)
    project.database.write_bytes(b"this is no database " * 100)
    with database.connect(project):
        pass


def _order(asked: str) -> dict[str, Any]:
    names = {"kind": "image", "engine": "painter", "recipe_id": "prompt", "base": "b", "take": 0}
    return {**names, "binding": "b", "asked": asked, "request": {}, "now": ""}


def database_full(folder: Path) -> None:
    project = studio(folder)
    with database.connect(project) as db:
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count={pages}")
        store.record(db, **_order("x" * 100_000))


def job_unknown(folder: Path) -> None:
    with database.connect(studio(folder)) as db:
        store.get(db, 7)


def job_state(folder: Path) -> None:
    project = studio(folder)
    job, _ = made(project)
    with database.connect(project) as db:
        moves.retry(db, job.job.id, who="test")


def _judge(project: Project, sha256: str) -> None:
    verdicts.record_choice(
        project, 1, 1, store.APPROVED, sha256=sha256, reason=None, actor="person:test", now=now
    )


def verdict_final(folder: Path) -> None:
    project = studio(folder)
    job, _ = made(project)
    _judge(project, job.candidates[0].sha256)
    _judge(project, job.candidates[0].sha256)


def bytes_changed(folder: Path) -> None:
    project = studio(folder)
    job, _ = made(project)
    (project.root / job.candidates[0].path).write_bytes(b"something else")
    _judge(project, job.candidates[0].sha256)


def file_gone(folder: Path) -> None:
    project = studio(folder)
    job, _ = made(project)
    (project.root / job.candidates[0].path).unlink()
    _judge(project, job.candidates[0].sha256)


def reason(folder: Path) -> None:
    verdicts.reject(studio(folder), 1, 1, "  ", actor="person:test", now=now)


def needs_person(_: Path) -> None:
    with mock.patch.dict("os.environ", {"CLAUDECODE": "1"}):
        gate.ask(["?"], "yes:", ["yes"], redo="ategnatos art approve 'j1#1'")


def not_confirmed(_: Path) -> None:
    import os

    reading, writing = os.pipe()
    os.write(writing, b"maybe\nperhaps\nmaybe\n")
    os.close(writing)
    with (
        mock.patch.object(terminal.os, "open", return_value=reading),
        mock.patch.object(terminal.os, "fdopen", side_effect=_Screen),
    ):
        gate.ask(["?"], "yes:", ["yes"], redo="ategnatos art approve 'j1#1'")


class _Screen:
    """What ``/dev/tty`` is to the gate: a place to write to, with a descriptor to read from."""

    def __init__(self, descriptor: int, *_: object, **__: object) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> _Screen:
        return self

    def __exit__(self, *_: object) -> None:
        import os

        os.close(self._descriptor)

    def write(self, _: bytes) -> None:
        return

    def fileno(self) -> int:
        return self._descriptor


def not_approved(folder: Path) -> None:
    project = studio(folder)
    made(project)
    ship.ship(project, 1, 1, "square", ship.Options(), actor="test", now=now)


def reference(_: Path) -> None:
    references.parse_candidate("j1")


def size(_: Path) -> None:
    order.parse_size("wide")


def prompt(_: Path) -> None:
    order.plan(Painter(), Request("  ", 0), explicit_seed=None)


def seed(_: Path) -> None:
    order.plan(Painter(), Request("a square", 0), explicit_seed=-1)


def no_pictures(folder: Path) -> None:
    project = studio(folder)
    job, _ = made(project)
    for candidate in job.candidates:
        (project.root / candidate.path).unlink()
    sheets.write_job_sheet(project, job.job, job.candidates)


def no_difference(folder: Path) -> None:
    project = studio(folder)
    job, _ = made(project)
    meaning, vocabulary = feedback.for_family(["starter"])
    vary.vary(
        project,
        Painter(),
        job.job,
        job.candidates[0],
        "square",
        strength=None,
        count=1,
        feedback=meaning,
        vocabulary=vocabulary,
    )


def input_file(folder: Path) -> None:
    inputs.read_picture(folder / "nope.png")


def input_lost(folder: Path) -> None:
    inputs.find_input(studio(folder), "0" * 64, "j1")


def input_gone(folder: Path) -> None:
    from dataclasses import replace

    project = studio(folder)
    job, _ = made(project)
    lora = {"name": "owl", "path": "/nope/owl.safetensors", "weight": 1.0, "sha256": ""}
    changed = replace(job.job, request={**job.job.request, "loras": [lora]})
    vary.request_of(project, changed)


def lora_weight(_: Path) -> None:
    inputs.parse_lora("owl.safetensors:heavy")


def state_unknown(folder: Path) -> None:
    call = contract.Call("art list", project_option=studio(folder).root)
    look.list_jobs(call, state="bogus")


def price_not_confirmed(folder: Path) -> None:
    from ategnatos.guard.budget import approved

    project = studio(folder)
    approved.ensure_file(project)
    call = contract.Call("art generate", json=True)
    work.make(call, project, Painter(price=Decimal("0.01")), Request("a square", 0), seed=None)


_ALL: tuple[Callable[[Path], None], ...] = (
    usage,
    interrupted,
    unexpected,
    platform_unsupported,
    engine_unknown,
    engine_unavailable,
    engine_cannot,
    engine_broke,
    not_reproduced,
    database_newer,
    database_broken,
    database_full,
    job_unknown,
    job_state,
    verdict_final,
    bytes_changed,
    file_gone,
    reason,
    needs_person,
    not_confirmed,
    not_approved,
    reference,
    size,
    prompt,
    seed,
    no_pictures,
    no_difference,
    input_file,
    input_lost,
    input_gone,
    lora_weight,
    state_unknown,
    price_not_confirmed,
)
CASES = {case.__name__: case for case in _ALL}
