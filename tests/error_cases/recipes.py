"""How to provoke every error code of the recipes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.art.recipes import (
    binding,
    checking,
    planning,
    running,
    shelf,
    vocabulary,
    writing,
)
from ategnatos.commands.art import recipe
from ategnatos.commands.contract import Call
from ategnatos.engines import load_engine
from ategnatos.grimoire.jobs import database, store
from tests.art.potion_recipe import POTION, content, put, studio, waiting_concept


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
    found = shelf.load(studio(folder), POTION)
    binding.check(found, {"colour": "mauve", "size": "big"})


def recipe_cannot(folder: Path) -> None:
    planning.chosen(shelf.load(studio(folder), POTION), ["comfyui"])


def concept_gate(folder: Path) -> None:
    """An approval that stands in the database alone frees nothing."""
    project, job = waiting_concept(folder)
    with database.connect(project) as db:
        facts = store.get_candidate(db, job.id, 1)
        store.decide(
            db,
            job.id,
            1,
            store.APPROVED,
            sha256=facts.sha256,
            event="e00000001",
            reason=None,
            now="2026-11-21T10:00:00Z",
        )
        running.carry_out(
            project, db, store.get(db, job.id), load_engine, now=now, actor="user:ann"
        )


def recipe_exists(folder: Path) -> None:
    writing.put(studio(folder), content())


def recipe_no_change(folder: Path) -> None:
    writing.bump(studio(folder), POTION, {})


def recipe_requirements(folder: Path) -> None:
    checking.missing(studio(folder), [folder / "contract.json"])


def recipes_unsound(folder: Path) -> None:
    project = studio(folder, content(kind="tile"))
    answer = recipe.validate(Call("art recipe validate", project_option=project.root))
    assert answer.failed is not None
    raise answer.failed


CASES: dict[str, Callable[[Path], None]] = {
    one.__name__: one
    for one in (
        recipe_invalid,
        recipe_id,
        recipe_unknown,
        recipe_changed,
        recipe_vocabulary,
        lever,
        recipe_cannot,
        concept_gate,
        recipe_exists,
        recipe_no_change,
        recipe_requirements,
        recipes_unsound,
    )
}
