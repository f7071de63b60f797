"""Sprites packed on one picture, with the frames that say where each lies.

Shelves by falling height, each sprite left of the next: for the equal sizes that a recipe makes
this wastes nothing, so a packing library would gain nothing, and the same sprites always give the
same bytes. The frames are in TexturePacker's JSON hash form, which PixiJS and Phaser read.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError

ATLAS_SIZE = ErrorCode("atlas_size", "The sprites do not fit on one atlas.")

# What graphics cards of the last ten years take as one texture, in pixels a side.
LARGEST_SIDE = 8192
PADDING = 1


@dataclass(frozen=True, slots=True)
class PackedAtlas:
    """``image`` is a PNG, ``frames`` JSON as bytes; sizes in pixels."""

    image: bytes
    frames: bytes
    width: int
    height: int


def pack(sprites: Sequence[tuple[str, Path]], *, image_name: str) -> PackedAtlas:
    """All ``sprites`` (name and file; at least one) on one transparent picture, a pixel apart.

    ``image_name`` is what the frames call the picture. Raises StudioError (``atlas_size``,
    ``picture_*``).
    """
    from PIL import Image

    from ategnatos.pictures.decode import decode_picture

    pictures = [(name, decode_picture(path).image.convert("RGBA")) for name, path in sprites]
    order = sorted(pictures, key=lambda one: (-one[1].height, -one[1].width, one[0]))
    sizes = [picture.size for _, picture in order]
    places, width, height = _shelves(sizes)
    if max(width, height) > LARGEST_SIDE:
        raise StudioError(
            ATLAS_SIZE,
            f"{len(sprites)} sprites make an atlas of {width}x{height} pixels; the largest is"
            f" {LARGEST_SIDE} a side. No atlas was made.",
            hint="Ship the asset without one (--no-atlas), or give its kind a smaller asset"
            " format.",
            width=width,
            height=height,
        )
    sheet = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    frames = {}
    for (name, picture), (left, top) in zip(order, places, strict=True):
        sheet.paste(picture, (left, top))
        size = {"w": picture.width, "h": picture.height}
        frames[name] = {
            "frame": {"x": left, "y": top, **size},
            "rotated": False,
            "trimmed": False,
            "spriteSourceSize": {"x": 0, "y": 0, **size},
            "sourceSize": size,
        }
    meta = {
        "app": "ategnatos",
        "version": "1.0",
        "image": image_name,
        "format": "RGBA8888",
        "size": {"w": width, "h": height},
        "scale": "1",
    }
    output = io.BytesIO()
    sheet.save(output, "PNG", compress_level=6)
    told = {"frames": dict(sorted(frames.items())), "meta": meta}
    text = json.dumps(told, ensure_ascii=False, indent=2) + "\n"
    return PackedAtlas(output.getvalue(), text.encode(), width, height)


def _shelves(sizes: Sequence[tuple[int, int]]) -> tuple[list[tuple[int, int]], int, int]:
    """Where each size goes (they come by falling height), and the sides of the whole."""
    area = sum((width + PADDING) * (height + PADDING) for width, height in sizes)
    widest = max(width for width, _ in sizes)
    limit = max(widest, ceil(sqrt(area)))
    # As many of the widest as come nearest to a square.
    limit = ceil(limit / (widest + PADDING)) * (widest + PADDING) - PADDING
    places, left, top, shelf, used = [], 0, 0, 0, 0
    for width, height in sizes:
        if left and left + width > limit:
            left, top, shelf = 0, top + shelf + PADDING, 0
        places.append((left, top))
        shelf = max(shelf, height)
        used = max(used, left + width)
        left += width + PADDING
    return places, used, top + shelf
