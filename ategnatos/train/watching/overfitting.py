"""Overfitting, told by pictures that are not trained on.

The gap is how far the validation loss lies above the training loss: in loss, and as a share of the
training loss, because a diffusion loss of 0.1 never has a gap of 0.3. The larger of the two
counts: below 0.3 fine, to 0.5 watch, above overfitting. Some pictures are harder than others, so a
gap alone is no proof: it is called overfitting only where the validation loss has also risen from
its lowest, by more than the validations' own noise explains: the middle of the last three speaks,
and their noise is told by how far each lies from the one before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ategnatos.train.watching.bands import band
from ategnatos.train.watching.values import Finding

BOUNDS = (0.3, 0.5)
NAMES = ("fine", "watch", "overfitting")
ROSE = 0.05
# The lowest of many is low by chance: by so many times the noise of one, a rise is none.
NOISES = 4.5
_MIDDLE = 3
_FEWEST = 5
# More than any plan validates; the newest are kept.
_MOST = 4096


@dataclass(frozen=True, slots=True)
class Validation:
    """One look at the held-out pictures; ``training`` is the mean of the losses before."""

    step: int
    loss: float
    training: float | None


class Overfitting:
    """Give it each validation; it says each stage once."""

    def __init__(self) -> None:
        self.seen: list[Validation] = []
        self._best: tuple[float, int] | None = None
        self._said: set[str] = set()

    @property
    def gap(self) -> float | None:
        """The gap now, or None before the first validation."""
        recent = [one for one in self.seen[-_MIDDLE:] if one.training]
        if not recent:
            return None
        validation = median(one.loss for one in recent)
        training = median(one.training or 0.0 for one in recent)
        apart = validation - training
        return max(apart, apart / max(training, 1e-12))

    @property
    def stage(self) -> str | None:
        """``fine``, ``watch`` or ``overfitting`` by the gap alone."""
        gap = self.gap
        return None if gap is None else NAMES[band(gap, BOUNDS)]

    def add(self, step: int, loss: float, training: float | None) -> list[Finding]:
        """What one more validation shows."""
        if not math.isfinite(loss):
            return []
        self.seen.append(Validation(step, loss, training))
        del self.seen[:-_MOST]
        now = median(one.loss for one in self.seen[-_MIDDLE:])
        if len(self.seen) >= _MIDDLE and (self._best is None or now < self._best[0]):
            self._best = (now, self.seen[-_MIDDLE + 1].step)
        gap, best = self.gap, self._best
        if len(self.seen) < _FEWEST or gap is None or best is None:
            return []
        rise = now / max(best[0], 1e-12) - 1
        stage = NAMES[band(gap, BOUNDS)]
        if (
            rise < ROSE
            or now - best[0] < NOISES * self._noise()
            or stage == "fine"
            or stage in self._said
        ):
            return []
        self._said.update(("watch", stage))
        return [self._finding(stage, step, now, best, gap, rise)]

    def _noise(self) -> float:
        """Standard deviation of one validation: the median step from one to the next, which is
        0.954 of it for normal noise.
        """
        steps = [abs(after.loss - before.loss) for before, after in pairwise(self.seen)]
        return median(steps) / 0.954

    def _finding(
        self, stage: str, step: int, now: float, best: tuple[float, int], gap: float, rise: float
    ) -> Finding:
        lowest, at = best
        seen = (
            f"The validation loss was lowest around step {at} ({lowest:.4g}) and has risen by "
            f"{100 * rise:.0f} % since ({now:.4g} at step {step}); the gap to the training loss "
            f"is {gap:.2f}"
        )
        if stage == "overfitting":
            text = f"{seen}, above {BOUNDS[1]}: it learns its pictures by heart. Checkpoints"
            text += f" around step {at} are likely the better ones."
        else:
            text = f"{seen}: from {BOUNDS[1]} on it would be overfitting. Watch the samples."
        return Finding(
            stage if stage == "overfitting" else "gap",
            "warn" if stage == "overfitting" else "note",
            text,
            {
                "step": step,
                "gap": gap,
                "validation": now,
                "lowest": lowest,
                "lowest_at": at,
                "rise": rise,
            },
        )
