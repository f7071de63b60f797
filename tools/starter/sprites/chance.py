"""The few random choices that a drawing makes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Choice = TypeVar("Choice")


class Chance:
    """A seeded source of proportions and variants."""

    def __init__(self, generator: np.random.Generator) -> None:
        self.generator = generator

    def between(self, low: float, high: float) -> float:
        """Return a uniform number between `low` and `high`."""
        return float(self.generator.uniform(low, high))

    def flip(self, share: float = 0.5) -> bool:
        """Return True with probability `share`."""
        return bool(self.generator.random() < share)

    def pick(self, options: Sequence[Choice]) -> Choice:
        """Return one of `options`."""
        return options[int(self.generator.integers(len(options)))]
