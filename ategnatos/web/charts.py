"""Curves as SVG paths, with axes that a page can letter itself.

An SVG that is stretched to its place would stretch letters and dots too: so axes are given as
texts for the page to set beside it, and dots as strokes of no length with round ends.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000.0, 300.0
_STEPS_OF_AN_AXIS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_INTERVALS = 4

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Frame:
    """The values at the edges: ``x`` from ``left`` to ``right``, ``y`` from ``low`` to ``high``."""

    left: float
    right: float
    low: float
    high: float

    def place(self, x: float, y: float) -> Point:
        """Where a value lies in the drawing; what is above or below is at its edge."""
        wide = self.right - self.left or 1.0
        tall = self.high - self.low or 1.0
        across = (x - self.left) / wide * WIDTH
        up = (min(max(y, self.low), self.high) - self.low) / tall
        return across, HEIGHT - up * HEIGHT


def frame(xs: Sequence[float], high: float, *, right: float = 0.0) -> Frame:
    """A frame from 0 to a round number at or above ``high``, and over all ``xs``."""
    last = max([right, *xs[-1:]], default=1.0)
    return Frame(min([0.0, *xs[:1]]), last or 1.0, 0.0, above(high))


def above(value: float) -> float:
    """A number at or above a positive ``value`` whose quarters read well.

    >>> above(0.37), above(0.0), above(812)
    (0.4, 1.0, 1000.0)
    """
    if not math.isfinite(value) or value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    lead = next(one for one in _STEPS_OF_AN_AXIS if one * power >= value * (1 - 1e-9))
    return float(f"{lead * power:.12g}")


def line(at: Frame, points: Iterable[Point]) -> str:
    """The ``d`` of a path through points; one that is no number breaks it."""
    words: list[str] = []
    begun = False
    for x, y in points:
        if not math.isfinite(y):
            begun = False
            continue
        across, down = at.place(x, y)
        words.append(f"{'L' if begun else 'M'}{across:.1f} {down:.1f}")
        begun = True
    return "".join(words)


def dots(at: Frame, points: Iterable[Point]) -> str:
    """The ``d`` of a path with a stroke of no length at each point."""
    placed = (at.place(x, y) for x, y in points if math.isfinite(y))
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in placed)


def upright(at: Frame, xs: Iterable[float]) -> str:
    """The ``d`` of a path with a line from top to bottom at each ``x``."""
    return "".join(f"M{at.place(x, 0)[0]:.1f} 0V{HEIGHT:.0f}" for x in xs)


def letters(low: float, high: float) -> list[str]:
    """What stands at each quarter of an axis, from ``low`` up.

    >>> letters(0, 0.4)
    ['0', '0.1', '0.2', '0.3', '0.4']
    """
    return [spoken(low + (high - low) * part / _INTERVALS) for part in range(_INTERVALS + 1)]


def spoken(value: float) -> str:
    """A number in few signs.

    >>> spoken(0.00012), spoken(1500.0), spoken(0.1234567)
    ('1.2e-4', '1,500', '0.123')
    """
    if value == 0:
        return "0"
    if abs(value) < 0.001:
        lead, _, power = f"{value:.2e}".partition("e")
        return f"{lead.rstrip('0').rstrip('.')}e{int(power)}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
