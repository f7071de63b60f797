"""Finding a page by words: BM25 over its parts, with failures and their fixes first in line.

Small enough (some hundred parts) that the index is made for each search: no file to keep fresh.
Source of the ranking: Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.knowledge.pages.page import pages, words
from ategnatos.knowledge.pages.reaching import MARKS

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterable, Sequence
    from importlib.resources.abc import Traversable

_SATURATION = 1.2
_LENGTH = 0.75
_TITLE_WEIGHT = 3
_BY_NAME = 3
_SHORT = 60
_STOP = frozenset(
    words("a an and are as at be by for from how i in is it my of on or the to what why with")
)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that can be found. ``where`` names it to a person; ``text`` is shown."""

    where: str
    title: str
    text: str
    command: str


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry with its score (higher is better) and the words that it was found by."""

    entry: Entry
    score: float
    by: tuple[str, ...]


class Index:
    """Entries that can be asked. Words are counted only where one that is asked for can be."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._texts = [f"{entry.title}\n{entry.text}".lower() for entry in entries]
        self._lengths = [len(entry.text) + _TITLE_WEIGHT * len(entry.title) for entry in entries]
        self._counted: dict[int, Counter[str]] = {}

    def search(self, text: str, most: int = 5) -> list[Hit]:
        """The entries that fit ``text`` best; those that share no word with it are left out."""
        wanted = [word for word in dict.fromkeys(words(text)) if word not in _STOP]
        usual = sum(self._lengths) / max(1, len(self._lengths))
        scores: dict[int, float] = {}
        by: dict[int, list[str]] = {}
        for word in wanted:
            holders = self._holders(word)
            rarity = math.log(1 + (len(self._texts) - len(holders) + 0.5) / (len(holders) + 0.5))
            for place, count in holders.items():
                length = self._lengths[place] / usual
                weight = count * (_SATURATION + 1)
                weight /= count + _SATURATION * (1 - _LENGTH + _LENGTH * length)
                scores[place] = scores.get(place, 0.0) + rarity * weight
                by.setdefault(place, []).append(word)
        hits = []
        for place, score in scores.items():
            # A text that has every word of the question comes before one that has some, often;
            # what is asked for by its very name comes before both.
            entry, share = self._entries[place], len(by[place]) / len(wanted)
            named = _BY_NAME if named_by(entry, wanted) else 1
            hits.append(Hit(entry, score * share * named, tuple(by[place])))
        return sorted(hits, key=lambda hit: (-hit.score, hit.entry.where))[:most]

    def _holders(self, word: str) -> dict[int, int]:
        """The entries that have ``word``, by their place, and how often."""
        # Folding (see words) cuts ends off, or turns 'ies' into 'y'.
        stem = word.removesuffix("y")
        return {
            place: count
            for place, text in enumerate(self._texts)
            if stem in text and (count := self._count(place)[word])
        }

    def _count(self, place: int) -> Counter[str]:
        if place not in self._counted:
            entry = self._entries[place]
            self._counted[place] = Counter(words(entry.text))
            self._counted[place].update(words(entry.title) * _TITLE_WEIGHT)
        return self._counted[place]


def search(text: str, entries: Sequence[Entry], most: int = 5) -> list[Hit]:
    """The same for one question."""
    return Index(entries).search(text, most)


def named_by(entry: Entry, wanted: Sequence[str]) -> bool:
    """Whether the title of ``entry`` says these words and no others."""
    return len(entry.title) < _SHORT and set(words(entry.title)) - _STOP == set(wanted)


def of_pages(place: Traversable | None = None, without: Collection[str] = ()) -> Iterable[Entry]:
    """Every part of every page but its sources, less the tables named in ``without``."""

    def kept(match: re.Match[str]) -> str:
        return "" if match["name"] in without else match["body"]

    for page in pages(place):
        for section in page.sections:
            text = MARKS.sub(kept, section.text).replace("\n\n\n", "\n").strip()
            if text and section.heading != "Sources":
                yield Entry(
                    f"{page.name}: {section.heading}" if section.heading else page.name,
                    f"{page.title} {section.heading}",
                    text,
                    f"ategnatos knowledge show {page.name}",
                )
