"""The templates of a recipe: checked against the engine keys, and filled in with lever values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ategnatos.art.recipes.fields import PLACE, Problem, locked_problems

if TYPE_CHECKING:
    from ategnatos.art.recipes.model import Recipe
    from ategnatos.art.recipes.vocabulary import EngineKey, Vocabulary

_WHERE = "prompt_templates_by_backend"
_OWN = {"output_kind": str, "concept": str, "locked_fields": dict}


def fill(recipe: Recipe, levers: Mapping[str, str], value: Any) -> Any:
    """``value`` with every ``{lever}`` in its texts replaced by what a prompt says for it.

    Replacement is done once: a value that looks like a place stays as it is.
    """
    if isinstance(value, str):
        return PLACE.sub(lambda found: _said(recipe, levers, found[1], found[0]), value)
    if isinstance(value, dict):
        return {key: fill(recipe, levers, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill(recipe, levers, inner) for inner in value]
    return value


def _said(recipe: Recipe, levers: Mapping[str, str], name: str, whole: str) -> str:
    if name not in levers:
        return whole
    return recipe.words[name].get(levers[name], levers[name])


def template_problems(content: dict[str, Any], vocabulary: Vocabulary) -> Iterator[Problem]:
    """What is wrong with a recipe's templates; its levers are known to be sound."""
    entries = content[_WHERE]
    if not isinstance(entries, dict) or not entries:
        yield Problem(_WHERE, "it has at least one engine key")
        return
    for key, entry in entries.items():
        where = f"{_WHERE}.{key}"
        known = vocabulary.engine_keys.get(key)
        if known is None:
            yield Problem(
                where,
                f"no engine key {key!r} is known; known: {', '.join(vocabulary.engine_keys)}."
                " A new one is a file in grimoire/recipes/vocabulary/",
            )
        elif not isinstance(entry, dict):
            yield Problem(where, "it is an object")
        else:
            yield from _entry(where, entry, known, content)
    yield from _concepts(content, vocabulary)


def _entry(
    where: str, entry: dict[str, Any], key: EngineKey, content: dict[str, Any]
) -> Iterator[Problem]:
    texts = {key.prompt, key.negative, key.workflow, *(key.further or ())} - {""}
    for name, value in entry.items():
        if name in _OWN:
            if not isinstance(value, _OWN[name]):
                yield Problem(f"{where}.{name}", f"{value!r} is of another kind")
        elif name not in texts:
            yield Problem(
                f"{where}.{name}",
                f"this engine key has no use for it; it takes: {', '.join(sorted(texts))},"
                f" {', '.join(_OWN)}",
            )
        elif not isinstance(value, str):
            yield Problem(f"{where}.{name}", "it is a text")
    prompt = entry.get(key.prompt)
    if not isinstance(prompt, str) or not prompt.strip():
        yield Problem(f"{where}.{key.prompt}", "it is missing: what is asked of this engine")
    yield from _places(where, entry, content)
    kinds = content["valid_output_kinds"]
    if "output_kind" in entry and isinstance(kinds, list) and entry["output_kind"] not in kinds:
        yield Problem(f"{where}.output_kind", "it is none of valid_output_kinds")
    if isinstance(entry.get("locked_fields"), dict):
        yield from locked_problems(entry["locked_fields"], f"{where}.locked_fields", whole=False)


def _places(where: str, entry: dict[str, Any], content: dict[str, Any]) -> Iterator[Problem]:
    """Places without a lever, and levers without a place: those would change nothing."""
    levers = content["lever_schema"]["properties"]
    used = {
        name
        for key, value in entry.items()
        if isinstance(value, str) and key not in _OWN
        for name in PLACE.findall(value)
    }
    for name in sorted(used - set(levers)):
        yield Problem(where, f"{{{name}}} is no lever; levers: {', '.join(levers) or 'none'}")
    for name in levers:
        if name not in used:
            yield Problem(
                where, f"it never says {{{name}}}: all values of that lever would look the same"
            )


def _concepts(content: dict[str, Any], vocabulary: Vocabulary) -> Iterator[Problem]:
    entries = {key: one for key, one in content[_WHERE].items() if isinstance(one, dict)}
    kind = vocabulary.kinds.get(str(content["kind"]).partition(".")[0])
    gated = kind is not None and kind.concept_gate
    for key, entry in entries.items():
        where, concept = f"{_WHERE}.{key}.concept", entry.get("concept")
        known = vocabulary.engine_keys.get(key)
        if concept is None:
            is_one = any(other.get("concept") == key for other in entries.values())
            if gated and known is not None and known.bills and not is_one:
                yield Problem(
                    where,
                    "this key bills, and the kind has a concept gate: name the engine key whose"
                    " picture a person approves before it",
                )
        elif kind is not None and not gated:
            yield Problem(where, "this kind goes without a concept gate")
        elif concept == key or concept not in entries:
            yield Problem(where, f"{concept!r} is no other engine key of this recipe")
        elif entries[concept].get("concept") is not None:
            yield Problem(where, f"{concept!r} has a concept itself; one gate stands before a step")
