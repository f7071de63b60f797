"""What is kept of one picture to compare it with others: five tiny images of it.

They are made from the *base*: the picture in RGB over white, upright, reduced by whole steps to
a shorter side of at least 128 pixels. What imagehash would say of the base, ``hashes`` says too.
"""

from __future__ import annotations

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
# Sides (width, height) that imagehash resizes to, for pHash and dHash at 64 and 256 bits.
_GREY = {"p64": (32, 32), "p256": (64, 64), "d64": (9, 8), "d256": (17, 16)}
_SHAPES: dict[str, tuple[int, ...]] = {
    name: (height, width) for name, (width, height) in _GREY.items()
}
_SHAPES["colour"] = (COLOUR_SIDE, COLOUR_SIDE, 3)
PACKED_BYTES = sum(int(np.prod(shape)) for shape in _SHAPES.values())
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
    """``p64`` 32x32, ``p256`` 64x64, ``d64`` 8x9, ``d256`` 16x17 in grey (imagehash's inputs),
    ``colour`` 16x16x3: all uint8. ``width`` and ``height`` are those of the upright picture.
    """

    p64: Bytes
    p256: Bytes
    d64: Bytes
    d256: Bytes
    colour: Bytes
    width: int
    height: int

    def pack(self) -> bytes:
        """All five as bytes, for a cache."""
        return b"".join(getattr(self, name).tobytes() for name in _SHAPES)

    @classmethod
    def unpack(cls, packed: bytes, width: int, height: int) -> Fingerprint:
        """What :meth:`pack` gave. ValueError where the length is not that of today's form."""
        if len(packed) != PACKED_BYTES:
            raise ValueError(f"{len(packed)} bytes are no fingerprint")
        at, parts = 0, {}
        for name, shape in _SHAPES.items():
            size = int(np.prod(shape))
            parts[name] = np.frombuffer(packed, np.uint8, size, at).reshape(shape)
            at += size
        return cls(**parts, width=width, height=height)


def base_of(image: Image.Image, orientation: int = 1) -> Image.Image:
    """The base of a decoded picture; ``orientation`` is EXIF's (1 to 8)."""
    shorter, longer = min(image.size), max(image.size)
    steps = max(1, shorter // BASE_SIDE, longer // _LONGEST_BASE)
    if image.mode not in {"RGB", "RGBX", "L"}:
        image = over_white(image)
    small = image.reduce(steps) if steps > 1 else image
    if small.mode != "RGB":
        small = small.convert("RGB")
    turn = _TURNS.get(orientation)
    return small if turn is None else small.transpose(turn)


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


def fingerprint(base: Image.Image, width: int, height: int) -> Fingerprint:
    """Of a base in RGB; ``width`` and ``height`` are those of the whole upright picture."""
    grey = base.convert("L")
    parts = {
        name: np.asarray(grey.resize(size, Image.Resampling.LANCZOS))
        for name, size in _GREY.items()
    }
    colour = np.asarray(base.resize((COLOUR_SIDE, COLOUR_SIDE), Image.Resampling.BOX))
    return Fingerprint(**parts, colour=colour, width=width, height=height)
