"""The words of a preference: what of a person's sentence describes a picture.

"I like warm light, no glossy 3D please" holds two terms, "warm light" and "glossy 3D". What is
too long or no plain words stays out of prompts until somebody gives it words, and that is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ategnatos.knowledge.taste import Knowledge

_JOINTS = re.compile(r"[,;.()\n]+")
_PLAIN = re.compile(r"[\w'-]+(?: [\w'-]+)*")
WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Wording:
    """Terms for a prompt, and the parts of the sentence that gave none."""

    terms: tuple[str, ...]
    left: tuple[str, ...] = ()


def wording(text: str, words: Sequence[str] | None, known: Knowledge) -> Wording:
    """``words`` where they were given, else those found in ``text``."""
    if words is not None:
        return Wording(tuple(one for one in words if tokens(one)))
    terms: list[str] = []
    left: list[str] = []
    for part in _JOINTS.split(text):
        term = _bare(" ".join(part.split()), known)
        if not term:
            continue
        plain = _PLAIN.fullmatch(term) is not None and bool(tokens(term))
        if not plain or len(term.split()) > known.longest:
            left.append(term)
        elif term.casefold() not in (one.casefold() for one in terms):
            terms.append(term)
    return Wording(tuple(terms), tuple(left))


def _bare(term: str, known: Knowledge) -> str:
    """``term`` without words of opinion at either end."""
    while True:
        lower = term.lower()
        lead = next((one for one in known.lead_ins if lower.startswith(f"{one} ")), None)
        end = next((one for one in known.endings if lower.endswith(f" {one}")), None)
        if lead is not None:
            term = term[len(lead) + 1 :]
        elif end is not None:
            term = term[: -len(end) - 1]
        else:
            return "" if lower in (*known.lead_ins, *known.endings) else term


def tokens(text: str) -> list[str]:
    """The words of a prompt without case, weights and brackets left out."""
    return [word.casefold() for word in WORD.findall(text)]


def singular(word: str) -> str:
    """A plain plural as its singular: enough to find "owls" where "owl" is meant."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def says(text: str, term: str, known: Knowledge, same: dict[str, str] | None = None) -> bool:
    """Whether ``text`` asks for ``term``: its words in a row, not negated just before.

    ``same`` maps spellings to one word, where a model knows only some.
    """
    same = same or {}

    def plain(word: str) -> str:
        return same.get(word) or same.get(singular(word)) or singular(word)

    wanted = [plain(word) for word in tokens(term)]
    if not wanted:
        return False
    # A "no" reaches as far as its clause and no further.
    for clause in _JOINTS.split(text):
        there = [plain(word) for word in tokens(clause)]
        for start in range(len(there) - len(wanted) + 1):
            before = set(there[max(0, start - 2) : start])
            if there[start : start + len(wanted)] == wanted and not known.negations & before:
                return True
    return False
