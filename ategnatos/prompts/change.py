"""Turn a wish ("warmer, less busy") into an exact edit of a prompt, its negative and settings.

What a wish means is data (``knowledge/data/feedback.json``). This module holds what every way of
asking has in common, and the words of a closed vocabulary: there ``shift`` moves a slot's word
along a table, ``set`` puts one in a slot, ``add`` and ``remove`` work on words, a word that
belongs to a slot by itself replaces what fills that slot, and what is not understood is added as
it was said. Keywords and sentences are in :mod:`ategnatos.prompts.wishes`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.knowledge.feedback import Action, Meaning

# slot -> canonical word -> every spelling of it, the canonical one included.
Vocabulary = Mapping[str, Mapping[str, Sequence[str]]]

_WORD = re.compile(r"[\w'-]+")
# One thing in the place of another.
EXCHANGES = (
    re.compile(r"(?P<new>.+?) instead of (?P<old>.+)", re.IGNORECASE),
    re.compile(r"(?:replace|swap) (?P<old>.+?) (?:with|by|for) (?P<new>.+)", re.IGNORECASE),
    re.compile(r"(?:change|turn) (?P<old>.+?) (?:to|into) (?P<new>.+)", re.IGNORECASE),
    re.compile(r"(?P<old>.+?) ?(?:->|\u2192) ?(?P<new>.+)", re.IGNORECASE),
)
JOINTS = re.compile(r"[,;.!&\n]+|\band\b|\bbut\b|\bthen\b", re.IGNORECASE)
"""Where a wish is cut into clauses."""
_NEAR = 0.8  # "warmr" is near "warmer"; "more fog" is not near "more fun"


@dataclass(frozen=True, slots=True)
class Move:
    """A setting that a wish moves by ``by``, kept between ``least`` and ``most``."""

    setting: str
    by: float
    least: float
    most: float
    because: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A part of a wish that no phrase covers. ``used`` tells whether its words were added."""

    said: str
    near: tuple[str, ...]
    used: bool


@dataclass(slots=True)
class Changed:
    """The edited prompt and negative, and what was done in words a person reads."""

    prompt: str
    negative: str = ""
    edits: list[str] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)


def near_phrases(said: str, meaning: Meaning) -> tuple[str, ...]:
    """Up to three phrases spelled nearly like ``said``."""
    return tuple(difflib.get_close_matches(said[:80], meaning.phrases, 3, _NEAR))


def moved(changed: Changed, phrase: str, action: Action, meaning: Meaning, degree: float) -> None:
    """Note the settings that ``action`` moves."""
    for setting, by in action.settings.items():
        limit = meaning.limits[setting]
        changed.moves.append(Move(setting, by * degree, limit.least, limit.most, phrase))


def change_prompt(
    prompt: str, wish: str, *, feedback: Meaning, vocabulary: Vocabulary, negative: str = ""
) -> Changed:
    """Apply ``wish`` to a prompt in the words of a closed ``vocabulary``."""
    changed = Changed(prompt, negative)
    asked = ", ".join(_without_exchange(changed, one, vocabulary) for one in JOINTS.split(wish))
    rest = f" {' '.join(_WORD.findall(asked.lower()))} "
    for phrase in sorted(feedback.phrases, key=len, reverse=True):
        if f" {phrase} " in rest:
            rest = rest.replace(f" {phrase} ", " ", 1)
            _act(changed, phrase, feedback.phrases[phrase], vocabulary)
            moved(changed, phrase, feedback.phrases[phrase], feedback, 1.0)
    leftover: list[str] = []
    negated = False
    for word in rest.split():
        found = _slot_of(word, vocabulary)
        if word in feedback.negations:
            negated = True
        elif word in feedback.fillers:
            continue
        elif found is None:
            leftover.append(f"no {word}" if negated else word)
            negated = False
        else:
            slot, canonical = found
            if negated:
                _remove(changed, vocabulary[slot][canonical])
            elif slot in feedback.exclusive:
                _set_slot(changed, slot, word, vocabulary)
            else:
                _add(changed, word)
            negated = False
    if leftover:
        said = " ".join(leftover)
        near = near_phrases(said, feedback)
        if not near:
            _add(changed, said)
        changed.unknown.append(Unknown(said, near, used=not near))
    return changed


