"""A figure and the band that it falls into: upper bounds belong to the band above, tolerantly.

A loss of 0.8 over a floor of 0.5 is 0.30000000000000004 in a computer, and 0.1 + 0.2 is not 0.3:
what is within a billionth of a bound is at the bound.
"""

from __future__ import annotations

from collections.abc import Sequence

TOLERANCE = 1e-9


def band(value: float, bounds: Sequence[float]) -> int:
    """How many of the rising ``bounds`` are reached: 0 is below the first.

    >>> [band(one, (0.1, 0.3, 0.5)) for one in (0.0, 0.1, 0.8 - 0.5, 0.3 - 1e-12, 0.5)]
    [0, 1, 2, 2, 3]
    """
    return sum(value > bound - TOLERANCE for bound in bounds)
