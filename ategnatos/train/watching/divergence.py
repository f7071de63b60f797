"""A loss that has left its level for good: against the lowest level that the run had, by its noise.

One high loss says nothing. The geometric mean over a window of recent steps is held against the
lowest part of everything before, and it must be higher by a factor *and* by many times what the
run's own noise explains, at two looks in a row. A spike that passes is no divergence.
"""

from __future__ import annotations

import math
from collections import deque

from ategnatos.train.watching.history import History, logarithm
from ategnatos.train.watching.values import Finding

# Factor over the lowest level, and how many standard errors beyond it, for a warning and a stop.
WARN, STOP = (2.0, 5.0), (4.0, 6.0)
FEWEST, MOST = 20, 100
# A running average says nothing of its level before it has run for a while.
AVERAGE_SETTLES = 50
_BEGINNING, _EXPLODED = 3, 20.0


class Divergence:
    """Give it each loss in order; it says a warning and a stop once each."""

    def __init__(self, steps: int) -> None:
        self._width = max(FEWEST, min(MOST, steps // 50))
        self._recent: deque[float] = deque(maxlen=self._width)
        self._history = History()
        self._first: list[float] = []
        self._seen = 0
        self._held = {"warn": 0, "stop": 0}
        self._said: set[str] = set()

    def add(self, step: int, loss: float, *, average: bool = False) -> list[Finding]:
        """What the loss of one more step shows."""
        self._seen += 1
        if not math.isfinite(loss) or (average and self._seen <= AVERAGE_SETTLES):
            return []
        value = logarithm(loss)
        if len(self._first) < _BEGINNING:
            self._first.append(value)
        if len(self._recent) == self._width:
            self._history.add(self._recent[0])
        self._recent.append(value)
        if self._seen % max(1, self._width // 4) and self._seen > self._width:
            return []
        return self._look(step)

    def _look(self, step: int) -> list[Finding]:
        level = sum(self._recent) / len(self._recent)
        lowest = self._history.lowest(self._width)
        if lowest is None:
            return self._exploded(step, level)
        rise = level - lowest.mean
        error = self._history.noise() * math.sqrt(1 / len(self._recent) + 1 / lowest.count)
        found = []
        for name, (factor, errors) in (("warn", WARN), ("stop", STOP)):
            beyond = rise > math.log(factor) and rise > errors * error
            self._held[name] = self._held[name] + 1 if beyond else 0
            if self._held[name] >= 2 and name not in self._said:
                self._said.add(name)
                found.append(self._finding(name, step, level, lowest.mean, rise, error))
        return found

    def _exploded(self, step: int, level: float) -> list[Finding]:
        """Before there is a level: every recent loss far above each of the first."""
        later = list(self._recent)[_BEGINNING:]
        if len(later) < 10 or "stop" in self._said:
            return []
        if min(later[-10:]) < max(self._first) + math.log(_EXPLODED):
            return []
        self._said.update(("warn", "stop"))
        mean = sum(self._first) / len(self._first)
        return [self._finding("stop", step, level, mean, level - mean, 0.0)]

    def _finding(
        self, name: str, step: int, level: float, lowest: float, rise: float, error: float
    ) -> Finding:
        now, before, times = math.exp(level), math.exp(lowest), math.exp(rise)
        text = (
            f"The loss has left its level: {now:.4g} over the last {len(self._recent)} steps, "
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
                "window": len(self._recent),
                "standard_errors": rise / error if error else None,
            },
        )
