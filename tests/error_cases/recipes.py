"""How to provoke every error code of the recipes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.art.recipes import binding, shelf, vocabulary
from tests.art.potion_recipe import POTION, content, put, studio


def now() -> datetime:
    return datetime(2026, 11, 21, 10, tzinfo=UTC)


def recipe_invalid(folder: Path) -> None:
    shelf.load(studio(folder, content(lever_schema={"type": "object"})), POTION)


def recipe_id(folder: Path) -> None:
    shelf.load(studio(folder), "Potion!")


def recipe_unknown(folder: Path) -> None:
    shelf.load(studio(folder), "alchemy.object.poison.v1")


def recipe_changed(folder: Path) -> None:
    project = studio(folder)
    shelf.freeze(project, shelf.load(project, POTION), actor="ann", now=now)
    put(project, content(locked_fields={"steps": 3}))
    shelf.load(project, POTION)


def recipe_vocabulary(folder: Path) -> None:
    project = studio(folder)
    file = project.grimoire / "recipes" / "vocabulary" / "mine.json"
    file.parent.mkdir()
    file.write_text('{"kinds": {"tile": {"about": "another tile"}}}')
    vocabulary.of(project)


def lever(folder: Path) -> None:
    recipe = shelf.load(studio(folder), POTION)
    binding.check(recipe, {"colour": "mauve", "size": "big"})


CASES: dict[str, Callable[[Path], None]] = {
    one.__name__: one
    for one in (
        recipe_invalid,
        recipe_id,
        recipe_unknown,
        recipe_changed,
        recipe_vocabulary,
        lever,
    )
}
