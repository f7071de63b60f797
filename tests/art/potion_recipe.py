"""A recipe for the starter model, in the smallest form that is whole, and a studio that has it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ategnatos.art.recipes import planning, running, shelf, vocabulary
from ategnatos.engines import Engine, Request, load_engine
from ategnatos.grimoire.jobs import database, store
from ategnatos.grimoire.project import Project

POTION = "alchemy.object.potion.v1"

CONTENT: dict[str, Any] = {
    "recipe_id": POTION,
    "kind": "object.potion",
    "lever_schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["colour", "size"],
        "properties": {
            "colour": {"enum": ["red", "green", "blue"]},
            "size": {"enum": ["small", "big"]},
        },
    },
    "locked_fields": {
        "cfg_scale": 2.0,
        "steps": 2,
        "canvas_width": 64,
        "canvas_height": 64,
        "seed_production": 31337,
        "composition_mode": "standalone",
        "anchor_offsets": {"base": {"s": [0, 28]}},
    },
    "prompt_templates_by_backend": {"starter": {"prompt": "a {size} {colour} potion, outlined"}},
    "valid_output_kinds": ["object.potion"],
    "default_palette_enforcement": False,
}


def content(**changes: Any) -> dict[str, Any]:
    """The recipe's JSON; ``locked_fields`` given here are added, other keys replaced."""
    made = copy.deepcopy(CONTENT)
    made["locked_fields"] |= changes.pop("locked_fields", {})
    return {**made, **changes}


def put(project: Project, recipe: dict[str, Any] | None = None) -> Path:
    """Write a recipe into the studio under its own id."""
    recipe = recipe or CONTENT
    path = project.grimoire / "recipes" / f"{recipe['recipe_id']}.json"
    path.write_text(json.dumps(recipe))
    return path


def studio(folder: Path, recipe: dict[str, Any] | None = None) -> Project:
    """A new studio with one recipe."""
    project = Project.create(folder / "studio")
    put(project, recipe)
    return project


WITCH = "alchemy.character.witch.v1"


def gated() -> dict[str, Any]:
    """A recipe whose second step starts from a concept that a person approved."""
    words = {
        "engine_keys": {
            "stone": {"about": "a paid step, carried out by the starter", "engine": "starter"}
        }
    }
    made = content(recipe_id=WITCH, kind="character.witch", valid_output_kinds=["character.witch"])
    said = "a {size} {colour} ghost"
    made["prompt_templates_by_backend"] = {
        "starter": {"prompt": said},
        "stone": {"prompt": said, "concept": "starter"},
    }
    return {"recipe": made, "vocabulary": words}


def add_words(project: Project, words: dict[str, Any], name: str = "mine") -> None:
    """Put a file of kinds, levers, engine keys or asset formats into the studio."""
    folder = project.grimoire / "recipes" / "vocabulary"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(words))


def noon() -> datetime:
    """A fixed time."""
    return datetime(2026, 11, 21, 12, tzinfo=UTC)


def plain(engine: Engine, request: Request) -> tuple[Request, dict[str, Any] | None]:
    """A taste that adds nothing."""
    return request, None


def planned(
    project: Project,
    recipe_id: str,
    rows: list[dict[str, str]],
    *,
    concepts: int = 1,
    engine_of: Callable[[str], Engine] = load_engine,
) -> list[planning.Output]:
    """The outputs of a recipe of the studio."""
    return planning.plan(
        project,
        shelf.load(project, recipe_id),
        vocabulary.of(project),
        rows,
        concepts=concepts,
        on=(),
        engine_of=engine_of,
        season=plain,
    )


def waiting_concept(
    folder: Path, engine_of: Callable[[str], Engine] = load_engine, engine: str = "starter"
) -> tuple[Project, store.Job]:
    """A studio with one job of the gated recipe, whose concept waits for a person."""
    facts = gated()
    facts["vocabulary"]["engine_keys"]["stone"]["engine"] = engine
    project = Project.create(folder / "studio")
    add_words(project, facts["vocabulary"])
    put(project, facts["recipe"])
    outputs = planned(project, WITCH, [{"colour": "red", "size": "big"}], engine_of=engine_of)
    recipe = shelf.load(project, WITCH)
    with database.connect(project) as db:
        ((job, _),) = running.put_down(project, db, recipe, outputs, now=noon, actor="user:ann")
        running.carry_out(project, db, job, engine_of, now=noon, actor="user:ann")
        return project, store.get(db, job.id)
