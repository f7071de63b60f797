"""What is asked of whoever captions: the templates of ``caption_templates.json``, filled in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ategnatos.knowledge import loader
from ategnatos.train.dataset.captions.findings import rules
from ategnatos.train.dataset.captions.protocol import Wanted
from ategnatos.train.dataset.coverage_words import dimensions

# Captions of the protocol have about three words to four tokens, the trigger's aside.
_WORDS_A_TOKEN = 0.75


def passes() -> Mapping[str, Any]:
    """The passes by name: content, style, both."""
    found: Mapping[str, Any] = _table()["passes"]
    return found


def template(what: str, like: Wanted) -> dict[str, Any]:
    """The template of a pass for one dataset, ready to be followed: JSON values."""
    table, chosen = _table(), passes()[what]
    budgets = rules()["budgets"]
    budget = budgets.get(like.family) or budgets[like.dialect]
    values = {
        "trigger": like.trigger or "TRIGGER",
        "least": budget["least"],
        "most": budget["most"],
        "least_words": round(budget["least"] * _WORDS_A_TOKEN),
        "most_words": round(budget["most"] * _WORDS_A_TOKEN),
        "dialect_rule": table["dialects"][like.dialect],
    }
    values["type_rule"] = table["by_type"][like.training].format(**values)
    return {
        "form": table["form"],
        "trigger": like.trigger,
        "training": like.training,
        "parts": list(chosen["parts"]),
        "ask": chosen["ask"].format(**values),
        "rules": [rule.format(**values) for rule in table["rules"]],
        "style_sides": {side: terms[:6] for side, terms in rules()["style_terms"].items()},
        "questions": questions(like) if "content" in chosen["parts"] else {},
        "example": next(one for one in table["examples"] if one["type"] == like.training),
    }


def questions(like: Wanted) -> dict[str, list[str]]:
    """What an answer may tell beside the caption, for the coach: question and its values."""
    asked = _table()["questions"]
    return {
        name: [*dimensions()[name]["values"], "other"]
        for name in asked
        if dimensions()[name]["for"][like.training]
    }


@cache
def _table() -> Mapping[str, Any]:
    return loader.read("caption_templates").content
