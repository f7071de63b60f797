"""How to provoke every error code of the review."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ategnatos.art import batch
from ategnatos.grimoire.project import Project
from tests.guard import keys


def nothing_waits(folder: Path) -> None:
    batch.waiting(Project.create(folder / "studio"))


def picture_way(folder: Path) -> None:
    project = Project.create(folder / "studio")
    words = ("art", "review", "--pending", "--pictures", "oil")
    keys.through_cli("--project", str(project.root), *words)


CASES: dict[str, Callable[[Path], None]] = {
    "nothing_waits": nothing_waits,
    "picture_way": picture_way,
}
