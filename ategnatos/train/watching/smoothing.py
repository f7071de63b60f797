"""The smoothed loss: an exponential moving average without the pull of its beginning.

The loss of one step of a diffusion model says mostly which noise level was drawn for it: it jumps
by a factor of two and more while nothing happens. An exponential average needs one number of
memory, follows within some steps, and can be reckoned anew from the curve to the last bit. It is
divided by the weight that it has seen so far (as in Adam, arXiv:1412.6980), so that the first
steps are not pulled to zero. Losses that a trainer averaged already are shown as they are:
averaged twice, they would lag twice.
"""

from __future__ import annotations

import math

# About as many steps as count: a fiftieth of the run, within bounds.
SHARE, FEWEST, MOST = 50, 10, 200


def span_of(steps: int) -> int:
    """Over how many steps a run of so many is smoothed.

    >>> span_of(60), span_of(2000), span_of(100_000)
    (10, 40, 200)
    """
    return max(FEWEST, min(MOST, steps // SHARE))


class Smoothed:
    """The average so far; ``value`` is None before the first loss. NaN is left out."""

    def __init__(self, span: int) -> None:
        self.span = span
        self.value: float | None = None
        self._keep = 1 - 2 / (span + 1)
        self._sum = 0.0
        self._weight = 0.0

    def add(self, loss: float, *, average: bool = False) -> None:
        """Take in the loss of one more step."""
        if not math.isfinite(loss):
            return
        if average:
            self.value = loss
            return
        self._sum = self._sum * self._keep + loss * (1 - self._keep)
        self._weight = self._weight * self._keep + (1 - self._keep)
        self.value = self._sum / self._weight
