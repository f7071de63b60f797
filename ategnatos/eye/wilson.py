"""The Wilson score interval: how far a rate may be from what was counted.

Unlike the plain one it stays inside 0 to 1 and is honest for three verdicts. Source: E. B.
Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
"""

from __future__ import annotations

import math

# Two-sided 95 percent of the normal distribution.
Z95 = 1.959963984540054


def wilson(successes: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """Lowest and highest rate that ``successes`` of ``trials`` (1 or more) are likely under.

    Raises ValueError for counts that cannot be.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} cannot be")
    rate, square = successes / trials, z * z
    middle = (rate + square / (2 * trials)) / (1 + square / trials)
    spread = rate * (1 - rate) / trials + square / (4 * trials * trials)
    half = z * math.sqrt(spread) / (1 + square / trials)
    # Rounding may put an end a hair on the wrong side of the rate itself.
    return max(0.0, min(middle - half, rate)), min(1.0, max(middle + half, rate))
