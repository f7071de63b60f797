"""Strain, effort, zones and hints: how hard a training works, and what to do about it.

Strain is the loss above a floor, the loss that is as good as it gets. Effort is strain added up
over the steps. A gain that lasts, divided by the effort that it took, is how well the work pays.
Zones: below 0.1 recovery, to 0.3 productive, to 0.5 stretch, above overload; a bound belongs to
the zone above it, tolerantly (:mod:`ategnatos.train.watching.bands`).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from ategnatos.train.watching.bands import band

BOUNDS = (0.1, 0.3, 0.5)
LEVEL_STEPS = 1000
# A trend is told from so many steps on; a change below this share of the strain is none.
_TREND_STEPS = 20
_NO_CHANGE = 0.02
_WINDOW = 200


class Zone(StrEnum):
    """How hard it works."""

    RECOVERY = "recovery"
    PRODUCTIVE = "productive"
    STRETCH = "stretch"
    OVERLOAD = "overload"


_ZONES = tuple(Zone)
Action = Literal["back_off", "continue", "level_up"]


@dataclass(frozen=True, slots=True)
class Hint:
    """What to do, in one word for programs and one sentence for people."""

    action: Action
    text: str


@dataclass(frozen=True, slots=True)
class Strain:
    """At one step. ``rate`` is the change a step (negative: it learns); None where it is early."""

    step: int
    strain: float
    effort: float
    zone: Zone
    rate: float | None


@dataclass(frozen=True, slots=True)
class Level:
    """A level of ``LEVEL_STEPS`` steps: the step it was reached at, what it took and gave."""

    level: int
    step: int
    effort: float
    gain: float


def zone_of(strain: float) -> Zone:
    """The zone of a strain.

    >>> zone_of(0.8 - 0.5).value, zone_of(0.05).value, zone_of(0.5).value
    ('stretch', 'recovery', 'overload')
    """
    return _ZONES[band(strain, BOUNDS)]


class StrainTracker:
    """Follows the strain of one training over a floor: a loss that is as good as it gets, say of
    the best run before. Where none is known it is 0, and strain is the loss itself.

    Give it smoothed losses: the strain of single steps is noise.
    """

    def __init__(self, floor: float = 0.0) -> None:
        self._floor = floor
        self._first: float | None = None
        self._last: Strain | None = None
        self._loss = 0.0
        self._recent: deque[tuple[int, float]] = deque(maxlen=_WINDOW)
        self._effort = 0.0
        self._level_at = (0, 0.0, 0.0)
        self.levels: list[Level] = []

    @property
    def floor(self) -> float:
        """The loss that counts as no strain at all."""
        return self._floor

    @property
    def cumulative_effort(self) -> float:
        """Strain added up over the steps."""
        return self._effort

    @property
    def plastic_gain(self) -> float:
        """How much lower the loss is than at the first step; negative where it rose."""
        return 0.0 if self._first is None else self._first - self._loss

    @property
    def efficiency(self) -> float | None:
        """Gain for each unit of effort; None before any effort."""
        return self.plastic_gain / self._effort if self._effort > 0 else None

    def set_floor(self, floor: float) -> None:
        """Settle the floor from outside; what was added up stays."""
        self._floor = floor

    def update(self, loss: float, step: int) -> Strain | None:
        """Take in the loss at a step; steps that were left out count as this one.

        None for a loss that is no number, and for a step that is not after the last.
        """
        before = self._last
        if not math.isfinite(loss) or (before is not None and step <= before.step):
            return None
        if self._first is None:
            self._first = loss
            self._level_at = (step, 0.0, loss)
        strain = max(0.0, loss - self._floor)
        self._effort += strain * (1 if before is None else step - before.step)
        self._loss = loss
        self._recent.append((step, loss))
        self._last = Strain(step, strain, self._effort, zone_of(strain), self._rate())
        self._reach(step, loss)
        return self._last

    def get_curriculum_hint(self) -> Hint:
        """What zone and trend say together."""
        last = self._last
        if last is None or last.rate is None:
            return Hint("continue", "It is too early to tell: go on.")
        change = last.rate * _WINDOW
        level = max(self._loss, 1e-12)
        improving = change < -_NO_CHANGE * level
        high = last.zone in (Zone.STRETCH, Zone.OVERLOAD)
        if high and not improving:
            return Hint(
                "back_off",
                "The loss is far above its floor and does not fall: stop, and train more gently "
                "(a lower learning rate, or fewer and clearer pictures).",
            )
        if last.zone is Zone.RECOVERY and not improving:
            return Hint(
                "level_up",
                "The loss is at its floor and stays there: more steps of this kind teach little. "
                "Compare the checkpoints, or give it something harder.",
            )
        return Hint("continue", "It still learns at a pace that pays: go on.")

    # --- inside -------------------------------------------------------------------------------

    def _rate(self) -> float | None:
        """The change over the recent steps, in loss a step; what is given is smooth already."""
        points = self._recent
        if len(points) < _TREND_STEPS:
            return None
        (begin, first), (end, last) = points[0], points[-1]
        return (last - first) / (end - begin)

    def _reach(self, step: int, loss: float) -> None:
        level = step // LEVEL_STEPS
        begun, effort, at_begin = self._level_at
        if level > begun // LEVEL_STEPS:
            self.levels.append(Level(level, step, self._effort - effort, at_begin - loss))
            self._level_at = (step, self._effort, loss)


class SkillStrainTracker:
    """One tracker a skill (a dataset, a concept), each with a floor of its own."""

    def __init__(self) -> None:
        self._trackers: dict[str, StrainTracker] = {}

    def set_floor(self, skill: str, floor: float) -> None:
        """Settle the floor of a skill."""
        self.of(skill).set_floor(floor)

    def update(self, skill: str, loss: float, step: int) -> Strain | None:
        """As :meth:`StrainTracker.update` for a skill."""
        return self.of(skill).update(loss, step)

    def of(self, skill: str) -> StrainTracker:
        """The tracker of a skill; a new one where there is none."""
        return self._trackers.setdefault(skill, StrainTracker())
