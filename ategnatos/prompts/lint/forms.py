"""Prompts of a fixed form: JSON captions, instructions, video, a system line, closed words."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from typing import Any

from ategnatos.knowledge.prompt_rules import tables
from ategnatos.prompts.lint.finding import Finding, Subject, finding
from ategnatos.prompts.lint.wording import place_of

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")


def layout(subject: Subject) -> Iterator[Finding]:
    """Whether a JSON caption is one, with boxes and colours that can be meant.

    The fields themselves are the vendor's and are not judged: no schema of theirs is published.
    """
    if subject.manner.dialect.style != "layout" or subject.where == "negative":
        return
    text = subject.text
    if not text.lstrip().startswith(("{", "[")):
        extra = (
            "; on Ideogram 4 plain text raises false safety blocks"
            if "Ideogram" in subject.manner.model
            else ""
        )
        example = tables()["json_example"]
        replacement = json.dumps({"caption": text.strip()}, ensure_ascii=False)
        yield finding(
            subject, "json_expected", 0, len(text), replacement, extra=extra, example=example
        )
        return
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        at = min(error.pos, len(text))
        yield finding(subject, "json_broken", at, len(text), why=error.msg)
        return
    except RecursionError:
        yield finding(subject, "json_broken", 0, len(text), why="it is nested too deeply")
        return
    if not isinstance(value, dict):
        yield finding(subject, "json_broken", 0, len(text), why="it is no object in braces")
        return
    yield from _fields(subject, value)


def _fields(subject: Subject, value: dict[str, Any]) -> Iterator[Finding]:
    known = tables()
    waiting: list[Any] = [value]
    end = len(subject.text)
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += one
        if not isinstance(one, dict):
            continue
        for key, inner in one.items():
            waiting.append(inner)
            at = max(subject.text.find(json.dumps(key, ensure_ascii=False)), 0)
            if key.lower() in known["json_boxes"]:
                why = _box(inner)
                if why:
                    yield finding(subject, "json_box", at, end, why=why, box=json.dumps(inner)[:60])
            if key.lower() in known["json_colours"] and isinstance(inner, list):
                for colour in inner:
                    if isinstance(colour, str) and not _COLOUR.fullmatch(colour):
                        yield finding(subject, "json_colour", at, end, colour=colour[:40])


def _box(value: Any) -> str:
    """What is wrong with a box; empty where it can be one."""
    if not isinstance(value, list) or len(value) != 4:
        return "this has other than four members"
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in value):
        return "one of these is no number"
    if min(value) < 0:
        return "one of these is below zero"
    if value[0] >= value[2] or value[1] >= value[3]:
        return "here an edge does not come before the one across from it"
    return ""


def instruction(subject: Subject) -> Iterator[Finding]:
    """An edit that does not say what must stay."""
    if subject.manner.dialect.name != "instruction-edit" or subject.where == "negative":
        return
    if subject.text.strip() and not any(place_of(subject.text, w) for w in tables()["keep"]):
        end = len(subject.text)
        yield finding(subject, "kept_unsaid", end, end)


def motion(subject: Subject) -> Iterator[Finding]:
    """A video prompt in which nothing moves."""
    if subject.manner.dialect.name != "video" or subject.where == "negative":
        return
    words = [word.lower() for word in _WORD.findall(subject.text)]
    stems = tuple(stem for stem in tables()["motion"] if " " not in stem)
    moving = any(word.startswith(stems) for word in words)
    phrases = any(" " in one and one in subject.text.lower() for one in tables()["motion"])
    if words and not moving and not phrases:
        yield finding(subject, "motion_unsaid", 0, len(subject.text))


def prefix(subject: Subject) -> Iterator[Finding]:
    """A system line in a prompt whose graph brings one."""
    if subject.manner.dialect.name != "llm-prefix":
        return
    at = subject.text.find("<Prompt Start>")
    if at >= 0:
        yield finding(subject, "prefix_doubled", 0, at + len("<Prompt Start>"), "")


def closed_words(subject: Subject) -> Iterator[Finding]:
    """Words that a model of a closed vocabulary never learned, and what it can draw."""
    vocabulary = subject.manner.vocabulary
    if vocabulary is None:
        return
    known = {word for slot in vocabulary.values() for words in slot.values() for word in words}
    heard = {word.lower() for one in subject.triggers for word in _WORD.findall(one.words)}
    kinds: list[str] = []
    of = {word: name for name, words in vocabulary["kind"].items() for word in words}
    for match in _WORD.finditer(subject.text):
        word = match.group().lower()
        if word in of and of[word] not in kinds:
            kinds.append(of[word])
        if word in known or word in subject.manner.fillers or word in heard:
            continue
        if any(word.removesuffix(end) in of for end in ("s", "es")):
            continue
        near = difflib.get_close_matches(word, known, 2, 0.7)
        advice = f"Near: {', '.join(near)}." if near else "Leave it out."
        yield finding(
            subject,
            "word_unknown",
            match.start(),
            match.end(),
            near[0] if near else None,
            word=match.group(),
            advice=advice,
        )
    if subject.where == "negative" or not subject.text.strip():
        return
    plural = any(
        match.group().lower().removesuffix(end) in of
        for match in _WORD.finditer(subject.text)
        for end in ("s", "es")
    )
    if not kinds and not plural and not heard & {w.lower() for w in _WORD.findall(subject.text)}:
        yield finding(subject, "subject_missing", 0, len(subject.text))
    if len(kinds) > 1:
        yield finding(subject, "subject_several", 0, len(subject.text), words=" and ".join(kinds))
