"""How to provoke every error code of promotion and shipping."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ategnatos.grimoire import content
from ategnatos.grimoire.project import Project


def frozen_exists(folder: Path) -> None:
    project = Project.create(folder / "studio")
    content.put_frozen(project, Path("game", "icon", "potion.png"), b"one")
    content.put_frozen(project, Path("game", "icon", "potion.png"), b"another")


CASES: dict[str, Callable[[Path], None]] = {
    "frozen_exists": frozen_exists,
}
