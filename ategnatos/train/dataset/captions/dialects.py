"""A caption in another way of writing: tags, prose, JSON. What gets lost is said.

Words come from ``caption_dialects.json``; no model is asked. Tags to prose spells out what tags
abbreviate; prose to tags cuts at commas and at the small words between things, so its result
is worth a look. The trigger and the two parts stay what they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ategnatos.knowledge import loader
from ategnatos.train.dataset.captions.protocol import PARTS, Told, body, compose, one_line
from ategnatos.train.dataset.captions.together import dialect_of


@dataclass(frozen=True, slots=True)
class Converted:
    """The caption in the other dialect, its parts, and what a person should know."""

    text: str
    parts: dict[str, str]
    notes: tuple[str, ...]


def convert(told: Told, trigger: str, target: str) -> Converted:
    """``told`` as ``target`` (prose, tags or json) writes it; the same where it is so already."""
    parts = parts_of(told, trigger)
    notes: list[str] = []
    made: dict[str, str] = {}
    for name, text in parts.items():
        source = dialect_of(text)
        # Technique is a list of terms in every dialect; it is not taken apart.
        if target == "json" or name == "style" or not text or source == target:
            made[name] = text if name == "content" else _unescaped(text)
        elif target == "prose":
            made[name] = _as_prose(text, notes)
        else:
            made[name] = _as_tags(text, notes)
    kept = {name: text for name, text in made.items() if text}
    return Converted(compose(trigger, kept, target), kept, tuple(dict.fromkeys(notes)))


def parts_of(told: Told, trigger: str) -> dict[str, str]:
    """The parts of a caption; all of it is content where they were never told apart."""
    if any(told.parts.get(name) for name in PARTS):
        return {name: one_line(told.parts.get(name, "")) for name in PARTS}
    text = told.text.strip()
    if text.startswith("{"):
        try:
            read = json.loads(text)
        except ValueError:
            read = None
        if isinstance(read, dict):
            return {name: one_line(str(read.get(name) or "")) for name in PARTS}
    return {"content": body(one_line(text), trigger)}


def _as_prose(text: str, notes: list[str]) -> str:
    table = _table()
    people, rest = [], []
    for tag in (one_line(_unescaped(piece)) for piece in text.split(",")):
        low = tag.lower()
        if low in table["subjects"]:
            people.append(table["subjects"][low])
        elif low in table["silent"]:
            notes.append(f"'{tag}' was left out: it orders tags and is no word for a picture.")
        elif tag:
            rest.append(table["spelled_out"].get(low, tag))
    if rest:
        notes.append("Tags do not say what belongs to what; read the prose once.")
    subject = " and ".join(people)
    return ", ".join(filter(None, (subject, *rest)))


def _as_tags(text: str, notes: list[str]) -> str:
    table = _table()
    back = {said: tag for tag, said in (*table["spelled_out"].items(), *table["subjects"].items())}
    cut = "|".join(map(re.escape, table["between"]))
    found: list[str] = []
    for piece in re.split(rf"[,;.]|(?<!\w)(?:{cut})(?!\w)", text):
        low = one_line(piece).lower()
        low = re.sub(r"^(?:a|an|the|his|her|its|their|some)\s+", "", low)
        tag = back.get(one_line(piece).lower(), low)
        if tag and tag not in found:
            found.append(tag)
    if len(found) > 1:
        notes.append("What belonged to what (who holds the lamp, what lies on what) is lost.")
    return ", ".join(found)


def _unescaped(text: str) -> str:
    """Underscores and escaped brackets, as tag sites write them, as plain words."""
    return re.sub(r"\\([()])", r"\1", re.sub(r"(?<=\w)_(?=\w)", " ", text))


@cache
def _table() -> Mapping[str, Any]:
    return loader.read("caption_dialects").content
