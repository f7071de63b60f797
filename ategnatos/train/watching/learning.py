"""What the points of a curve teach: everything about the losses, and nothing else.

The same points give the same knowledge, live or read from the disk again.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import asdict
from typing import Any

from ategnatos.train.watching.divergence import Divergence
from ategnatos.train.watching.overfitting import Overfitting
from ategnatos.train.watching.plateau import Plateau
from ategnatos.train.watching.recovered import Recovered
from ategnatos.train.watching.said import Said
from ategnatos.train.watching.smoothing import Smoothed, span_of
from ategnatos.train.watching.strain import LEVEL_STEPS, Strain, StrainTracker
from ategnatos.train.watching.values import Finding, Losses, Point

# So many losses in a row that are no number end a run whose trainer leaves such steps out.
NAN_IN_A_ROW = 3
_KEPT = 64


class Learning:
    """Give it points by rising step; ``floor`` is the loss that counts as no strain, ``origin`` the
    step that this process of the trainer began after.
    """

    def __init__(self, steps: int, floor: float, said: Said, origin: int = 0) -> None:
        self.smoothed = Smoothed(span_of(steps))
        self.strain = StrainTracker(floor)
        self.last: Point | None = None
        self.recent: deque[Losses] = deque(maxlen=_KEPT)
        self.epoch: int | None = None
        self.validation: tuple[int, float] | None = None
        self._divergence, self._plateau = Divergence(steps), Plateau(steps)
        # Where only averages are printed, and how long they run is known: what lies in them.
        self._steps, self._origin = steps, origin
        self._recovered: tuple[int, Recovered, Divergence] | None = None
        self._overfitting = Overfitting()
        self._trained: Strain | None = None
        # Losses since the last validation, and since the last save: their sum, and how many.
        self._between = (0.0, 0)
        self._unsaved = (0.0, 0)
        self._bad, self._bad_at = 0, -1
        self._said = said
        self._told: set[str] = set()

    def take(self, point: Point) -> list[Finding]:
        """What one more point shows."""
        found: list[Finding] = []
        self.last = point
        if point.epoch is not None:
            self.epoch = point.epoch
        if point.loss is not None:
            found += self.not_a_number(point.step, point.loss, point.average)
            self.smoothed.add(point.loss, average=point.average)
            if math.isfinite(point.loss):
                total, count = self._between
                self._between = (total + point.loss, count + 1)
                total, count = self._unsaved
                self._unsaved = (total + point.loss, count + 1)
            found += self._diverges(point.step, point.loss, point.average)
            found += self._plateau.add(point.step, point.loss, average=point.average)
            if self.smoothed.value is not None:
                self._trained = self.strain.update(self.smoothed.value, point.step)
        if point.validation is not None:
            self.validation = (point.step, point.validation)
            found += self.validated(point.step, point.validation)
        self.recent.append(self.at(point))
        return found

    def _diverges(self, step: int, loss: float, average: bool) -> list[Finding]:
        found = self._divergence.add(step, loss, average=average)
        if average and self._recovered is not None:
            _, recovered, judged = self._recovered
            if (mean := recovered.add(step, loss)) is not None:
                found += judged.add(step, mean)
        fresh = [one for one in found if one.code not in self._told]
        self._told.update(one.code for one in fresh)
        return fresh

    def not_a_number(self, step: int, loss: float, average: bool) -> list[Finding]:
        """Whether a loss is none; asked before its step is settled, since it cannot wait."""
        if math.isfinite(loss):
            if step > self._bad_at:
                self._bad = 0
            return []
        if step <= self._bad_at:
            return []
        self._bad, self._bad_at = self._bad + 1, step
        return self._said.nan(step, self._bad, average or self._bad >= NAN_IN_A_ROW)

    def validated(self, step: int, loss: float) -> list[Finding]:
        """What a validation shows."""
        (total, count), self._between = self._between, (0.0, 0)
        averaged = self.last is not None and self.last.average
        training = self.smoothed.value if averaged or not count else total / count
        return self._overfitting.add(step, loss, training)

    def saved(self) -> float | None:
        """A save: the mean loss since the one before, which single steps decide less."""
        (total, count), self._unsaved = self._unsaved, (0.0, 0)
        if self.last is not None and self.last.average:
            return self.smoothed.value
        return total / count if count else None

    def epochs_of(self, steps: int) -> None:
        """So many steps are an epoch, which is what a running average runs over."""
        self._divergence.epoch_steps = self._plateau.epoch_steps = steps
        if self._recovered is None or self._recovered[0] != steps:
            recovered = Recovered(self._origin, steps, self._steps)
            judged = Divergence(self._steps // recovered.each, each=recovered.each)
            self._recovered = (steps, recovered, judged)

    def at(self, point: Point) -> Losses:
        """What stands at a point; what it does not say is as it was before."""
        before = self.recent[-1] if self.recent else None
        return Losses(
            point.step,
            point.epoch if point.epoch is not None else self.epoch,
            point.loss if point.loss is not None else (before.loss if before else None),
            self.smoothed.value,
            self.validation[1] if self.validation else None,
            point.rate if point.rate is not None else (before.rate if before else None),
            self.strain.cumulative_effort,
            point.step // LEVEL_STEPS,
        )

    def shown(self) -> dict[str, Any]:
        """All of it as JSON values, but for the losses themselves."""
        last, averaged = self._trained, self.last is not None and self.last.average
        return {
            "smoothing": "none: the trainer's own figure is a running average"
            if averaged
            else f"exponential, about {self.smoothed.span} steps",
            "loss_is": "average" if averaged else "step",
            "validation": json_number(self.validation[1]) if self.validation else None,
            "validation_step": self.validation[0] if self.validation else None,
            "gap": self._overfitting.gap,
            "gap_is": self._overfitting.stage,
            "plateau_since": self._plateau.since,
            "strain": last.strain if last else None,
            "strain_rate": last.rate if last else None,
            "zone": last.zone.value if last else None,
            "floor": self.strain.floor,
            "effort": self.strain.cumulative_effort,
            "gain": self.strain.plastic_gain,
            "efficiency": self.strain.efficiency,
            "levels": [asdict(one) for one in self.strain.levels],
        }


def json_number(value: float | None) -> float | str | None:
    """A number that JSON can say; otherwise its name."""
    if value is None or math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else str(value)
