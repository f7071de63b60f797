"""What a wish means for a prompt, by model family, with the words it may move."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

# The family whose prompts are made of the starter model's words.
STARTER_FAMILY = "starter"

Vocabulary = dict[str, dict[str, list[str]]]


def for_family(families: Sequence[str]) -> tuple[dict[str, Any], Vocabulary]:
    """The feedback entry of the first known family (else the general one), and its slots.

    Slots map a canonical word to its spellings; only families with a closed vocabulary have
    any.
    """
    entries: Mapping[str, Any] = _data("feedback.json")["families"]
    family = next((one for one in families if one in entries), "*")
    return dict(entries[family]), starter_slots() if family == STARTER_FAMILY else {}


def starter_slots() -> Vocabulary:
    """The starter model's words by slot: kind, colour, size, style."""
    words = _data("starter_words.json")
    return {
        "kind": words["kinds"],
        "colour": {name: entry["words"] for name, entry in words["colours"].items()},
        "size": words["sizes"],
        "style": words["styles"],
    }


def _data(name: str) -> dict[str, Any]:
    text = resources.files("ategnatos.knowledge").joinpath("data", name).read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
