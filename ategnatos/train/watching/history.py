"""Losses so far in little memory: blocks of logarithms, merged by pairs as they become many.

Logarithms, because the noise of a diffusion loss is a factor and not a sum: a spike of a hundred
times the usual weighs five times a doubling there, and not a hundred times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

_MOST_BLOCKS = 256
_SMALLEST = 1e-30


def logarithm(loss: float) -> float:
    """Of a loss, where 0 is as small as can be."""
    return math.log(max(loss, _SMALLEST))


@dataclass(slots=True)
class Block:
    """``count`` logarithms: their sum, and the sum of their squares."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Take in one."""
        self.count += 1
        self.total += value
        self.squares += value * value

    def merge(self, other: Block) -> None:
        """Take in all of another."""
        self.count += other.count
        self.total += other.total
        self.squares += other.squares

    @property
    def mean(self) -> float:
        """0 where it is empty."""
        return self.total / self.count if self.count else 0.0


class History:
    """Blocks from oldest to newest, all but the last of one size."""

    def __init__(self, size: int = 8) -> None:
        self.blocks: list[Block] = []
        self.count = 0
        self._size = size

    def add(self, value: float) -> None:
        """Take in one logarithm."""
        if not self.blocks or self.blocks[-1].count >= self._size:
            if len(self.blocks) >= _MOST_BLOCKS:
                for left, right in zip(self.blocks[::2], self.blocks[1::2], strict=True):
                    left.merge(right)
                self.blocks = self.blocks[::2]
                self._size *= 2
            self.blocks.append(Block())
        self.blocks[-1].add(value)
        self.count += 1

    def noise(self) -> float:
        """Standard deviation of single logarithms within blocks: the level may drift."""
        spread = sum(one.squares - one.total**2 / one.count for one in self.blocks)
        freedom = self.count - len(self.blocks)
        return math.sqrt(max(0.0, spread) / freedom) if freedom > 0 else 0.0

    def scatter(self, least: int) -> float:
        """How far parts of at least ``least`` lie from the next: the median, as the standard
        deviation that it is for normal noise; 0 where there are fewer than two. For values that
        are averages themselves.
        """
        means = []
        part = Block()
        for block in self.blocks:
            part.merge(block)
            if part.count >= least:
                means.append(part.mean)
                part = Block()
        steps = [abs(after - before) for before, after in pairwise(means)]
        return median(steps) / 0.954 if steps else 0.0

    def lowest(self, least: int, parts: int = 8) -> Block | None:
        """The part with the lowest mean, of at most ``parts`` parts of at least ``least`` each.

        None where there are too few. Few parts: the lowest of many would be so by chance.
        """
        each = max(least, -(-self.count // parts))
        found: Block | None = None
        part = Block()
        for block in self.blocks:
            part.merge(block)
            if part.count >= each:
                if found is None or part.mean < found.mean:
                    found = part
                part = Block()
        return found
