"""A 32x32 index map that shapes are painted on, in layers, with light from the top left.

Designs live on a 32x32 grid of their own: x to the right, y down, centre (16, 16). A canvas maps
its pixels back to that grid, so one design can be turned, mirrored and scaled, and is sampled
afresh each time: edges stay crisp. Shapes are boolean arrays (64, 64), two samples per pixel side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from .palette import MATERIALS

SIDE = 32
SAMPLES = 2
Point = tuple[float, float]
Shape = np.ndarray

EDGE, SHADOW, BASE, LIGHT, SHINE = range(5)  # the steps of a ramp


class Canvas:
    """Index map under construction.

    Args:
        scale: size of the design on the canvas, 1.0 fills it.
        turn: rotation in degrees, clockwise.
        mirror: swap left and right.
        flat: paint without shading.
    """

    def __init__(
        self, scale: float = 1.0, turn: float = 0.0, mirror: bool = False, flat: bool = False
    ) -> None:
        self.scale, self.mirror, self.flat = scale, mirror, flat
        self.cosine, self.sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        places = (np.arange(SIDE * SAMPLES) + 0.5) / SAMPLES - SIDE / 2
        across, down = np.meshgrid(places, places)
        x = (across * self.cosine + down * self.sine) / scale
        y = (down * self.cosine - across * self.sine) / scale
        self.x = (-x if mirror else x) + SIDE / 2
        self.y = y + SIDE / 2
        self.material = np.zeros((SIDE, SIDE), np.uint8)
        self.shade = np.full((SIDE, SIDE), BASE, np.int8)

    # --- shapes -------------------------------------------------------------------------------

    def polygon(self, points: Sequence[Point]) -> Shape:
        """Return the inside of a closed polygon (even-odd rule)."""
        inside = np.zeros(self.x.shape, bool)
        for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
            if y0 == y1:
                continue
            crosses = (self.y >= min(y0, y1)) & (self.y < max(y0, y1))
            inside ^= crosses & (self.x < x0 + (self.y - y0) * (x1 - x0) / (y1 - y0))
        return inside

    def mirrored(self, half: Sequence[Point], axis: float = 16.0) -> Shape:
        """Return a polygon given by its right half, from the top down, mirrored at x = `axis`."""
        return self.polygon([*half, *((2 * axis - x, y) for x, y in reversed(half))])

    def ellipse(self, x: float, y: float, rx: float, ry: float | None = None) -> Shape:
        """Return an ellipse with radii `rx`, `ry` (a circle without `ry`)."""
        return ((self.x - x) / rx) ** 2 + ((self.y - y) / (ry or rx)) ** 2 <= 1.0

    def box(self, x0: float, y0: float, x1: float, y1: float, corner: float = 0.0) -> Shape:
        """Return a rectangle, its corners cut by `corner`."""
        inside = (self.x >= x0) & (self.x <= x1) & (self.y >= y0) & (self.y <= y1)
        if corner:
            reach = np.minimum(self.x - x0, x1 - self.x) + np.minimum(self.y - y0, y1 - self.y)
            inside &= reach >= corner
        return inside

    def line(self, *points: Point, width: float) -> Shape:
        """Return a line through `points` with round ends, never thinner than a pixel."""
        width = max(width, 1.05 / self.scale)
        inside = np.zeros(self.x.shape, bool)
        for (x0, y0), (x1, y1) in pairwise(points):
            dx, dy = x1 - x0, y1 - y0
            length = dx * dx + dy * dy or 1.0
            along = np.clip(((self.x - x0) * dx + (self.y - y0) * dy) / length, 0.0, 1.0)
            gap = (self.x - x0 - along * dx) ** 2 + (self.y - y0 - along * dy) ** 2
            inside |= gap <= (width / 2) ** 2
        return inside

    def ring(self, x: float, y: float, radius: float, width: float, tall: float = 1.0) -> Shape:
        """Return a ring around (x, y), `width` wide, stretched vertically by `tall`."""
        distance = np.hypot(self.x - x, (self.y - y) / tall)
        return np.abs(distance - radius) <= width / 2

    # --- painting -----------------------------------------------------------------------------

    def paint(
        self,
        shape: Shape,
        material: str,
        shade: int | None = None,
        on: str | None = None,
        facet: bool = False,
    ) -> None:
        """Paint `shape` with `material`; without `shade`, as a rounded body in the light.

        A `facet` keeps its `shade` only when the sprite is not flat.
        `on` limits the paint to pixels that have that material already.
        """
        counts = shape.reshape(SIDE, SAMPLES, SIDE, SAMPLES).sum((1, 3))
        mask = counts * 2 >= SAMPLES * SAMPLES
        if on is not None:
            mask &= self.material == MATERIALS.index(on)
        if shade is None or (facet and self.flat):
            levels = np.full(mask.shape, BASE, np.int8) if self.flat else relief(mask)
            self.shade[mask] = levels[mask]
        else:
            self.shade[mask] = shade
        self.material[mask] = MATERIALS.index(material)

    def tone(self, shape: Shape, step: int, on: str = "main") -> None:
        """Shift the shade of `on` pixels under `shape` by `step`; nothing when flat."""
        if self.flat:
            return
        counts = shape.reshape(SIDE, SAMPLES, SIDE, SAMPLES).sum((1, 3))
        mask = (counts * 2 >= SAMPLES * SAMPLES) & (self.material == MATERIALS.index(on))
        self.shade[mask] = np.clip(self.shade[mask] + step, EDGE, SHINE)

    def place(self, x: float, y: float) -> Point:
        """Return the canvas position, in pixels, of the design point (x, y)."""
        x, y = (x - 16) * self.scale * (-1 if self.mirror else 1), (y - 16) * self.scale
        return x * self.cosine - y * self.sine + 16, x * self.sine + y * self.cosine + 16

    def dots(
        self, x: float, y: float, material: str, shade: int, size: tuple[float, float] = (1, 1)
    ) -> None:
        """Paint a block of whole pixels centred on (x, y); `size` on the design, at least 1."""
        across, down = (max(1, round(side * self.scale)) for side in size)
        column, row = self.place(x, y)
        left, top = nearest(column - across / 2, column), nearest(row - down / 2, row)
        rows, columns = slice(max(top, 0), top + down), slice(max(left, 0), left + across)
        self.material[rows, columns] = MATERIALS.index(material)
        self.shade[rows, columns] = shade

    def erase(self, shape: Shape) -> None:
        """Make the pixels under `shape` transparent."""
        counts = shape.reshape(SIDE, SAMPLES, SIDE, SAMPLES).sum((1, 3))
        self.material[counts * 2 >= SAMPLES * SAMPLES] = 0


def nearest(start: float, centre: float) -> int:
    """Round `start`; halves go outwards from the middle, so that pairs stay symmetric."""
    inward = centre < SIDE / 2
    return math.ceil(start - 0.5) if inward else math.floor(start + 0.5)


def relief(mask: np.ndarray) -> np.ndarray:
    """Shade `mask` (32, 32) as a raised body lit from the top left; returns ramp steps (32, 32)."""
    height = mask.astype(np.float32)
    solid = np.pad(height, 4)
    for _ in range(3):
        solid = blur(solid)
    height = solid[4:-4, 4:-4]
    padded = np.pad(height, 1)
    slope = (padded[2:, 1:-1] - padded[:-2, 1:-1]) + (padded[1:-1, 2:] - padded[1:-1, :-2])
    levels = np.full(mask.shape, BASE, np.int8)
    levels[slope > 0.30] = LIGHT
    levels[slope < -0.30] = SHADOW
    levels[slope < -0.62] = EDGE
    return levels


def blur(field: np.ndarray) -> np.ndarray:
    """Smooth `field` with the kernel 1 2 1 along both axes."""
    padded = np.pad(field, 1)
    field = (padded[:-2, 1:-1] + 2 * padded[1:-1, 1:-1] + padded[2:, 1:-1]) / 4
    padded = np.pad(field, 1)
    return (padded[1:-1, :-2] + 2 * padded[1:-1, 1:-1] + padded[1:-1, 2:]) / 4