def _without_exchange(changed: Changed, clause: str, vocabulary: Vocabulary) -> str:
    """What is left to do of a clause once "this instead of that" in it is done.

    Where the prompt does not hold "that", "this" is left, as a wish of its own.
    """
    for pattern in EXCHANGES:
        said = pattern.fullmatch(clause.strip())
        if said is None:
            continue
        old, new = (_WORD.findall(said[part].lower()) for part in ("old", "new"))
        found = _slot_of(old[-1], vocabulary) if old else None
        if found is None or not new:
            return said["new"]
        current = _word_in(changed.prompt, found[0], vocabulary)
        if current is None or current[1] != found[1] or _slot_of(new[-1], vocabulary) is None:
            return said["new"]
        _replace(changed, current[0], new[-1])
        return " ".join(new[:-1])
    return clause


def _act(changed: Changed, phrase: str, action: Action, vocabulary: Vocabulary) -> None:
    for slot, table in action.shift.items():
        current = _word_in(changed.prompt, slot, vocabulary)
        if current is None:
            continue
        written, canonical = current
        if canonical in table:
            _replace(changed, written, table[canonical], because=phrase)
        else:
            changed.edits.append(f"{written} stays: it cannot be made {phrase}")
    for slot, word in action.set.items():
        _set_slot(changed, slot, word, vocabulary)
    for word in action.remove:
        _remove(changed, _spellings(word, vocabulary))
    for word in action.add:
        _add(changed, word)


def _set_slot(changed: Changed, slot: str, word: str, vocabulary: Vocabulary) -> None:
    current = _word_in(changed.prompt, slot, vocabulary)
    if current is not None:
        _replace(changed, current[0], word)
        return
    # An adjective stands before its noun, and size before colour: a person reads it so, and so
    # was the model trained.
    noun = _word_in(changed.prompt, "kind", vocabulary)
    if noun is None:
        _add(changed, word)
        return
    head = rf"((?:\b{_any_of('colour', vocabulary)}\s+)?\b{re.escape(noun[0])}\b)"
    pattern = re.compile(head if slot == "size" else rf"(\b{re.escape(noun[0])}\b)", re.IGNORECASE)
    changed.prompt = pattern.sub(rf"{word} \1", changed.prompt, count=1)
    changed.edits.append(f"added {word}")


def _any_of(slot: str, vocabulary: Vocabulary) -> str:
    """A pattern for any word of ``slot``; matches nothing where the slot is empty."""
    words = [word for spellings in vocabulary.get(slot, {}).values() for word in spellings]
    return f"(?:{'|'.join(map(re.escape, words))})" if words else r"(?!)"


def _replace(changed: Changed, written: str, word: str, because: str | None = None) -> None:
    pattern = re.compile(rf"\b{re.escape(written)}\b", re.IGNORECASE)
    changed.prompt = pattern.sub(word, changed.prompt, count=1)
    reason = f" ({because})" if because else ""
    changed.edits.append(f"{written} -> {word}{reason}")


def _add(changed: Changed, words: str) -> None:
    if re.search(rf"\b{re.escape(words)}\b", changed.prompt, re.IGNORECASE):
        changed.edits.append(f"{words} was there already")
        return
    changed.prompt = f"{changed.prompt.rstrip(' ,')}, {words}"
    changed.edits.append(f"added {words}")


def _remove(changed: Changed, spellings: Sequence[str]) -> None:
    for word in spellings:
        pattern = re.compile(rf",?\s*\b{re.escape(word)}\b", re.IGNORECASE)
        if pattern.search(changed.prompt):
            changed.prompt = pattern.sub("", changed.prompt).strip(" ,")
            changed.edits.append(f"removed {word}")


def _spellings(word: str, vocabulary: Vocabulary) -> Sequence[str]:
    found = _slot_of(word, vocabulary)
    return (word,) if found is None else vocabulary[found[0]][found[1]]


def _slot_of(word: str, vocabulary: Vocabulary) -> tuple[str, str] | None:
    for slot, words in vocabulary.items():
        for canonical, spellings in words.items():
            if word in spellings:
                return slot, canonical
    return None


def _word_in(prompt: str, slot: str, vocabulary: Vocabulary) -> tuple[str, str] | None:
    """The first word of ``slot`` in the prompt: (as written, canonical)."""
    lowered = prompt.lower()
    best: tuple[int, str, str] | None = None
    for canonical, spellings in vocabulary.get(slot, {}).items():
        for spelling in spellings:
            match = re.search(rf"\b{re.escape(spelling)}\b", lowered)
            if match and (best is None or match.start() < best[0]):
                best = (match.start(), lowered[match.start() : match.end()], canonical)
    return None if best is None else (best[1], best[2])
