"""What the eye knows without being told: categories, words of opinion, budgets, colour names.

Data: ``data/eye.json``; its description says what each field means. A new category is a new
entry there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge import loader

ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Category:
    """One heading of a taste profile; ``acts`` is ``words`` or ``advice``."""

    name: str
    title: str
    acts: str
    about: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """Where one colour name ends and the next begins, in OKLCH (hues in degrees)."""

    grey_below: float
    black_below: float
    white_above: float
    brown_below: float
    hues: Mapping[str, tuple[float, float]]
    warm: frozenset[str]
    cool: frozenset[str]
    dominant_share: float
    mostly: float
    muted_below: float
    vivid_above: float
    dark_below: float
    light_above: float


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The data file, whole."""

    categories: Mapping[str, Category]
    lead_ins: tuple[str, ...]
    endings: tuple[str, ...]
    negations: frozenset[str]
    longest: int
    budget: Mapping[str, int]
    negative_budget: int
    never_weight: float
    stop_words: frozenset[str]
    palette: Names


@cache
def knowledge() -> Knowledge:
    """The data. Raises StudioError (``knowledge_broken``)."""
    raw = loader.read("eye").content
    try:
        return _knowledge(raw)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StudioError(
            loader.KNOWLEDGE_BROKEN,
            f"The data file 'eye' cannot be used: {type(error).__name__} {error}.",
            hint="Install the program again: pip install --force-reinstall ategnatos",
            file="eye",
        ) from error


def _knowledge(raw: Mapping[str, Any]) -> Knowledge:
    palette = dict(raw["palette"])
    hues = {name: (float(low), float(high)) for name, (low, high) in palette.pop("hues").items()}
    warm, cool = frozenset(palette.pop("warm")), frozenset(palette.pop("cool"))
    bounds: dict[str, Any] = {key: float(value) for key, value in palette.items()}
    return Knowledge(
        categories={
            name: Category(
                name, entry["title"], entry["acts"], entry["about"], tuple(entry["examples"])
            )
            for name, entry in raw["categories"].items()
        },
        lead_ins=tuple(raw["lead_ins"]),
        endings=tuple(raw["endings"]),
        negations=frozenset(raw["negations"]),
        longest=int(raw["longest"]),
        budget={style: int(count) for style, count in raw["budget"].items()},
        negative_budget=int(raw["negative_budget"]),
        never_weight=float(raw["never_weight"]),
        stop_words=frozenset(raw["stop_words"]),
        palette=Names(hues=hues, warm=warm, cool=cool, **bounds),
    )
