"""A loss that no longer falls: said only where a fall worth having can be ruled out.

"Five losses within 0.01" fires on any noise. Here the window (a quarter of the run) is cut into
twenty blocks; the newer ten are held against the older ten, with the error that the blocks' own
scatter gives. A plateau is where even the best case of that comparison, two and a half standard
errors to the good side, is an improvement of less than a tenth, at two looks in a row. Where the
noise is too large to tell, nothing is said.
"""

from __future__ import annotations

import math
from collections import deque

from ategnatos.train.watching.history import Block, logarithm
from ategnatos.train.watching.values import Finding

FEWEST = 200
BLOCKS = 20
ERRORS = 2.5
WORTH = 0.10
# How noisy single losses are at least, as a logarithm, where only running averages are known.
_NOISE_OF_AVERAGES = 0.5


class Plateau:
    """Give it each loss in order; it says a plateau once, and again after the loss fell anew."""

    def __init__(self, steps: int) -> None:
        self._size = max(FEWEST, steps // 4) // BLOCKS
        self._blocks: deque[float] = deque(maxlen=BLOCKS)
        self._block = Block()
        self._average = False
        self._held = 0
        self.since: int | None = None

    def add(self, step: int, loss: float, *, average: bool = False) -> list[Finding]:
        """What the loss of one more step shows."""
        if not math.isfinite(loss):
            return []
        self._average = average
        self._block.add(logarithm(loss))
        if self._block.count < self._size:
            return []
        self._blocks.append(self._block.mean)
        self._block = Block()
        return self._look(step) if len(self._blocks) == BLOCKS else []

    def _look(self, step: int) -> list[Finding]:
        blocks = list(self._blocks)
        half = BLOCKS // 2
        older, newer = blocks[:half], blocks[half:]
        change = sum(newer) / half - sum(older) / half
        error = math.sqrt((_variance(older) + _variance(newer)) / half)
        if self._average:
            error = max(error, _NOISE_OF_AVERAGES * math.sqrt(2 / (half * self._size)))
        best = -change + ERRORS * error
        flat = best < WORTH and change < ERRORS * error
        self._held = self._held + 1 if flat else 0
        if not flat and change < -ERRORS * error:
            self.since = None
        if self._held < 2 or self.since is not None:
            return []
        window = BLOCKS * self._size
        self.since = step
        return [
            Finding(
                "plateau",
                "note",
                f"The loss no longer falls: over the last {window} steps it changed by "
                f"{100 * math.expm1(change):+.1f} %, and even with all of its noise to the good "
                f"side by no more than {100 * -math.expm1(-best):.1f} % (step {step}). More steps "
                "of this kind bring little by the loss; look at the sample pictures, they decide.",
                {
                    "step": step,
                    "window": window,
                    "change": math.expm1(change),
                    "best_case": -math.expm1(-best),
                    "standard_error": error,
                },
            )
        ]


def _variance(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return sum((one - mean) ** 2 for one in values) / (len(values) - 1)
