"""What is kept of one picture to compare it with others: three tiny images of it.

They are made from the *base*: the picture over white, upright, in grey reduced by whole steps to
a shorter side of at least 128 pixels. Of that comes one image of 64x64, each of its pixels the
mean of what it covers, and of that a smaller one: what imagehash would say of
``squashed(base.grey)``, ``hashes`` says too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]

BASE_SIDE = 128
# A banner of 30,000 x 200 would otherwise be hashed at its full width.
_LONGEST_BASE = 1024
COLOUR_SIDE = 16
# Where a picture is larger than twice that, its colours are read from so many rows and columns.
_SAMPLED = 13 * COLOUR_SIDE
_SQUASHED = (64, 64)
# The side that imagehash resizes to for pHash at 64 bits.
_SMALLER = (32, 32)
_SHAPES: dict[str, tuple[int, ...]] = {
    "p256": _SQUASHED,
    "p64": _SMALLER,
    "colour": (COLOUR_SIDE, COLOUR_SIDE, 3),
}
_SIZES = [int(np.prod(shape)) for shape in _SHAPES.values()]
PACKED_BYTES = sum(_SIZES)
_PLACES = {name: slice(sum(_SIZES[:n]), sum(_SIZES[: n + 1])) for n, name in enumerate(_SHAPES)}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """``packed`` are three images in uint8, one after another: ``p256`` 64x64 and ``p64`` 32x32
    in grey (imagehash's inputs), ``colour`` 16x16x3. ``width`` and ``height`` are those of the
    upright picture. ValueError where ``packed`` has another length.
    """

    packed: bytes
    width: int
    height: int

    def __post_init__(self) -> None:
        if len(self.packed) != PACKED_BYTES:
            raise ValueError(f"{len(self.packed)} bytes are no fingerprint")

    @property
    def colour(self) -> Bytes:
        """16x16x3."""
        return stacked([self], "colour").reshape(_SHAPES["colour"])


def stacked(prints: Sequence[Fingerprint], name: str) -> Bytes:
    """One image of each of ``prints``, stacked: (n, height, width[, 3])."""
    every = np.frombuffer(b"".join([one.packed for one in prints]), np.uint8)
    part = every.reshape(len(prints), PACKED_BYTES)[:, _PLACES[name]]
    return np.ascontiguousarray(part).reshape(len(prints), *_SHAPES[name])


@dataclass(frozen=True, slots=True)
class Base:
    """A picture made small, upright: ``grey`` with a shorter side of at least 128 where the
    picture has that, ``colour`` 16x16.
    """

    grey: Image.Image
    colour: Image.Image


def base_of(image: Image.Image, orientation: int = 1, grey: Image.Image | None = None) -> Base:
    """The base of a decoded picture; ``orientation`` is EXIF's (1 to 8), ``grey`` the picture
    in mode L where it is at hand.
    """
    shorter, longer = min(image.size), max(image.size)
    steps = max(1, shorter // BASE_SIDE, longer // _LONGEST_BASE)
    if image.mode not in {"RGB", "RGBX", "L"}:
        image = over_white(image)
    if grey is None:
        grey = image if image.mode == "L" else image.convert("L")
    small = grey.reduce(steps) if steps > 1 else grey
    if shorter > 2 * _SAMPLED:
        # A mean over 169 pixels spread over a cell tells its colour as well as all of them.
        image = image.resize((_SAMPLED, _SAMPLED), Image.Resampling.NEAREST)
    colour = (image if image.mode == "RGB" else image.convert("RGB")).resize(
        (COLOUR_SIDE, COLOUR_SIDE), Image.Resampling.BOX
    )
    turn = _TURNS.get(orientation)
    return (
        Base(small, colour) if turn is None else Base(small.transpose(turn), colour.transpose(turn))
    )


def over_white(image: Image.Image) -> Image.Image:
    """Any mode as RGB, with white where it is transparent; 16 and 32 bits are scaled down."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, np.float32)
        top = 65535.0 if image.mode.startswith("I") else max(float(values.max(initial=0)), 1.0)
        image = Image.fromarray((values.clip(0, top) * (255 / top)).astype(np.uint8))
    if image.has_transparency_data:
        shown = image.convert("RGBA")
        ground = Image.new("RGBA", shown.size, "white")
        ground.alpha_composite(shown)
        image = ground
    return image if image.mode == "RGB" else image.convert("RGB")


def squashed(grey: Image.Image) -> Image.Image:
    """The base's grey at 64x64, whatever its shape: what imagehash is held to."""
    return grey.resize(_SQUASHED, Image.Resampling.BOX)


def fingerprint(base: Base, width: int, height: int) -> Fingerprint:
    """``width`` and ``height`` are those of the whole upright picture."""
    grey = squashed(base.grey)
    smaller = grey.resize(_SMALLER, Image.Resampling.LANCZOS)
    return Fingerprint(grey.tobytes() + smaller.tobytes() + base.colour.tobytes(), width, height)
