"""Words of the library for a new prompt: what stood beside the same thing in approved ones.

Only entries of the same family that share a word with what is wanted are read. Of their prompts
the pieces that do not name the thing itself are offered, the best proven first, within a bounded
number of words.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.grimoire.jobs import library, store
from ategnatos.grimoire.jobs.folded import words_of
from ategnatos.prompts.build import Snippet
from ategnatos.prompts.pieces import pieces

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.library import Entry
    from ategnatos.prompts.manner import Manner

MOST_PIECES = 3
MOST_WORDS = 12
_MOST_ENTRIES = 2000
_SENTENCE = re.compile(r"[^.!?]+[.!?]?")
# What a prompt has in common with any other says nothing about the thing.
_SMALL = frozenset(
    ("a", "an", "the", "of", "in", "on", "at", "with", "and", "or", "for", "to", "by", "from", "as")
)


@dataclass(frozen=True, slots=True)
class Related:
    """An entry that shares words with what is wanted, and which words these are."""

    entry: Entry
    prompt: str
    shared: tuple[str, ...]


def related(db: Database, family: str, words: str, *, limit: int = 5) -> list[Related]:
    """The entries of a family that share a word with ``words``, the nearest first."""
    wanted = _content(words)
    found = []
    for entry in library.find(db, family=family, limit=_MOST_ENTRIES):
        prompt = store.get(db, entry.job).asked
        shared = tuple(word for word in dict.fromkeys(_content(prompt)) if word in wanted)
        if shared:
            found.append(Related(entry, prompt, shared))
    found.sort(key=lambda one: (-len(one.shared), -one.entry.approvals, -one.entry.id))
    return found[:limit]


def snippets(
    near: Collection[Related], manner: Manner, words: str, *, without: Collection[str] = ()
) -> list[Snippet]:
    """Words to add to ``words``. ``without`` are terms that somebody else adds, or rules out."""
    wanted = set(_content(words))
    ruled_out = [tuple(words_of(term)) for term in without]
    taken = {" ".join(words_of(one)) for one in manner.quality}
    score: dict[str, int] = {}
    first: dict[str, Related] = {}
    behind: dict[str, int] = {}
    for one in near:
        for text in dict.fromkeys(_pieces(one.prompt, manner)):
            said = words_of(text)
            if (
                not said
                or wanted & set(said)
                or " ".join(said) in taken
                or any(_holds(said, term) for term in ruled_out)
            ):
                continue
            score[text] = score.get(text, 0) + len(one.shared) * one.entry.approvals
            behind[text] = behind.get(text, 0) + one.entry.approvals
            first.setdefault(text, one)
    chosen: list[Snippet] = []
    room = MOST_WORDS
    for text in sorted(score, key=lambda text: (-score[text], text)):
        length = len(words_of(text))
        if length <= room and len(chosen) < MOST_PIECES:
            room -= length
            count = behind[text]
            pictures = f"{count} approved picture{'' if count == 1 else 's'}"
            name = first[text].entry.full_name
            chosen.append(Snippet(text, f"it stood in {pictures} of the like: library/{name}.md"))
    return chosen


def _pieces(prompt: str, manner: Manner) -> Iterator[str]:
    if manner.dialect.style == "prose":
        for match in _SENTENCE.finditer(prompt):
            yield match.group().strip()
    elif manner.dialect.style != "layout":
        for piece in pieces(prompt, manner.notation):
            yield piece.words


def _content(text: str) -> list[str]:
    return [word for word in words_of(text) if word not in _SMALL and len(word) > 1]


def _holds(words: list[str], term: tuple[str, ...]) -> bool:
    """Whether ``term`` stands in ``words`` as it is."""
    length = len(term)
    return length > 0 and any(
        tuple(words[start : start + length]) == term for start in range(len(words) - length + 1)
    )
