"""Prompts in the words that the starter model knows.

The model has learned some hundred words, one token each, and answers any other word with a
picture of nothing in particular. So a prompt is reduced to what it knows, and what was left out
is said.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ategnatos.starter.configuration import read_json

_VOCABULARY = Path(__file__).parents[1] / "knowledge" / "data" / "starter_words.json"
_WORD = re.compile(r"[^\W_]+(?:['_-][^\W_]+)*")
_LORA_TAG = re.compile(r"<lora:[^<>]*>", re.IGNORECASE)
_STRESS_NUMBER = re.compile(r":\s*[+-]?\d+(?:\.\d+)?(?=\s*[)\]])")
_STRESS = re.compile(r"[()\[\]]")


@dataclass(frozen=True, slots=True)
class Wording:
    """A prompt as the model reads it, the words left out of it, and what to tell the person."""

    text: str
    dropped: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words the model knows.

    Each mapping leads from a word to its canonical form: kinds (what to draw), colours, sizes
    and styles. Fillers are read and have no effect.
    """

    kinds: Mapping[str, str]
    colours: Mapping[str, str]
    sizes: Mapping[str, str]
    styles: Mapping[str, str]
    fillers: frozenset[str]

    def __contains__(self, word: str) -> bool:
        tables = (self.kinds, self.colours, self.sizes, self.styles, self.fillers)
        return any(word in table for table in tables)

    def words(self) -> list[str]:
        """Every word that has an effect, in the order of the data file."""
        return [*self.kinds, *self.colours, *self.sizes, *self.styles]

    def near(self, word: str) -> list[str]:
        """Up to three known words spelled nearly like this one."""
        return difflib.get_close_matches(word, self.words(), 3, 0.7)


@cache
def vocabulary() -> Vocabulary:
    """The model's vocabulary, read once. Source: ategnatos/knowledge/data/starter_words.json."""
    data = read_json(_VOCABULARY)

    def table(group: Mapping[str, list[str]]) -> dict[str, str]:
        return {word: canonical for canonical, words in group.items() for word in words}

    return Vocabulary(
        kinds=table(data["kinds"]),
        colours=table({name: entry["words"] for name, entry in data["colours"].items()}),
        sizes=table(data["sizes"]),
        styles=table(data["styles"]),
        fillers=frozenset(data["fillers"]),
    )


def normalise(prompt: str, triggers: Iterable[str] = ()) -> Wording:
    """Reduce ``prompt`` to known words and to the words of LoRA ``triggers``.

    Lower case, no punctuation, no stress marks; a plural whose singular is known becomes it.
    Doing it again changes nothing and warns of nothing but what is missing.
    """
    known = vocabulary()
    trigger_words = {word for phrase in triggers for word in _split(phrase)}
    warnings = _unsupported_notation(prompt)
    kept: list[str] = []
    dropped: list[str] = []
    replaced: list[str] = []
    for word in _split(_STRESS_NUMBER.sub("", _LORA_TAG.sub(" ", prompt))):
        for part in [word] if word in trigger_words or word in known else word.split("-"):
            singular = _singular(part, known)
            if part in trigger_words or part in known:
                kept.append(part)
            elif singular:
                kept.append(singular)
                replaced.append(f"{part} as {singular}")
            elif part not in dropped:
                dropped.append(part)
    if replaced:
        warnings.append(f"Read {', '.join(replaced)}: the starter model draws one thing alone.")
    if dropped:
        warnings.append(_announcement(dropped, known))
    return Wording(" ".join(kept), tuple(dropped), tuple(warnings))


def missing_subject(text: str, triggers: Iterable[str] = ()) -> str | None:
    """A warning when a normalised prompt names nothing to draw, or more than one thing."""
    known = vocabulary()
    words = text.split()
    trigger_words = {word for phrase in triggers for word in _split(phrase)}
    kinds = list(dict.fromkeys(known.kinds[word] for word in words if word in known.kinds))
    if not kinds and not trigger_words.intersection(words):
        return (
            "The prompt names nothing that the starter model can draw, so the pictures may show "
            f"anything. It draws: {', '.join(dict.fromkeys(known.kinds.values()))}."
        )
    if len(kinds) > 1:
        return f"The starter model draws one thing alone; {' and '.join(kinds)} may melt together."
    return None


def _split(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _singular(word: str, known: Vocabulary) -> str | None:
    for ending, instead in (("ies", "y"), ("es", ""), ("s", "")):
        if word.endswith(ending) and (stem := word.removesuffix(ending) + instead) in known.kinds:
            return stem
    return None


def _unsupported_notation(prompt: str) -> list[str]:
    warnings = []
    if _LORA_TAG.search(prompt):
        warnings.append(
            "A <lora:...> tag in a prompt loads nothing here and was left out: name the LoRA in "
            "the request instead."
        )
    if _STRESS_NUMBER.search(prompt) or _STRESS.search(prompt):
        warnings.append(
            "The starter model has no stressed words: brackets and their numbers were left out."
        )
    return warnings


def _announcement(dropped: list[str], known: Vocabulary) -> str:
    def named(word: str) -> str:
        near = known.near(word)
        return f"'{word}' (near: {', '.join(near)})" if near else f"'{word}'"

    return (
        f"The starter model does not know {', '.join(map(named, dropped))}: left out of the "
        f"prompt. It knows {len(known.words())} words and draws {len(set(known.kinds.values()))} "
        "kinds of things."
    )
