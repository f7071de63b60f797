"""A loss that no longer falls: said only where a fall worth having can be ruled out.

"Five losses within 0.01" fires on any noise. Here the loss is cut into blocks; the newer half of a
window is held against its older half, with the error that the blocks' own scatter gives. A plateau
is where even the best case of that comparison, two and a half standard errors to the good side, is
a fall of less than a fifth over a third of the run, at two looks in a row. Windows of a third and
of two thirds of the run are tried: the longer one sees through more noise. Where the noise is too
large to tell, nothing is said.
"""

from __future__ import annotations

import math
from collections import deque

from ategnatos.train.watching.history import Block, logarithm
from ategnatos.train.watching.values import Finding

FEWEST = 200
BLOCKS = 20
ERRORS = 2.5
WORTH = -math.log1p(-0.2)
# Blocks of a running average repeat each other: fewer of them, each an epoch at least, and their
# scatter counts for more.
AVERAGED_BLOCKS, REPEATED = 12, 1.6


class Plateau:
    """Give it each loss in order; it says a plateau once, and again after the loss fell anew."""

    def __init__(self, steps: int) -> None:
        self._third = max(FEWEST, steps // 3)
        self._blocks: deque[float] = deque(maxlen=2 * BLOCKS)
        self._block = Block()
        self._average = False
        self._held = 0
        self.since: int | None = None
        self.epoch_steps = 0

    def add(self, step: int, loss: float, *, average: bool = False) -> list[Finding]:
        """What the loss of one more step shows."""
        if not math.isfinite(loss):
            return []
        self._average = average
        self._block.add(logarithm(loss))
        if self._block.count < self._size():
            return []
        self._blocks.append(self._block.mean)
        self._block = Block()
        return self._look(step)

    def _size(self) -> int:
        """How many steps are in a block."""
        if self._average:
            return max(self._third // AVERAGED_BLOCKS, self.epoch_steps)
        return self._third // BLOCKS

    def _look(self, step: int) -> list[Finding]:
        count = AVERAGED_BLOCKS if self._average else BLOCKS
        seen = [
            self._seen(list(self._blocks)[-width:])
            for width in (count, 2 * count)
            if len(self._blocks) >= width
        ]
        flat = [one for one in seen if one[2] < WORTH and one[1] < ERRORS * one[3]]
        falls = bool(seen) and all(change < -ERRORS * error for _, change, _, error in seen)
        self._held = self._held + 1 if flat else 0
        if falls and not flat:
            self.since = None
        if self._held < 2 or self.since is not None:
            return []
        self.since = step
        window, change, best, error = flat[0]
        return [
            Finding(
                "plateau",
                "note",
                f"The loss no longer falls: between the halves of the last {window} steps it "
                f"changed by {100 * math.expm1(change):+.1f} %, and even with its noise to the "
                f"good side it falls by no more than {100 * -math.expm1(-best):.0f} % in "
                f"{self._third} steps (step {step}). More steps of this kind bring little by the "
                "loss; look at the sample pictures, they decide.",
                {
                    "step": step,
                    "window": window,
                    "change": math.expm1(change),
                    "best_case": -math.expm1(-best),
                    "best_case_over": self._third,
                    "standard_error": error,
                },
            )
        ]

    def _seen(self, blocks: list[float]) -> tuple[int, float, float, float]:
        """Window, change between its halves, the best case of a fall over a third, the error."""
        half = len(blocks) // 2
        window = len(blocks) * self._size()
        older, newer = blocks[:half], blocks[half:]
        change = sum(newer) / half - sum(older) / half
        error = math.sqrt((_variance(older) + _variance(newer)) / half)
        if self._average:
            error *= REPEATED
        best = (ERRORS * error - change) * 2 * self._third / window
        return window, change, best, error


def _variance(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return sum((one - mean) ** 2 for one in values) / (len(values) - 1)
