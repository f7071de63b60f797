"""Proposals from verdicts alone: what was approved more often, or less, than the rest.

A trait is proposed where it and the rest have at least ``LEAST`` verdicts each, and each side's
rate lies outside the other's Wilson interval. The same verdicts give the same proposals. A
proposal is a count and no opinion: only a person makes it a preference, and never a NEVER.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.eye.acts import Identity
from ategnatos.eye.traits import COMBO, PALETTE, SETTING, WORD, JudgedPicture, Trait
from ategnatos.eye.wilson import wilson
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import canonical_json, sha256_bytes

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

EYE_SUGGESTION = ErrorCode("eye_suggestion", "The verdicts carry no such proposal.")

LEAST = 3
_CATEGORY = {WORD: "style", SETTING: "model_combos", COMBO: "model_combos", PALETTE: "color"}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many approved of so many, and the Wilson interval of the rate (95 percent)."""

    approved: int
    verdicts: int

    @property
    def value(self) -> float:
        """0 to 1."""
        return self.approved / self.verdicts

    @property
    def interval(self) -> tuple[float, float]:
        """Lowest and highest likely rate."""
        return wilson(self.approved, self.verdicts)

    def apart(self, other: Rate) -> bool:
        """Whether each rate lies outside the other's interval."""
        mine, theirs = self.interval, other.interval
        outside = not mine[0] <= other.value <= mine[1]
        return outside and not theirs[0] <= self.value <= theirs[1]

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        low, high = self.interval
        return {
            "approved": self.approved,
            "verdicts": self.verdicts,
            "rate": round(self.value, 4),
            "interval": [round(low, 4), round(high, 4)],
        }


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One proposal. ``evidence`` are the verdict events that speak for it, ``also`` other traits
    of exactly the same pictures, so that nobody takes one for the cause.
    """

    id: str
    trait: Trait
    polarity: str
    having: Rate
    rest: Rate
    evidence: tuple[str, ...]
    also: tuple[str, ...]

    @property
    def identity(self) -> Identity:
        """The preference that it would be."""
        return Identity(_CATEGORY[self.trait.kind], self.trait.name, self.polarity, "all")

    @property
    def words(self) -> tuple[str, ...] | None:
        """What goes into a prompt where that is not the name of the trait."""
        if self.trait.kind != PALETTE:
            return None
        return (self.trait.name.removeprefix("much "),)

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "suggestion": self.id,
            "kind": self.trait.kind,
            "what": self.trait.name,
            "polarity": self.polarity,
            "category": self.identity.category,
            "with": self.having.facts(),
            "without": self.rest.facts(),
            "evidence": list(self.evidence),
            "same_pictures": list(self.also),
        }


@dataclass(frozen=True, slots=True)
class Found:
    """All proposals, the strongest first, and what they were found in.

    ``compared`` is how many traits were looked at: of so many, some differ by chance alone.
    ``uncoloured`` pictures had no file whose colours could be measured.
    """

    suggestions: tuple[Suggestion, ...]
    approved: int
    verdicts: int
    compared: int
    uncoloured: int


def suggest(project: Project) -> Found:
    """The proposals of this studio's verdicts. Raises StudioError as
    :func:`ategnatos.eye.traits.judged_pictures`.
    """
    from ategnatos.eye.traits import judged_pictures

    return compare(judged_pictures(project))


def compare(pictures: Sequence[JudgedPicture]) -> Found:
    """The proposals of these pictures; their order does not matter."""
    having: dict[Trait, list[JudgedPicture]] = {}
    for picture in pictures:
        for trait in picture.traits:
            having.setdefault(trait, []).append(picture)
    compared = 0
    by_pictures: dict[tuple[str, frozenset[str]], list[Trait]] = {}
    for trait, ones in having.items():
        of = _comparable(trait, pictures)
        if len(ones) >= LEAST and len(of) - len(ones) >= LEAST:
            compared += 1
            names = frozenset(one.candidate for one in ones)
            by_pictures.setdefault((trait.kind, names), []).append(trait)
    found = [
        one
        for traits in by_pictures.values()
        if (one := _proposed(traits, having, pictures)) is not None
    ]
    found.sort(key=lambda one: (-abs(one.having.value - one.rest.value), one.trait.kind, one.id))
    everywhere = {
        one.id: frozenset(picture.candidate for picture in having[one.trait]) for one in found
    }
    return Found(
        tuple(_with_same(one, found, everywhere) for one in found),
        sum(one.approved for one in pictures),
        len(pictures),
        compared,
        sum(not one.coloured for one in pictures),
    )


def find(found: Found, name: str) -> Suggestion:
    """The proposal called ``name``. Raises StudioError (``eye_suggestion``)."""
    for one in found.suggestions:
        if one.id == name.strip().lower():
            return one
    raise StudioError(
        EYE_SUGGESTION,
        f"The verdicts carry no proposal {name!r}; nothing was written. It may have gone with"
        " newer verdicts.",
        hint="See what they carry now: ategnatos eye suggest",
        given=name,
        known=[one.id for one in found.suggestions],
    )


def _comparable(trait: Trait, pictures: Sequence[JudgedPicture]) -> list[JudgedPicture]:
    """Colours are compared among the pictures that could be measured."""
    return [one for one in pictures if one.coloured or trait.kind != PALETTE]


def _proposed(
    traits: list[Trait],
    having: dict[Trait, list[JudgedPicture]],
    pictures: Sequence[JudgedPicture],
) -> Suggestion | None:
    # Of words that always come together the longest says most.
    trait = min(traits, key=lambda one: (-len(one.name), one.name))
    ones = having[trait]
    of = _comparable(trait, pictures)
    approved = sum(one.approved for one in ones)
    mine = Rate(approved, len(ones))
    rest = Rate(sum(one.approved for one in of) - approved, len(of) - len(ones))
    if not mine.apart(rest):
        return None
    liked = mine.value > rest.value
    polarity = "prefer" if liked else "avoid"
    speaking = sorted(one.event for one in ones if one.approved == liked)
    mark = sha256_bytes(canonical_json([trait.kind, trait.name, polarity]))[:8]
    others = tuple(sorted(one.name for one in traits if one != trait))
    return Suggestion(f"s{mark}", trait, polarity, mine, rest, tuple(speaking), others)


def _with_same(
    one: Suggestion, found: list[Suggestion], everywhere: dict[str, frozenset[str]]
) -> Suggestion:
    same = [
        f"{other.trait.kind} {other.trait.name}"
        for other in found
        if other.id != one.id and everywhere[other.id] == everywhere[one.id]
    ]
    also = (*one.also, *sorted(same))
    return Suggestion(one.id, one.trait, one.polarity, one.having, one.rest, one.evidence, also)
