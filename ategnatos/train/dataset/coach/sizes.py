"""How many pictures are advised for a training type, with who says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ategnatos.knowledge import loader


@dataclass(frozen=True, slots=True)
class Advice:
    """``verdict`` is few, under, good, over or many; ``says`` a sentence; ``missing`` how many
    more make it good. ``voices`` are the sources, each with what it says.
    """

    verdict: str
    says: str
    missing: int
    least: int
    at_least: int
    at_most: int
    voices: tuple[Mapping[str, str], ...]

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "verdict": self.verdict,
            "says": self.says,
            "missing": self.missing,
            "least": self.least,
            "from": self.at_least,
            "to": self.at_most,
            "voices": [dict(one) for one in self.voices],
        }


def with_article(word: str) -> str:
    """``word`` with "a" or "an" before it, as it is written."""
    return f"{'an' if word[:1] in 'aeiou' else 'a'} {word}"


def advise(pictures: int, training: str) -> Advice:
    """What so many pictures are for a character, style or object."""
    entry = _types()[training]
    least, at_least, at_most, most = (entry[key] for key in ("least", "from", "to", "most"))
    missing = max(0, at_least - pictures)
    what = with_article(training)
    if pictures < least:
        verdict = "few"
        says = f"{pictures} pictures are too few for {what}: it would copy them."
    elif pictures < at_least:
        verdict = "under"
        says = f"{pictures} pictures can do for {what}; {at_least} to {at_most} are advised."
    elif pictures <= at_most:
        verdict = "good"
        says = f"{pictures} pictures: as many as are advised for {what}."
    elif pictures <= most:
        verdict = "over"
        says = f"{pictures} pictures are more than {what} needs ({at_least} to {at_most})."
    else:
        verdict = "many"
        says = f"{pictures} pictures are far more than {what} needs: choose the best {at_most}."
    voices = tuple(entry["voices"])
    return Advice(verdict, f"{says} {entry['says']}", missing, least, at_least, at_most, voices)


@cache
def _types() -> Mapping[str, Any]:
    table: Mapping[str, Any] = loader.read("dataset_sizes").content["types"]
    return table
