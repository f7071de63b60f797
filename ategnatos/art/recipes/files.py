"""Files that a recipe names: LoRAs and workflows, inside the studio, known by their hashes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.files import sha256_file
from ategnatos.grimoire.zones import Zone, resolve

if TYPE_CHECKING:
    from ategnatos.art.recipes.model import Recipe
    from ategnatos.art.recipes.vocabulary import Vocabulary
    from ategnatos.grimoire.project import Project


def path_of(project: Project, name: str) -> Path:
    """Where a named file lies: ``workspace/...``, or below ``grimoire/`` with or without saying so.

    Raises StudioError (``zone_escape``, ``path_unsafe``).
    """
    head, *rest = Path(name).parts or ("",)
    zone = Zone.WORKSPACE if head == Zone.WORKSPACE.value else Zone.STATE
    return resolve(project, zone, Path(*rest) if head == zone.value and rest else Path(name))


def names(recipe: Recipe, words: Vocabulary) -> list[str]:
    """Every file that the recipe names, once."""
    found: list[str] = []
    for key, template in recipe.templates.items():
        workflow = words.engine_keys[key].workflow
        if workflow and workflow in template.texts:
            found.append(str(template.texts[workflow]))
        found.extend(str(one["name"]) for one in template.locked.get("loras", ()))
    return list(dict.fromkeys(found))


def hashes(project: Project, recipe: Recipe, words: Vocabulary) -> dict[str, str]:
    """SHA-256 of every file that the recipe names and that is there, by name."""
    paths = {name: path_of(project, name) for name in names(recipe, words)}
    return {name: sha256_file(path) for name, path in paths.items() if path.is_file()}
