"""A picture small enough for a page; pixel art keeps its pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 256


def thumbnail(source: Path) -> bytes:
    """The picture as a PNG with no side above ``SIDE`` pixels; the same bytes each time.

    Raises StudioError as :func:`ategnatos.pictures.decode.decode_picture`.
    """
    from ategnatos.pictures.colour import to_srgb
    from ategnatos.pictures.decode import decode_picture
    from ategnatos.pictures.encode import encode
    from ategnatos.pictures.formats import known_formats
    from ategnatos.pictures.resize import native, pixel_grid, resize

    picture = to_srgb(decode_picture(source)).image
    grid = pixel_grid(picture)
    if grid.is_art and max(grid.width, grid.height) <= SIDE:
        small = native(picture, grid)
        factor = SIDE // max(small.size)
        small = resize(small, (small.width * factor, small.height * factor), "nearest")
    else:
        ratio = min(1.0, SIDE / max(picture.size))
        size = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
        small = picture if size == picture.size else resize(picture, size, "lanczos")
    return encode(small, known_formats()["png"], quality=None, texts={})
