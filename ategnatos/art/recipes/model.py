"""What a recipe is: an id with a version, levers, locked fields, and a template an engine key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

from ategnatos.grimoire.errors import ErrorCode
from ategnatos.grimoire.files import canonical_json, sha256_bytes

RECIPE_INVALID = ErrorCode("recipe_invalid", "The file does not describe a recipe.")
RECIPE_ID = ErrorCode("recipe_id", "That is no id of a recipe.")

# What a person may still put right in a recipe that was used: it decides no picture.
REMARKS = ("about", "$schema")

_PART = r"[a-z0-9][a-z0-9_-]{0,63}"
_ID = re.compile(rf"({_PART})\.({_PART})\.({_PART})\.v([1-9][0-9]{{0,5}})")


@dataclass(frozen=True, slots=True, order=True)
class RecipeId:
    """``<realm>.<kind>.<slug>.v<version>`` in its parts."""

    realm: str
    kind: str
    slug: str
    version: int

    def __str__(self) -> str:
        return f"{self.name}.v{self.version}"

    @property
    def name(self) -> str:
        """The id without its version: what all versions share."""
        return f"{self.realm}.{self.kind}.{self.slug}"

    def of_version(self, version: int) -> RecipeId:
        """The same recipe in another version."""
        return RecipeId(self.realm, self.kind, self.slug, version)


def parse_id(text: str) -> RecipeId | None:
    """The id in ``text``; None where it is none."""
    found = _ID.fullmatch(text)
    return None if found is None else RecipeId(found[1], found[2], found[3], int(found[4]))


@dataclass(frozen=True, slots=True)
class Template:
    """What one engine key is asked. ``texts`` may hold ``{lever}`` at any depth.

    ``locked`` are the recipe's locked fields as they hold for this key: its own over the shared
    ones, those that it sets to null left out. ``concept`` names the key whose picture a person
    approves before this one is asked; None where there is no such step.
    """

    key: str
    texts: dict[str, Any]
    locked: dict[str, Any]
    output_kind: str
    concept: str | None = None


@dataclass(frozen=True)
class Recipe:
    """One version of a recipe. ``content`` is its JSON as it was read.

    ``levers`` maps a name to its values in their order; ``words`` maps a lever's value to what
    is said for it in a prompt, where that is not the value itself.
    """

    id: RecipeId
    kind: str
    levers: dict[str, tuple[str, ...]]
    words: dict[str, dict[str, str]]
    locked: dict[str, Any]
    templates: dict[str, Template]
    output_kinds: tuple[str, ...]
    palette_enforced: bool
    content: dict[str, Any] = field(repr=False)

    @property
    def about(self) -> str:
        """What it is for, in its author's words."""
        return str(self.content.get("about", ""))

    @property
    def seed(self) -> int:
        """The production seed; child ``n`` of a binding is made with ``seed + n``."""
        return int(self.locked["seed_production"])

    @property
    def bindings(self) -> int:
        """How many combinations its levers have."""
        return prod(len(values) for values in self.levers.values())

    @property
    def made_by(self) -> tuple[Template, ...]:
        """The templates that each become one job a binding: those that are not only a concept."""
        concepts = {one.concept for one in self.templates.values()}
        return tuple(one for key, one in self.templates.items() if key not in concepts)

    @cached_property
    def sha256(self) -> str:
        """The hash of everything in it that decides a picture."""
        return content_hash(self.content)


def content_hash(content: dict[str, Any]) -> str:
    """SHA-256 of a recipe's JSON without the remarks. Raises StudioError (``not_json``)."""
    kept = {key: value for key, value in content.items() if key not in REMARKS}
    return sha256_bytes(canonical_json(kept))
