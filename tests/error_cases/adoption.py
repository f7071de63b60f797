"""One real way to provoke each error of what is brought in from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.art import importing, many, reproduce

if TYPE_CHECKING:
    from ategnatos.engines import Engine
    from ategnatos.grimoire.project import Project


def _too_many(folder: Path) -> None:
    many = folder / "many"
    many.mkdir()
    for number in range(3):
        (many / f"{number}.png").touch()
    before, importing.MOST_FILES = importing.MOST_FILES, 2
    try:
        importing.pictures_in(many)
    finally:
        importing.MOST_FILES = before


def _studio(folder: Path) -> Project:
    from ategnatos.grimoire.project import Project

    return Project.create(folder / "studio")


def _adopted(folder: Path, project: Project) -> None:
    from datetime import UTC, datetime

    from PIL import Image

    from ategnatos.grimoire.jobs import database

    Image.new("RGB", (8, 8)).save(folder / "silent.png")
    with database.connect(project) as db:
        importing.adopt(
            project,
            db,
            folder / "silent.png",
            importing.Origin(),
            actor="test",
            now=lambda: datetime.now(UTC),
        )


def _no_words(folder: Path) -> None:
    from ategnatos.grimoire.jobs import database, store

    project = _studio(folder)
    _adopted(folder, project)
    with database.connect(project) as db:
        importing.for_engine(store.get(db, 1), "starter", None)


def _not_made_here(folder: Path) -> None:
    project = _studio(folder)
    _adopted(folder, project)
    reproduce.of(project, 1, 1)


def _made(folder: Path) -> tuple[Project, Engine]:
    from datetime import UTC, datetime

    from ategnatos.art import generate, order
    from ategnatos.engines import Request, load_engine

    project, engine = _studio(folder), load_engine("starter")
    asked = Request("a red potion", 0, steps=1, width=32, height=32)
    planned = order.plan(engine, asked, explicit_seed=1)
    generate.carry_out(project, engine, planned, now=lambda: datetime.now(UTC), actor="test")
    return project, engine


def _other_weights(folder: Path) -> None:
    from dataclasses import replace

    project, engine = _made(folder)
    job, one = reproduce.of(project, 1, 1)
    other = replace(one, settings={**one.settings, "model_sha256": "0" * 64})
    reproduce.check(reproduce.plan(project, engine, job, other))


def _billed(folder: Path) -> None:
    from tests.engines.toll import Toll, Vendor

    project, _ = _made(folder)
    job, one = reproduce.of(project, 1, 1)
    with Vendor() as vendor:
        reproduce.plan(project, Toll(vendor.port), job, one)


CASES: dict[str, Callable[[Path], None]] = {
    "nothing_to_import": lambda folder: _discard(importing.pictures_in(folder / "none")),
    "import_too_many": _too_many,
    "import_no_words": _no_words,
    "prompts_file": lambda folder: _discard(many.read(folder / "none.txt")),
    "not_made_here": _not_made_here,
    "lock_differs": _other_weights,
    "reproduction_billed": _billed,
}


def _discard(_: object) -> None:
    return None
