"""From a file to a recipe. Whatever is wrong with it is said at once, each thing with its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ategnatos.art.recipes.fields import (
    PLACE,
    REQUEST_FIELDS,
    Problem,
    is_text,
    locked_problems,
)
from ategnatos.art.recipes.model import RECIPE_INVALID, Recipe, RecipeId, Template, parse_id
from ategnatos.art.recipes.templates import template_problems
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.art.recipes.vocabulary import Vocabulary

REQUIRED = (
    "recipe_id",
    "kind",
    "lever_schema",
    "locked_fields",
    "prompt_templates_by_backend",
    "valid_output_kinds",
    "default_palette_enforcement",
)
# A lever is an option of 'art run'; these are options already.
RESERVED = frozenset(
    {
        "concepts",
        "sweep",
        "on",
        "no_eye",
        "queue",
        "wait",
        "confirm",
        "override",
        "because",
        "priority",
        "server",
        "allow_remote",
        "timeout",
        "for",
        "json",
        "quiet",
        "project",
        "dry_run",
        "help",
        "all",
        "version",
    }
)
MAX_BYTES = 256 * 1024
MAX_LEVERS, MAX_VALUES = 16, 64

_OWN_OF_A_TEMPLATE = ("output_kind", "concept", "locked_fields")
_LEVER = re.compile(r"[a-z][a-z0-9_]{0,31}")
_OUTPUT_KIND = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)?")


def read(raw: bytes, vocabulary: Vocabulary, *, named: str | None = None, hint: str = "") -> Recipe:
    """The recipe in a file's bytes. ``named`` is the id that the file's name gives it; ``hint``
    is the next step for what is no file yet.

    Raises StudioError (``recipe_invalid``) with every problem in its details.
    """
    content, found = inspect(raw, vocabulary, named=named)
    if found:
        first = "; ".join(map(str, found[:3]))
        more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
        raise StudioError(
            RECIPE_INVALID,
            f"{named or 'The file'} is no recipe: {first}{more}. Nothing was made.",
            hint=hint or f"See everything: ategnatos art recipe validate {named or 'FILE'}",
            problems=[{"where": one.where, "what": one.what} for one in found],
        )
    return _built(content)


def inspect(
    raw: bytes, vocabulary: Vocabulary, *, named: str | None = None
) -> tuple[dict[str, Any], list[Problem]]:
    """The file's JSON and everything that keeps it from being a recipe."""
    if len(raw) > MAX_BYTES:
        return {}, [Problem("file", f"it is larger than {MAX_BYTES // 1024} KiB")]
    try:
        content = json.loads(raw, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        return {}, [Problem("file", f"it is no JSON: {error}")]
    if not isinstance(content, dict):
        return {}, [Problem("file", "it holds no JSON object")]
    missing = [Problem(name, "it is missing") for name in REQUIRED if name not in content]
    if missing:
        return content, missing
    return content, list(_problems(content, vocabulary, named))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands there twice")
        found[key] = value
    return found


def _problems(
    content: dict[str, Any], vocabulary: Vocabulary, named: str | None
) -> Iterator[Problem]:
    for key in content:
        if key not in (*REQUIRED, "about", "$schema"):
            yield Problem(key, f"no recipe has this; it may have: {', '.join(REQUIRED)}, about")
    yield from _identity(content, vocabulary, named)
    levers: list[Problem] = list(_lever_problems(content["lever_schema"]))
    yield from levers
    yield from locked_problems(content["locked_fields"], "locked_fields", whole=True)
    yield from _output_kinds(content)
    if not isinstance(content["default_palette_enforcement"], bool):
        yield Problem("default_palette_enforcement", "it is true or false")
    elif content["default_palette_enforcement"] and not (
        isinstance(content["locked_fields"], dict) and content["locked_fields"].get("palette")
    ):
        yield Problem(
            "default_palette_enforcement",
            "it is true, and locked_fields names no palette (a list of colours like #1a2b3c)",
        )
    if not levers:
        yield from template_problems(content, vocabulary)


def _identity(
    content: dict[str, Any], vocabulary: Vocabulary, named: str | None
) -> Iterator[Problem]:
    told = content["recipe_id"]
    found = parse_id(told) if isinstance(told, str) else None
    if found is None:
        yield Problem(
            "recipe_id",
            f"{told!r} is not <realm>.<kind>.<slug>.v<N>, in small letters, digits, _ and -",
        )
        return
    if named is not None and told != named:
        yield Problem("recipe_id", f"it is {told!r}, and the file is named {named}.json")
    kind = content["kind"]
    if not isinstance(kind, str) or not _OUTPUT_KIND.fullmatch(kind):
        yield Problem("kind", f"{kind!r} is not <kind> or <kind>.<sub-kind>")
    elif kind.partition(".")[0] != found.kind:
        yield Problem("kind", f"it is {kind!r}, and the id says {found.kind!r}")
    if found.kind not in vocabulary.kinds:
        yield Problem(
            "kind",
            f"no kind {found.kind!r} is known; known: {', '.join(sorted(vocabulary.kinds))}."
            " A new kind is a file in grimoire/recipes/vocabulary/",
        )


def _lever_problems(schema: Any) -> Iterator[Problem]:
    where = "lever_schema"
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        yield Problem(where, "it has no properties, one a lever")
        return
    for key in schema:
        if key not in ("type", "additionalProperties", "required", "properties"):
            yield Problem(f"{where}.{key}", "a lever schema has no such part")
    if schema.get("type") != "object":
        yield Problem(f"{where}.type", 'it is "object"')
    if schema.get("additionalProperties") is not False:
        yield Problem(f"{where}.additionalProperties", "it is false: no lever is ever added")
    levers = schema["properties"]
    required = schema.get("required")
    if not isinstance(required, list) or sorted(map(str, required)) != sorted(levers):
        yield Problem(f"{where}.required", "it names every lever, and nothing else")
    if len(levers) > MAX_LEVERS:
        yield Problem(f"{where}.properties", f"more than {MAX_LEVERS} levers")
    for name, lever in levers.items():
        yield from _lever(f"{where}.properties.{name}", name, lever)


def _lever(where: str, name: str, lever: Any) -> Iterator[Problem]:
    if not _LEVER.fullmatch(name):
        yield Problem(where, "a lever is named with small letters, digits and _, like hair_colour")
    if name in RESERVED:
        yield Problem(where, f"--{name.replace('_', '-')} is an option already; rename the lever")
    if not isinstance(lever, dict) or not isinstance(lever.get("enum"), list):
        yield Problem(where, "every lever is an enum: a list of the values it may take")
        return
    for key in lever:
        if key not in ("enum", "words", "description"):
            yield Problem(
                f"{where}.{key}", "a lever has an enum, and may have words for its values"
            )
    values = lever["enum"]
    if not 1 <= len(values) <= MAX_VALUES:
        yield Problem(f"{where}.enum", f"it has 1 to {MAX_VALUES} values")
    for value in values:
        if not is_text(value, 64) or value != value.strip() or "{" in value or "}" in value:
            yield Problem(f"{where}.enum", f"{value!r} is no value: a short text, no braces")
    if len({str(value) for value in values}) != len(values):
        yield Problem(f"{where}.enum", "a value stands there twice")
    words = lever.get("words", {})
    if not isinstance(words, dict):
        yield Problem(f"{where}.words", "it maps values to what a prompt says for them")
        return
    for value, said in words.items():
        if value not in values:
            yield Problem(f"{where}.words", f"{value!r} is no value of the lever")
        if not is_text(said, 2000) or PLACE.search(said):
            yield Problem(f"{where}.words.{value}", "it is a text without places for levers")


def _output_kinds(content: dict[str, Any]) -> Iterator[Problem]:
    kinds, where = content["valid_output_kinds"], "valid_output_kinds"
    if not isinstance(kinds, list) or not kinds:
        yield Problem(where, "it is a list of at least one <kind>.<sub-kind>")
        return
    head = str(content["kind"]).partition(".")[0]
    for one in kinds:
        if not isinstance(one, str) or not _OUTPUT_KIND.fullmatch(one):
            yield Problem(where, f"{one!r} is not <kind> or <kind>.<sub-kind>")
        elif one.partition(".")[0] != head:
            yield Problem(where, f"{one!r} is not of the kind {head!r}")


def _built(content: dict[str, Any]) -> Recipe:
    found = parse_id(content["recipe_id"])
    assert isinstance(found, RecipeId)
    properties = content["lever_schema"]["properties"]
    kinds = tuple(content["valid_output_kinds"])
    shared = {k: v for k, v in content["locked_fields"].items() if k in REQUEST_FIELDS}
    templates = {}
    for key, entry in content["prompt_templates_by_backend"].items():
        own = {**shared, **entry.get("locked_fields", {})}
        templates[key] = Template(
            key,
            {name: value for name, value in entry.items() if name not in _OWN_OF_A_TEMPLATE},
            {name: value for name, value in own.items() if value is not None},
            entry.get("output_kind", kinds[0]),
            entry.get("concept"),
        )
    return Recipe(
        found,
        content["kind"],
        {name: tuple(lever["enum"]) for name, lever in properties.items()},
        {name: dict(lever.get("words", {})) for name, lever in properties.items()},
        dict(content["locked_fields"]),
        templates,
        kinds,
        content["default_palette_enforcement"],
        content,
    )
