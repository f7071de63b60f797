"""New recipes, and new versions of old ones: written once, checked first, never over another."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.art.recipes import reading, shelf, vocabulary
from ategnatos.art.recipes.model import RECIPE_ID, Recipe, RecipeId, parse_id
from ategnatos.art.recipes.versions import Difference, differences, next_version
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained, sync_folder, write_atomic, write_temporary

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

RECIPE_EXISTS = ErrorCode("recipe_exists", "A recipe of that id is there already.")
NO_CHANGE = ErrorCode("recipe_no_change", "The new version would say what the old one says.")


@dataclass(frozen=True, slots=True)
class Bumped:
    """A new version, how it differs, and whether the old file was put back as it was used."""

    recipe: Recipe
    before: RecipeId
    changes: tuple[Difference, ...]
    restored: bool


def draft(
    project: Project,
    text: str,
    *,
    sub_kind: str,
    levers: Mapping[str, Sequence[str]],
    prompts: Mapping[str, str],
    locked: Mapping[str, Any],
    about: str,
) -> dict[str, Any]:
    """The JSON of a new recipe; a lever without values takes those of the vocabulary.

    ``prompts`` maps an engine key to its prompt. Raises StudioError (``recipe_id``,
    ``recipe_invalid``, ``recipe_exists``).
    """
    found = parse_id(text)
    if found is None:
        raise StudioError(
            RECIPE_ID,
            f"{text[:80]!r} is no recipe id; nothing was written.",
            hint="Write <realm>.<kind>.<slug>.v<N>, like norse.character.hero.v1.",
            given=text[:200],
        )
    _refuse_existing(project, found)
    words = vocabulary.of(project)
    kind = f"{found.kind}.{sub_kind or found.slug}"
    values = {
        name: list(given) or list(words.levers[name].values if name in words.levers else ())
        for name, given in levers.items()
    }
    made: dict[str, Any] = {"recipe_id": str(found), "kind": kind}
    if about:
        made["about"] = about
    made |= {
        "lever_schema": {
            "type": "object",
            "additionalProperties": False,
            "required": list(values),
            "properties": {name: {"enum": one} for name, one in values.items()},
        },
        "locked_fields": dict(locked),
        "prompt_templates_by_backend": {
            key: {(words.engine_keys[key].prompt if key in words.engine_keys else "prompt"): said}
            for key, said in prompts.items()
        },
        "valid_output_kinds": [kind],
        "default_palette_enforcement": bool(locked.get("palette")),
    }
    hint = "Change the options; nothing was written. ategnatos art recipe new --help"
    reading.read(_text(made), words, named=str(found), hint=hint)
    return made


def put(project: Project, content: dict[str, Any]) -> Path:
    """Write a recipe's JSON under its id; refuse where one lies there.

    Raises StudioError (``recipe_exists``, ``write_failed``, ``disk_full``).
    """
    recipe_id = parse_id(content["recipe_id"])
    assert recipe_id is not None
    path = shelf.path_of(project, recipe_id)
    with explained(path, "No recipe was written."):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = write_temporary(path.parent, _text(content))
        try:
            # A link refuses to replace, unlike a rename.
            with suppress(FileExistsError):
                os.link(temporary, path)
                sync_folder(path.parent)
                return path
        finally:
            os.unlink(temporary)  # noqa: PTH108
    raise _exists(recipe_id)


def bump(project: Project, text: str, changes: Mapping[str, Any], *, write: bool = True) -> Bumped:
    """The next version of a recipe, with ``changes`` to its locked fields (None takes one away).

    A used version whose file was changed in place gives those changes to the new version, and is
    put back as it was used. ``write`` False only says what would be. Raises StudioError
    (``recipe_no_change``, ``recipe_invalid``, ``recipe_unknown``, ``recipe_id``).
    """
    wanted = shelf.find(project, text)
    recipe = shelf.read(project, wanted)
    then = shelf.frozen(project).get(str(wanted))
    changed_in_place = then is not None and then["sha256"] != recipe.sha256
    before = then["content"] if then is not None and changed_in_place else recipe.content
    versions = [one.version for one in shelf.ids(project) if one.name == wanted.name]
    new_id = wanted.of_version(max(versions) + 1)
    made = next_version(recipe.content, new_id, dict(changes))
    told = tuple(differences(before, made))
    if not told:
        raise StudioError(
            NO_CHANGE,
            f"{new_id} would say what {wanted} says; nothing was written.",
            hint=f"Say what changes: ategnatos art recipe bump {wanted} --lock steps=20. Or edit"
            " the file first: a used version gives its changes to the new one.",
            recipe=str(wanted),
        )
    hint = f"Change --lock, or the file of {wanted}; nothing was written."
    new = reading.read(_text(made), vocabulary.of(project), named=str(new_id), hint=hint)
    if write:
        put(project, made)
        if changed_in_place:
            write_atomic(shelf.path_of(project, wanted), _text(before))
    return Bumped(new, wanted, told, changed_in_place)


def _text(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def _refuse_existing(project: Project, recipe_id: RecipeId) -> None:
    if shelf.path_of(project, recipe_id).exists():
        raise _exists(recipe_id)


def _exists(recipe_id: RecipeId) -> StudioError:
    return StudioError(
        RECIPE_EXISTS,
        f"{recipe_id} is there already; it was kept as it is.",
        hint=f"Make its next version: ategnatos art recipe bump {recipe_id}",
        recipe=str(recipe_id),
    )
