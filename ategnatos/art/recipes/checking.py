"""Everything that a recipe must hold, checked before anybody runs it; and the check checked.

A file is sound by itself (``reading``), as the record knows it (``shelf``), and to the engines
that are here: each is asked for a plan of the first binding, never for a picture.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.art.recipes import binding, files, planning, reading, shelf, vocabulary
from ategnatos.art.recipes.fields import Problem
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.art.recipes.model import Recipe
    from ategnatos.art.recipes.planning import EngineOf
    from ategnatos.engines import Engine, Request
    from ategnatos.grimoire.project import Project

RECIPES_UNSOUND = ErrorCode("recipes_unsound", "A recipe does not hold.")
REQUIREMENTS = ErrorCode("recipe_requirements", "A list of required recipes cannot be read.")


@dataclass(frozen=True, slots=True)
class Checked:
    """One file and what is wrong with it. ``notes`` keep it from running here, not from holding."""

    name: str
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()


def check_file(project: Project, path: Path, engine_of: EngineOf) -> Checked:
    """Check one recipe file. Raises StudioError (``recipe_vocabulary``)."""
    words = vocabulary.of(project)
    named = path.name.removesuffix(".json")
    try:
        raw = path.read_bytes()
    except OSError as error:
        return Checked(named, (Problem("file", f"it cannot be read ({error.strerror})"),))
    content, problems = reading.inspect(raw, words, named=named)
    if problems:
        return Checked(named, tuple(problems))
    recipe = reading.read(json.dumps(content).encode(), words, named=named)
    found = list(_against_the_record(project, recipe))
    refused, notes = _against_the_engines(project, recipe, words, engine_of)
    return Checked(named, (*found, *refused), notes)


def missing(project: Project, demands: list[Path]) -> list[Problem]:
    """Required recipes that are not there: each file holds ``required_recipe_ids``.

    Raises StudioError (``recipe_requirements``).
    """
    known = {str(one) for one in shelf.ids(project)}
    found = []
    for path in demands:
        try:
            wanted = json.loads(path.read_bytes())["required_recipe_ids"]
            if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
                raise TypeError("required_recipe_ids is no list of ids")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StudioError(
                REQUIREMENTS,
                f"{path} names no required recipes ({type(error).__name__}: {error}). Nothing was"
                " checked.",
                hint='It is JSON with {"required_recipe_ids": ["realm.kind.slug.v1"]}.',
                path=str(path),
            ) from error
        found += [
            Problem(path.name, f"it requires {one}, and there is no such recipe")
            for one in wanted
            if one not in known
        ]
    return found


def _against_the_record(project: Project, recipe: Recipe) -> Iterator[Problem]:
    known = shelf.frozen(project)
    try:
        shelf.check_frozen(recipe, known)
        shelf.check_files(project, recipe, known)
    except StudioError as error:
        for one in error.details["changed"]:
            yield Problem(
                str(one["field"]), "it was changed after the recipe was used; bump it instead"
            )


def _against_the_engines(
    project: Project,
    recipe: Recipe,
    words: vocabulary.Vocabulary,
    engine_of: EngineOf,
) -> tuple[list[Problem], tuple[str, ...]]:
    from ategnatos.engines import installed_engines

    problems: list[Problem] = []
    notes = [
        f"its file {name} is not in the studio"
        for name in files.names(recipe, words)
        if not files.path_of(project, name).is_file()
    ]
    if notes:
        return problems, tuple(notes)
    here = installed_engines()
    for template in recipe.made_by:
        keys = [words.engine_keys[key] for key in (template.key, template.concept) if key]
        away = [key.engine for key in keys if key.engine not in here]
        if away:
            notes.append(f"no engine {away[0]} is installed, so {template.key} cannot run here")
            continue
        try:
            planning.plan(
                project,
                recipe,
                words,
                [next(binding.every(recipe))],
                concepts=1,
                on=[template.key],
                engine_of=engine_of,
                season=_as_asked,
            )
        except StudioError as error:
            problems.append(Problem(f"prompt_templates_by_backend.{template.key}", error.message))
    return problems, tuple(notes)


def _as_asked(engine: Engine, request: Request) -> tuple[Request, dict[str, Any] | None]:
    return request, None


# --- the self-test: a sound recipe, and what must not pass


def self_test() -> list[tuple[str, bool, str]]:
    """Controlled failures: (what was broken, whether the check saw it, what it said)."""
    words = vocabulary.of(None)
    rows = []
    for name, spoil, said in _FAILURES:
        content = copy.deepcopy(_SOUND)
        spoil(content)
        found = [
            str(one) for one in reading.inspect(json.dumps(content).encode(), words, named=_ID)[1]
        ]
        heard = [one for one in found if said in one]
        rows.append((name, bool(heard) if said else not found, (heard or found or ["sound"])[0]))
    return rows


_ID = "test.object.potion.v1"
_SOUND: dict[str, Any] = {
    "recipe_id": _ID,
    "kind": "object.potion",
    "lever_schema": {
        "type": "object",
        "additionalProperties": False,
        "required": ["colour"],
        "properties": {"colour": {"enum": ["red", "blue"]}},
    },
    "locked_fields": {"seed_production": 31337},
    "prompt_templates_by_backend": {"starter": {"prompt": "a {colour} potion"}},
    "valid_output_kinds": ["object.potion"],
    "default_palette_enforcement": False,
}


def _without_locked_fields(content: dict[str, Any]) -> None:
    del content["locked_fields"]


def _open_levers(content: dict[str, Any]) -> None:
    content["lever_schema"]["additionalProperties"] = True


def _free_lever(content: dict[str, Any]) -> None:
    content["lever_schema"]["properties"]["colour"] = {"type": "string"}


def _other_name(content: dict[str, Any]) -> None:
    content["recipe_id"] = "test.object.poison.v1"


def _idle_lever(content: dict[str, Any]) -> None:
    content["prompt_templates_by_backend"]["starter"]["prompt"] = "a potion"


_FAILURES: tuple[tuple[str, Callable[[dict[str, Any]], None], str], ...] = (
    ("nothing is broken", lambda content: None, ""),
    ("locked_fields is missing", _without_locked_fields, "locked_fields: it is missing"),
    ("levers may be added", _open_levers, "additionalProperties: it is false"),
    ("a lever is no enum", _free_lever, "every lever is an enum"),
    ("the id is not the file's", _other_name, "the file is named"),
    ("a lever changes nothing", _idle_lever, "never says {colour}"),
)
