"""kohya's folders, ``10_zrvk knight``: how often an epoch shows each picture, and of what.

kohya reads the number in front as repeats and the rest as the caption of pictures that have none
(``class_tokens``). What such a folder says is kept with its pictures, and ``structure`` recommends
the same again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.train.dataset.version import Picture

# More repeats than 999 nobody means: "2024_summer" is a year.
_FOLDER = re.compile(r"([1-9][0-9]{0,2})_(.*\S.*)")
_PLAIN = re.compile(r"[^A-Za-z0-9-]+")
_LONGEST = 61


@dataclass(frozen=True, slots=True)
class Said:
    """``concept`` is the folder's words as a name of a concept, ``words`` as kohya reads them."""

    repeats: int
    concept: str
    words: str


def read(name: str) -> Said | None:
    """What the innermost folder of that form in ``name`` (with '/') says; None where none is.

    >>> read("img/10_zrvk knight/01.png")
    Said(repeats=10, concept='zrvk-knight', words='zrvk knight')
    """
    for part in reversed(name.split("/")[:-1]):
        match = _FOLDER.fullmatch(part)
        if match is None:
            continue
        concept = _PLAIN.sub("-", match[2]).strip("-")[:_LONGEST].strip("-")
        if concept:
            return Said(int(match[1]), concept, " ".join(match[2].split()))
    return None


def notes_of(name: str) -> dict[str, object]:
    """What is kept with a new picture that the source calls ``name``."""
    said = read(name)
    if said is None:
        return {}
    return {"concept": said.concept, "repeats": said.repeats, "class_words": said.words}


def recommended(pictures: Iterable[Picture]) -> str:
    """The concepts with the repeats of their folders, ``10_zrvk-knight,3_style``; "" where any
    picture came without.

    A concept that came from folders with different repeats has those of most of its pictures.
    """
    found: dict[str, Counter[int]] = {}
    for one in pictures:
        concept, repeats = one.notes.get("concept"), one.notes.get("repeats")
        if not isinstance(concept, str) or not isinstance(repeats, int):
            return ""
        found.setdefault(concept, Counter())[repeats] += 1
    return ",".join(
        f"{counts.most_common(1)[0][0]}_{concept}" for concept, counts in sorted(found.items())
    )
