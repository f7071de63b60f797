"""Random numbers that are the same for the same names, on any machine and with any numpy.

A draw is named by whole numbers (seed, purpose, step) and depends on nothing drawn before. So an
interrupted training needs no generator's state to go on exactly: the step's number is enough.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


class Draws:
    """A stream of numbers for one name; each call goes on where the last one ended.

    The bits come from PCG64 over a SeedSequence, whose streams numpy promises to keep (NEP 19);
    what numpy makes of them may change, so that is done here.
    """

    def __init__(self, *name: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(name))

    def uniform(self, count: int) -> Doubles:
        """Numbers between 0 and 1, neither included."""
        raw = self._bits.random_raw(count) >> np.uint64(11)
        return (raw.astype(np.float64) + 0.5) * 2.0**-53

    def normal(self, *shape: int) -> npt.NDArray[np.float32]:
        """Standard normal numbers, by Box and Muller."""
        size = math.prod(shape)
        pairs = (size + 1) // 2
        radius = np.sqrt(-2 * np.log(self.uniform(pairs)))
        angle = 2 * math.pi * self.uniform(pairs)
        values = np.concatenate((radius * np.cos(angle), radius * np.sin(angle)))[:size]
        return values.astype(np.float32).reshape(shape)

    def whole(self, count: int, below: int) -> npt.NDArray[np.int64]:
        """Whole numbers from 0 up to and not including ``below``."""
        return np.minimum((self.uniform(count) * below).astype(np.int64), below - 1)

    def order(self, count: int) -> npt.NDArray[np.int64]:
        """The numbers 0 to count - 1 in random order."""
        return np.argsort(self.uniform(count), kind="stable").astype(np.int64)
