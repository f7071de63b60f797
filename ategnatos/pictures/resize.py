"""Pixel art and photographs told apart by their pixels, and each resized in its own way."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL import Image

Resample = Literal["auto", "nearest", "lanczos"]

# A picture this small is meant pixel by pixel, whatever its colours.
_SPRITE_SIDE = 64
# A larger one counts as pixel art at its own size when it has the palette of a console.
_LARGE_SPRITE_SIDE = 128
_LARGE_SPRITE_COLOURS = 64
# Rows looked at before the next are fetched.
_STRIP = 32


@dataclass(frozen=True, slots=True)
class PixelGrid:
    """What the pixels say: ``scale`` screen pixels make one pixel of the art, on each side.

    ``width`` and ``height`` are those of the art itself, in its own pixels. ``is_art`` is
    False for photographs and paintings, where ``scale`` is 1.
    """

    is_art: bool
    scale: int
    width: int
    height: int


def pixel_grid(image: Image.Image) -> PixelGrid:
    """Find the grid of an RGBA image: the largest square block size that all blocks agree on.

    A picture enlarged by nearest neighbour has one (a 32x32 sprite saved as 512x512: 16); a
    photograph has none, which its first rows show. Cost: at most two passes over the pixels.
    """
    width, height = image.size
    scale = _block_side(image)
    if scale > 1:
        return PixelGrid(True, scale, width // scale, height // scale)
    small = max(width, height) <= _SPRITE_SIDE
    if not small and max(width, height) <= _LARGE_SPRITE_SIDE:
        small = image.getcolors(_LARGE_SPRITE_COLOURS) is not None
    return PixelGrid(small, 1, width, height)


def resize(image: Image.Image, size: tuple[int, int], resample: Resample) -> Image.Image:
    """``image`` (RGBA) at exactly ``size``.

    ``nearest`` repeats or drops pixels, starting from the art's own grid where there is one;
    ``lanczos`` works on premultiplied colour, so no hidden colour bleeds in at soft edges;
    ``auto`` is nearest for pixel art that is not made smaller than its own grid, else Lanczos.
    """
    from PIL import Image

    if image.size == size:
        return image
    if resample == "lanczos":
        # Pillow premultiplies RGBA for every filter but nearest.
        return image.resize(size, Image.Resampling.LANCZOS)
    grid = pixel_grid(image)
    if resample == "auto":
        fits = size[0] >= grid.width and size[1] >= grid.height
        resample = "nearest" if grid.is_art and fits else "lanczos"
    if resample == "nearest":
        art = native(image, grid)
        return art.resize(size, Image.Resampling.NEAREST)
    return image.resize(size, Image.Resampling.LANCZOS)


def native(image: Image.Image, grid: PixelGrid) -> Image.Image:
    """The art at its own size: one pixel a block."""
    from PIL import Image

    if grid.scale == 1:
        return image
    return image.resize((grid.width, grid.height), Image.Resampling.NEAREST)


def _block_side(image: Image.Image) -> int:
    """The greatest common divisor of all places where a column or row differs from the last."""
    from PIL import Image

    down = _common(image, image.height)
    # What divides every step down and nothing but 1 needs no look across.
    if down == 1:
        return 1
    across = _common(image.transpose(Image.Transpose.TRANSPOSE), image.width)
    side = gcd(down, across, *image.size)
    # One flat colour shows no grid.
    return 1 if down == image.height and across == image.width else side


def _common(image: Image.Image, divisor: int) -> int:
    """The greatest divisor of ``divisor`` and of every row that differs from the row above."""
    # Compared as bytes: exact, and a sheet needs no numpy, which takes 0.1 s to load. In strips,
    # since most pictures show in the first of them that they have no grid.
    for top in range(0, image.height, _STRIP):
        # Each strip begins with the last row of the one before.
        first = max(0, top - 1)
        strip = image.crop((0, first, image.width, min(image.height, top + _STRIP)))
        pixels = strip.tobytes()
        row = len(pixels) // strip.height
        above = pixels[:row]
        for number in range(1, strip.height):
            here = pixels[number * row : (number + 1) * row]
            if here != above:
                divisor = gcd(divisor, first + number)
                if divisor == 1:
                    return 1
            above = here
    return divisor
