"""Losses of single stretches, out of the running average that kohya prints.

The average runs over the last epoch of N steps, and over all of them in the first epoch. So the sum
of all losses up to step n is

    S(n) = n * average(n)                   in the first epoch,
    S(n) = S(n - N) + N * average(n)        after it,

and what lies between two sums is the loss of the steps between. It is printed with three digits,
and that is what limits it: the rounding of one figure is multiplied by N, and by another of its
kind for each epoch. A single step is mostly lost in it (N = 150: as large as the loss itself); the
mean over a stretch of B steps is known B times as well. B is chosen so that rounding moves the mean
by no more than a seventh.
"""

from __future__ import annotations

import math

# Three digits: the worst figure is 1.00, off by at most half a hundredth, evenly; two of them.
_ROUNDING = 0.01 / math.sqrt(12) * math.sqrt(2)
_MOST_ERROR = 0.25
# Below this share of the average a recovered loss is rounding and not a loss.
_LEAST = 0.1


class Recovered:
    """Give it each average in order. ``origin`` is the step that this process of the trainer began
    after (its average knows nothing of before), ``epoch`` N, ``steps`` the whole plan's.
    """

    def __init__(self, origin: int, epoch: int, steps: int) -> None:
        self._origin, self._epoch = origin, max(1, epoch)
        length = max(self._epoch, steps - origin)
        self.each = max(1, math.ceil(math.sqrt(length * self._epoch) * _ROUNDING / _MOST_ERROR))
        self._sums = {0: 0.0}
        self._last = (0, 0.0)

    def add(self, step: int, average: float) -> float | None:
        """The mean loss of the stretch that ends with this step, where one does; None else.

        Steps that were not seen make a stretch longer; an epoch of them is not bridged.
        """
        number = step - self._origin
        if number <= 0 or not math.isfinite(average):
            return None
        if number <= self._epoch:
            total = number * average
        elif (before := self._sums.pop(number - self._epoch, None)) is not None:
            total = before + self._epoch * average
        else:
            return None
        self._sums[number] = total
        begin, least = self._last
        if number - begin < self.each:
            return None
        self._last = (number, total)
        return max((total - least) / (number - begin), _LEAST * average)
