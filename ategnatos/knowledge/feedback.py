"""What a wish means for a prompt, by the way a model is asked, with the words it may move."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

# The family whose prompts are made of the starter model's words.
STARTER_FAMILY = "starter"

# How a model is asked: the starter model's words, keywords, sentences, or fields of a JSON text.
STYLES = ("words", "tags", "prose", "layout")

Vocabulary = dict[str, dict[str, list[str]]]


@dataclass(frozen=True, slots=True)
class Action:
    """What one phrase does. ``name`` and ``group`` say which wish of the data file it is.

    ``settings`` maps ``cfg``, ``steps``, ``strength`` or ``lora_weight`` to how far it moves.
    ``avoid`` goes into the negative prompt. ``shift`` and ``set`` are for closed vocabularies.
    """

    name: str
    group: str = ""
    shift: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    set: Mapping[str, str] = field(default_factory=dict)
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    replace: Mapping[str, str] = field(default_factory=dict)
    avoid: tuple[str, ...] = ()
    settings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limit:
    """How far a setting may be moved by a wish; ``step`` is that of a weight."""

    least: float
    most: float
    step: float = 0.0


@dataclass(frozen=True, slots=True)
class Meaning:
    """All that wishes mean in one style. ``phrases`` maps what people say to what to do."""

    style: str
    phrases: Mapping[str, Action]
    fillers: frozenset[str]
    degrees: Mapping[str, float]
    spellings: Mapping[str, str]
    limits: Mapping[str, Limit]
    exclusive: frozenset[str] = frozenset()
    negations: frozenset[str] = frozenset()


def for_family(families: Sequence[str], style: str = "tags") -> tuple[Meaning, Vocabulary]:
    """What wishes mean for an engine's families, and the slots of a closed vocabulary.

    ``style`` is how the model is asked where the vocabulary is open. Slots map a canonical word
    to its spellings; only the starter model has any.
    """
    if STARTER_FAMILY in families:
        return meaning("words"), starter_slots()
    return meaning(style), {}


@cache
def meaning(style: str) -> Meaning:
    """All wishes that ``style`` (one of ``STYLES``) can be asked for."""
    data = _data("feedback.json")
    limits = {key: Limit(**value) for key, value in data["limits"].items()}
    own = data["families"][STARTER_FAMILY] if style == "words" else {}
    phrases: dict[str, Action] = {
        phrase: _action(phrase, "", entry) for phrase, entry in own.get("phrases", {}).items()
    }
    for group, members in data["groups"].items():
        for name, wish in members["wishes"].items():
            action = _wish(style, name, group, wish, own)
            if action is not None:
                for phrase in wish["phrases"]:
                    phrases.setdefault(phrase, action)
    return Meaning(
        style,
        phrases,
        frozenset(own.get("ignore", data["fillers"])),
        data["degrees"],
        data["spellings"],
        limits,
        frozenset(own.get("exclusive", ())),
        frozenset(own.get("negations", ())),
    )


def groups() -> dict[str, dict[str, Any]]:
    """The data as it stands: group -> its title and its wishes."""
    found: dict[str, dict[str, Any]] = _data("feedback.json")["groups"]
    return found


def starter_slots() -> Vocabulary:
    """The starter model's words by slot: kind, colour, size, style."""
    words = _data("starter_words.json")
    return {
        "kind": words["kinds"],
        "colour": {name: entry["words"] for name, entry in words["colours"].items()},
        "size": words["sizes"],
        "style": words["styles"],
    }


def _wish(
    style: str, name: str, group: str, wish: Mapping[str, Any], own: Mapping[str, Any]
) -> Action | None:
    """What a wish does in ``style``, or None where it does nothing there."""
    if style == "words":
        entry = dict(own["phrases"][wish["starter"]]) if "starter" in wish else {}
    else:
        entry = dict(wish.get(style, {}))
        # A layout prompt has fields, not words; only the negative and the settings can move.
        entry["avoid"] = wish.get("avoid", ())
    entry["settings"] = wish.get("settings", {})
    return _action(name, group, entry) if any(entry.values()) else None


def _action(name: str, group: str, entry: Mapping[str, Any]) -> Action:
    return Action(
        name,
        group,
        entry.get("shift", {}),
        entry.get("set", {}),
        tuple(entry.get("add", ())),
        tuple(entry.get("remove", ())),
        entry.get("replace", {}),
        tuple(entry.get("avoid", ())),
        {key: float(move["by"]) for key, move in entry.get("settings", {}).items()},
    )


@cache
def _data(name: str) -> dict[str, Any]:
    text = resources.files("ategnatos.knowledge").joinpath("data", name).read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
