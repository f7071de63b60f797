"""A recipe for the starter model, in the smallest form that is whole, and a studio that has it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

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
