"""A loss that has left its level for good: against the lowest level that the run had, by its noise.

One high loss says nothing. The median over a window of recent steps is held against the lowest part
of everything before, and it must be higher by a factor *and* by many times what the run's own noise
explains, at two looks in a row. Spikes that pass are no divergence.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import median

from ategnatos.train.watching.history import Block, History, logarithm
from ategnatos.train.watching.values import Finding

# Factor over the lowest level, and how many standard errors beyond it, for a warning and a stop.
WARN, STOP = (2.0, 5.0), (4.0, 6.0)
FEWEST, MOST = 20, 100
# Of means over several steps each, which scatter less.
FEWEST_MEANS = 8
# A running average says nothing of its level before it has run for an epoch. One spike stays in it
# as long: what holds no longer than that was one, where an epoch is so short that it shows.
AVERAGE_SETTLES = 50
LONGEST_SPIKE = 200
# The variance of a median of normal values, as many times that of their mean.
_OF_MEDIAN = math.pi / 2
_BEGINNING, _EXPLODED, _LATER = 3, 20.0, 10


class Divergence:
    """Give it each loss in order; it says a warning and a stop once each. ``each``: a loss is the
    mean over so many steps.
    """

    def __init__(self, steps: int, *, each: int = 1) -> None:
        self._each = each
        self._width = max(FEWEST if each == 1 else FEWEST_MEANS, min(MOST, steps // 50))
        self._every = max(1, self._width // 4)
        self._recent: deque[float] = deque(maxlen=self._width)
        self._history = History()
        self._first: list[float] = []
        self._later: deque[float] = deque(maxlen=_LATER)
        self._seen = 0
        self._averaged = False
        self._held = {"warn": 0, "stop": 0}
        self._said: set[str] = set()
        # Steps that a running average runs over, where the trainer says it.
        self.epoch_steps = AVERAGE_SETTLES

    def add(self, step: int, loss: float, *, average: bool = False) -> list[Finding]:
        """What the loss of one more step shows."""
        self._seen += 1
        self._averaged = average
        if not math.isfinite(loss):
            return []
        value = logarithm(loss)
        if len(self._first) < _BEGINNING:
            self._first.append(value)
            return []
        self._later.append(value)
        if average and self._seen <= max(AVERAGE_SETTLES, self.epoch_steps):
            return self._exploded(step)
        if len(self._recent) == self._width:
            self._history.add(self._recent[0])
        self._recent.append(value)
        lowest = None
        if self._history.count >= self._width:
            if self._seen % self._every:
                return []
            lowest = self._history.lowest(self._width)
        return self._exploded(step) if lowest is None else self._look(step, lowest)

    def _look(self, step: int, lowest: Block) -> list[Finding]:
        # The middle one: a burst of spikes that is shorter than half of the window is none.
        level = median(self._recent)
        rise = level - lowest.mean
        error = self._error(lowest)
        found = []
        for name, (factor, errors) in (("warn", WARN), ("stop", STOP)):
            beyond = rise > math.log(factor) and rise > errors * error
            self._held[name] = self._held[name] + 1 if beyond else 0
            if self._held[name] >= self._looks() and name not in self._said:
                self._said.add(name)
                found.append(self._finding(name, step, level, lowest.mean, rise, error))
        return found

    def _error(self, lowest: Block) -> float:
        """Standard error of the rise."""
        if not self._averaged:
            parts = _OF_MEDIAN / len(self._recent) + 1 / lowest.count
            return self._history.noise() * math.sqrt(parts)
        # Averages repeat each other: how far epochs lie apart is their noise, and it is never less
        # than what single losses of usual noise would leave.
        return max(self._history.scatter(self.epoch_steps), 1 / math.sqrt(self.epoch_steps))

    def _looks(self) -> int:
        """How many looks in a row it takes."""
        if not self._averaged:
            return 2
        longest = min(LONGEST_SPIKE, self.epoch_steps) + self._width
        return 2 + -(-longest // self._every)

    def _exploded(self, step: int) -> list[Finding]:
        """Before there is a level: every recent loss far above each of the first."""
        if len(self._later) < _LATER or "stop" in self._said:
            return []
        if min(self._later) < max(self._first) + math.log(_EXPLODED):
            return []
        self._said.update(("warn", "stop"))
        level, mean = sum(self._later) / _LATER, sum(self._first) / len(self._first)
        return [self._finding("stop", step, level, mean, level - mean, 0.0)]

    def _finding(
        self, name: str, step: int, level: float, lowest: float, rise: float, error: float
    ) -> Finding:
        window = (len(self._recent) or _LATER) * self._each
        now, before, times = math.exp(level), math.exp(lowest), math.exp(rise)
        text = (
            f"The loss has left its level: {now:.4g} over the last {window} steps, "
            f"{times:.1f} times the {before:.4g} that it had (step {step}; its noise explains "
            f"a factor of {math.exp(2 * error):.2f})."
        )
        if name == "stop":
            text += " The training diverges: nothing that comes now is of use. Lower the"
            text += " learning rate and go on from a checkpoint before the rise."
        else:
            text += " If it rises further, the training diverges."
        return Finding(
            "divergence" if name == "stop" else "rising",
            "stop" if name == "stop" else "warn",
            text,
            {
                "step": step,
                "level": now,
                "lowest": before,
                "factor": times,
                "window": window,
                "standard_errors": rise / error if error else None,
            },
        )
