"""Turn a wish ("warmer", "blue", "without the outline") into an edit of a prompt's words.

What a wish means is data (``knowledge/data/feedback.json``): per family, phrases with actions.
``shift`` moves a slot's word along a table, ``set`` puts one in a slot, ``add`` and ``remove``
work on words. A word that belongs to a slot by itself replaces what fills that slot. What is
not understood is added to the prompt as it was said, and reported so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# slot -> canonical word -> every spelling of it, the canonical one included.
Vocabulary = Mapping[str, Mapping[str, Sequence[str]]]

_WORD = re.compile(r"[\w'-]+")


@dataclass(slots=True)
class Changed:
    """The edited prompt, and what was done in words a person reads."""

    prompt: str
    edits: list[str] = field(default_factory=list)


def change_prompt(
    prompt: str, wish: str, *, feedback: Mapping[str, Any], vocabulary: Vocabulary
) -> Changed:
    """Apply ``wish`` to ``prompt``.

    ``feedback`` is one family's entry: ``phrases`` (phrase -> action), ``exclusive`` (slots that
    hold one word), ``ignore`` (words without meaning in a wish), ``negations``.
    """
    changed = Changed(prompt)
    rest = f" {' '.join(_WORD.findall(wish.lower()))} "
    for phrase in sorted(feedback.get("phrases", {}), key=len, reverse=True):
        if f" {phrase} " in rest:
            rest = rest.replace(f" {phrase} ", " ", 1)
            _act(changed, phrase, feedback["phrases"][phrase], vocabulary)
    leftover: list[str] = []
    negated = False
    ignored = set(feedback.get("ignore", ()))
    negations = set(feedback.get("negations", ()))
    exclusive = set(feedback.get("exclusive", ()))
    for word in rest.split():
        found = _slot_of(word, vocabulary)
        if word in negations:
            negated = True
        elif word in ignored:
            continue
        elif found is None:
            leftover.append(f"no {word}" if negated else word)
            negated = False
        else:
            slot, canonical = found
            if negated:
                _remove(changed, vocabulary[slot][canonical])
            elif slot in exclusive:
                _set_slot(changed, slot, word, vocabulary)
            else:
                _add(changed, word)
            negated = False
    if leftover:
        _add(changed, " ".join(leftover))
    return changed


def _act(changed: Changed, phrase: str, action: Mapping[str, Any], vocabulary: Vocabulary) -> None:
    for slot, table in action.get("shift", {}).items():
        current = _word_in(changed.prompt, slot, vocabulary)
        if current is None:
            continue
        written, canonical = current
        if canonical in table:
            _replace(changed, written, table[canonical], because=phrase)
        else:
            changed.edits.append(f"{written} stays: it cannot be made {phrase}")
    for slot, word in action.get("set", {}).items():
        _set_slot(changed, slot, word, vocabulary)
    for word in action.get("remove", ()):
        _remove(changed, _spellings(word, vocabulary))
    for word in action.get("add", ()):
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
