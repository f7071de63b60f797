"""One real way to provoke each error of what is brought in from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ategnatos.art import importing


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


def _no_words(folder: Path) -> None:
    from datetime import UTC, datetime

    from PIL import Image

    from ategnatos.grimoire.jobs import database, store
    from ategnatos.grimoire.project import Project

    project = Project.create(folder / "studio")
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
        importing.for_engine(store.get(db, 1), "starter", None)


CASES: dict[str, Callable[[Path], None]] = {
    "nothing_to_import": lambda folder: _discard(importing.pictures_in(folder / "none")),
    "import_too_many": _too_many,
    "import_no_words": _no_words,
}


def _discard(_: object) -> None:
    return None
