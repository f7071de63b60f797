"""Where recipes lie, and what the record knows of them: a version that was used is not changed.

A recipe is ``grimoire/recipes/<recipe_id>.json``. The first order of it writes its hash and its
text into the journal (``recipe.frozen``); from then on a file that says something else is refused
until it says what it said, or until the change has a version of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.art.recipes import files, reading, vocabulary
from ategnatos.art.recipes.model import RECIPE_ID, Recipe, RecipeId, parse_id
from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.zones import Zone, resolve

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.project import Project

RECIPE_UNKNOWN = ErrorCode("recipe_unknown", "There is no such recipe in this studio.")
RECIPE_CHANGED = ErrorCode(
    "recipe_changed", "A recipe that was used says something else than it did then."
)

FROZEN_EVENT = "recipe.frozen"
FOLDER = "recipes"


def ids(project: Project) -> list[RecipeId]:
    """Every recipe file whose name is an id, sorted; what is in it is not looked at."""
    home = project.grimoire / FOLDER
    found = (parse_id(path.name.removesuffix(".json")) for path in home.glob("*.json"))
    return sorted(one for one in found if one is not None)


def path_of(project: Project, recipe_id: RecipeId) -> Path:
    """Where the recipe lies, whether it is there or not."""
    return resolve(project, Zone.STATE, Path(FOLDER, f"{recipe_id}.json"))


def find(project: Project, text: str) -> RecipeId:
    """The id that a person means: whole, or without its version for the newest there is.

    Raises StudioError (``recipe_id``, ``recipe_unknown``).
    """
    wanted, known = parse_id(text), ids(project)
    if wanted is None and parse_id(f"{text}.v1") is None:
        raise StudioError(
            RECIPE_ID,
            f"{text[:80]!r} is no recipe id; nothing was made.",
            hint="Write <realm>.<kind>.<slug>.v<N>, like norse.character.hero.v1. See what there"
            " is: ategnatos art recipe list",
            given=text[:200],
        )
    fitting = [one for one in known if one == wanted or (wanted is None and one.name == text)]
    if not fitting:
        import difflib

        near = difflib.get_close_matches(text, [str(one) for one in known], n=1)
        raise StudioError(
            RECIPE_UNKNOWN,
            f"There is no recipe {text} in this studio; nothing was made.",
            hint=f"Did you mean {near[0]}?"
            if near
            else "See what there is: ategnatos art recipe"
            f" list. Make one: ategnatos art recipe new {text}{'' if wanted else '.v1'}",
            recipe=text,
            known=[str(one) for one in known],
        )
    return max(fitting)


def load(project: Project, text: str) -> Recipe:
    """The recipe called ``text``, as it may be used: sound, and as the record knows it.

    Raises StudioError (``recipe_id``, ``recipe_unknown``, ``recipe_invalid``,
    ``recipe_changed``, ``recipe_vocabulary``).
    """
    recipe = read(project, find(project, text))
    known = frozen(project)
    check_frozen(recipe, known)
    check_files(project, recipe, known)
    return recipe


def read(project: Project, recipe_id: RecipeId) -> Recipe:
    """The recipe as its file says now, whatever the record knows. Raises (``recipe_invalid``)."""
    raw = path_of(project, recipe_id).read_bytes()
    return reading.read(raw, vocabulary.of(project), named=str(recipe_id))


def frozen(project: Project) -> dict[str, dict[str, Any]]:
    """What each used version was, by id: ``sha256`` and ``content``. The first word counts."""
    found: dict[str, dict[str, Any]] = {}
    for event in journal.read(project, kinds={FROZEN_EVENT}):
        found.setdefault(str(event.references.get("recipe")), event.data)
    return found


def check_frozen(recipe: Recipe, known: dict[str, dict[str, Any]]) -> None:
    """Refuse a version that is not what it was. Raises StudioError (``recipe_changed``)."""
    then = known.get(str(recipe.id))
    if then is None or then["sha256"] == recipe.sha256:
        return
    from ategnatos.art.recipes.versions import differences

    changed = differences(then["content"], recipe.content)
    told = "; ".join(str(one) for one in changed[:3]) + (" ..." if len(changed) > 3 else "")
    raise StudioError(
        RECIPE_CHANGED,
        f"{recipe.id} was used, and its file was changed since: {told}. A used version stays as it"
        " is, or nobody could say what made its pictures. Nothing was made.",
        hint=f"Give the change a version of its own: ategnatos art recipe bump {recipe.id}",
        recipe=str(recipe.id),
        changed=[one.facts() for one in changed],
        recorded_sha256=then["sha256"],
        found_sha256=recipe.sha256,
    )


def check_files(project: Project, recipe: Recipe, known: dict[str, dict[str, Any]]) -> None:
    """Refuse a LoRA or workflow that is another than it was when the recipe was first used.

    One that is gone is the business of whoever needs it. Raises StudioError
    (``recipe_changed``).
    """
    then = known.get(str(recipe.id), {}).get("files", {})
    if not then:
        return
    now = files.hashes(project, recipe, vocabulary.of(project))
    changed = [name for name, digest in then.items() if now.get(name, digest) != digest]
    if changed:
        raise StudioError(
            RECIPE_CHANGED,
            f"{recipe.id} was used with another {changed[0]}: the file was changed since. Nothing"
            " was made.",
            hint="Bring the file back, or put the new one beside it under another name and lock"
            f" that: ategnatos art recipe bump {recipe.id}",
            recipe=str(recipe.id),
            changed=[{"field": name, "before": then[name], "after": now[name]} for name in changed],
        )


def freeze(project: Project, recipe: Recipe, *, actor: str, now: Callable[[], datetime]) -> bool:
    """Write down what a recipe is, before its first order; True where this was the first.

    Raises StudioError (``recipe_changed``).
    """
    from ategnatos.grimoire.locks import hold

    with hold(project, "recipes"):
        known = frozen(project)
        check_frozen(recipe, known)
        check_files(project, recipe, known)
        if str(recipe.id) in known:
            return False
        journal.append(
            project,
            FROZEN_EVENT,
            actor=actor,
            references={"recipe": str(recipe.id)},
            data={
                "sha256": recipe.sha256,
                "content": recipe.content,
                "files": files.hashes(project, recipe, vocabulary.of(project)),
            },
            now=now(),
        )
    return True
