"""Build a prompt from a person's words, in a model's dialect, and say of each part why it is there.

Preferences (the eye) and proven snippets (the library) come in as plain values: whoever reads
them decides which, this module only where and how they are written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ategnatos.prompts import pieces
from ategnatos.prompts.lint.finding import Trigger
from ategnatos.prompts.manner import Manner
from ategnatos.prompts.tree import escape

# How much harder a NEVER is pushed away than an AVOID, where weights work.
_NEVER_WEIGHT = 1.3

PREFER, AVOID, NEVER = "prefer", "avoid", "never"
_EYE_WHY = {NEVER: "a hard limit of the eye", AVOID: "the eye avoids it"}
_BRIEF_WHY = {NEVER: "the brief rules it out", AVOID: "the brief rules it out"}


@dataclass(frozen=True, slots=True)
class Preference:
    """One taste: ``polarity`` is prefer, avoid or never; ``why`` is its evidence for people."""

    text: str
    polarity: str = PREFER
    why: str = ""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Words that worked before; ``why`` says where."""

    text: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of what was built.

    ``where`` is prompt, negative or left out; ``source`` is who asked: words, brief, family,
    dialect, lora, library or eye.
    """

    text: str
    source: str
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Built:
    """A prompt and its negative, and the parts they consist of, in order."""

    prompt: str
    negative: str
    parts: tuple[Part, ...]


def build(
    words: str,
    manner: Manner,
    *,
    brief: Sequence[Preference] = (),
    preferences: Sequence[Preference] = (),
    library: Sequence[Snippet] = (),
    triggers: Sequence[Trigger] = (),
    negative: str = "",
) -> Built:
    """``words`` as ``manner`` wants them, with everything else that was given.

    ``brief`` are the constraints of a brief: what must be there, and what must not.
    """
    parts = _subject(words, manner, triggers)
    parts += [
        _fitting(one.text, "brief", one.why or "the brief asks for it", manner)
        for one in brief
        if one.polarity == PREFER
    ]
    parts += [
        _fitting(one.text, "library", one.why or "it worked before", manner) for one in library
    ]
    parts += [_wanted(one, manner) for one in preferences if one.polarity == PREFER]
    if manner.dialect.style == "tags" and manner.quality:
        first = manner.dialect.name == "booru-tags"
        quality = Part(
            ", ".join(manner.quality),
            "family",
            "prompt",
            f"{manner.model} was trained with these words"
            + ("; they stand first" if first else "; they stand last"),
        )
        parts = [quality, *parts] if first else [*parts, quality]
    parts += _unwanted(manner, brief, "brief", _BRIEF_WHY)
    parts += _unwanted(manner, preferences, "eye", _EYE_WHY)
    parts += _negative(manner, negative)
    taken = [part for part in parts if part.where == "prompt"]
    return Built(
        _joined(taken, manner),
        ", ".join(part.text for part in parts if part.where == "negative"),
        tuple(parts),
    )


def _subject(words: str, manner: Manner, triggers: Sequence[Trigger]) -> list[Part]:
    said = " ".join(words.split())
    if manner.dialect.style == "prose":
        said = _sentence(said)
        why = "your words, as a sentence"
    elif manner.dialect.style == "tags":
        said = said.rstrip(".")
        why = "your words; what stands early counts more"
    else:
        why = "your words"
    parts = [Part(said, "words", "prompt", why)]
    if manner.dialect.name == "instruction-edit" and not re.search(r"\bkeep\b", said, re.I):
        kept = "Keep everything else as it is."
        parts.append(Part(kept, "dialect", "prompt", "what is not named may change"))
    for trigger in triggers:
        for word in filter(None, (one.strip() for one in trigger.words.split(","))):
            if word.lower() not in said.lower():
                why = f"the LoRA {trigger.lora} listens to it"
                parts.append(Part(word, "lora", "prompt", why))
    return parts


def _wanted(one: Preference, manner: Manner) -> Part:
    return _fitting(one.text, "eye", one.why or "a preference", manner)


def _fitting(text: str, source: str, why: str, manner: Manner) -> Part:
    """A part in the model's dialect, or left out where the model has no place for it."""
    if manner.vocabulary is not None:
        known = {
            word for slot in manner.vocabulary.values() for all_ in slot.values() for word in all_
        }
        if not set(re.findall(r"[\w-]+", text.lower())) <= known:
            return Part(text, source, "left out", f"{manner.model} does not know these words")
    if manner.dialect.style == "layout":
        return Part(text, source, "left out", "a JSON caption has no place for loose words")
    if manner.dialect.style == "prose":
        return Part(_sentence(text), source, "prompt", why)
    written = escape(text, manner.notation) if manner.dialect.style == "tags" else text
    return Part(written, source, "prompt", why)


def _unwanted(
    manner: Manner, said: Sequence[Preference], source: str, reasons: Mapping[str, str]
) -> list[Part]:
    parts: list[Part] = []
    where, tail = _nowhere(manner)
    for polarity, why in reasons.items():
        for one in said:
            if one.polarity != polarity:
                continue
            text = escape(one.text, manner.notation)
            if polarity == NEVER and manner.weighs:
                text = f"({text}:{_NEVER_WEIGHT:g})"
            parts.append(Part(text, source, where, f"{one.why or why}{tail}"))
    return parts


def _nowhere(manner: Manner) -> tuple[str, str]:
    """Where a negative goes, and what to say where the model reads none."""
    if manner.reads_negative:
        return "negative", ""
    return "left out", f"; but {manner.model} reads no negative prompt"


def _negative(manner: Manner, negative: str) -> list[Part]:
    parts: list[Part] = []
    where, tail = _nowhere(manner)
    if negative.strip():
        parts.append(Part(negative.strip(), "words", where, f"you said so{tail}"))
    if manner.reads_negative and manner.quality_negative:
        own = [
            word
            for word in manner.quality_negative
            if pieces.find(negative, word, manner.notation) is None
        ]
        if own:
            why = f"{manner.model} gains from it"
            parts.append(Part(", ".join(own), "family", "negative", why))
    return parts


def _joined(parts: Sequence[Part], manner: Manner) -> str:
    style = manner.dialect.style
    if style == "layout":
        text = " ".join(part.text for part in parts)
        if text.startswith("{"):
            return text
        return json.dumps({"caption": text}, ensure_ascii=False)
    return (" " if style == "prose" else ", ").join(part.text for part in parts)


def _sentence(text: str) -> str:
    text = text.strip()
    end = "" if not text or text.endswith((".", "!", "?", '"', "”")) else "."
    return f"{text[:1].upper()}{text[1:]}{end}"
