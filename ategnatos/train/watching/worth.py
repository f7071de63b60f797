"""What the effort of a training is worth: effort times quality, and quality by checks.

A check that is critical and failed makes all of it worthless. One that is not takes quality down to
0.3, a warning to 0.7; the worst of them counts. From 0.8 on a result is sound, from 0.3 on
doubtful; below is worthless, so that nothing lies between the grades. Bounds bear rounding
(:mod:`ategnatos.train.watching.bands`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from ategnatos.train.watching.bands import band
from ategnatos.train.watching.values import Finding

BOUNDS = (0.3, 0.8)
FAILED, WARNED = 0.3, 0.7


class Grade(StrEnum):
    """How far a result can be relied on."""

    WORTHLESS = "worthless"
    DOUBTFUL = "doubtful"
    SOUND = "sound"


_GRADES = tuple(Grade)


@dataclass(frozen=True, slots=True)
class Check:
    """One question to a result, answered."""

    name: str
    outcome: Literal["passed", "warned", "failed"] = "passed"
    critical: bool = False
    why: str = ""

    @property
    def quality(self) -> float:
        """The most that the result is worth by this check, 0 to 1."""
        if self.outcome == "passed":
            return 1.0
        if self.critical and self.outcome == "failed":
            return 0.0
        return FAILED if self.outcome == "failed" else WARNED


@dataclass(frozen=True, slots=True)
class Worth:
    """``experience`` is ``effort`` times ``quality``; of a worthless result it is nothing."""

    effort: float
    quality: float
    grade: Grade
    experience: float
    why: tuple[str, ...] = ()


def grade_of(quality: float) -> Grade:
    """The grade of a quality, 0 to 1.

    >>> [grade_of(one).value for one in (0.0, 0.29, 0.1 * 3, 0.79, 0.8)]
    ['worthless', 'worthless', 'doubtful', 'doubtful', 'sound']
    """
    return _GRADES[band(quality, BOUNDS)]


def grant(effort: float, quality: float, why: Sequence[str] = ()) -> Worth:
    """What an effort of that quality is worth."""
    quality = min(1.0, max(0.0, quality))
    grade = grade_of(quality)
    experience = 0.0 if grade is Grade.WORTHLESS else effort * quality
    return Worth(effort, quality, grade, experience, tuple(why))


def by_checks(effort: float, checks: Iterable[Check]) -> Worth:
    """What an effort is worth by all of its checks; with none of them it is sound."""
    asked = list(checks)
    quality = min((one.quality for one in asked), default=1.0)
    why = [f"{one.name}: {one.why}" for one in asked if one.outcome != "passed"]
    return grant(effort, quality, why)


# What a finding of the monitor says of the result: critical, or not and how bad.
_CRITICAL = {
    "nan": "the loss became no number",
    "divergence": "the loss left its level",
    "no_training_data": "there was no picture to train on",
    "resumed_elsewhere": "it went on from something else",
}
_FAILED = {"no_captions": "no caption was read", "overfitting": "it learned its pictures by heart"}
_WARNED = {
    "nan_step": "a step was left out",
    "rising": "the loss rose and came back",
    "bad_image": "a picture was left out",
    "optimizer_not_loaded": "the optimizer began anew on the way",
    "skipped_steps": "steps were left out for want of memory",
    "gap": "the gap to the validation loss grew",
}


def checks_of(findings: Iterable[Finding]) -> list[Check]:
    """The checks of a training, by what the monitor noticed."""
    seen = {one.code for one in findings}
    tables: tuple[tuple[dict[str, str], Literal["warned", "failed"], bool], ...] = (
        (_CRITICAL, "failed", True),
        (_FAILED, "failed", False),
        (_WARNED, "warned", False),
    )
    return [
        Check(code, outcome if code in seen else "passed", critical, why if code in seen else "")
        for table, outcome, critical in tables
        for code, why in table.items()
    ]
