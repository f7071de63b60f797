"""Contact sheets of RGBA sprites."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from .sprites import DRAWERS, Look, colour_tables, draw

BACKDROPS = ((244, 244, 247), (150, 203, 240), (234, 212, 160), (58, 54, 84))


def contact_sheet(images: Sequence[np.ndarray], columns: int, zoom: int = 3) -> Image.Image:
    """Lay RGBA arrays (32, 32, 4) uint8 on changing backdrops, each enlarged by `zoom`."""
    side = 32 * zoom + 1
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * side + 1, rows * side + 1), (40, 40, 46))
    for number, pixels in enumerate(images):
        row, column = divmod(number, columns)
        cell = Image.new("RGBA", (32, 32), (*BACKDROPS[(row + column) % len(BACKDROPS)], 255))
        cell.alpha_composite(Image.fromarray(np.ascontiguousarray(pixels)))
        enlarged = cell.convert("RGB").resize((32 * zoom, 32 * zoom), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (column * side + 1, row * side + 1))
    return sheet


def drawing_sheet(path: Path, seed: int = 0) -> None:
    """Write a sheet of every kind in twelve looks, as the generator draws them."""
    generator = np.random.default_rng(seed)
    tables = colour_tables()
    styles = [(False, False, False)] * 4 + [(False, True, False)] * 2 + [(False, False, True)] * 2
    styles += [(True, False, False)] * 2 + [(True, True, False), (True, False, True)]
    sizes = (None, None, "big", "small")
    images = [
        tables[generator.integers(len(tables))][
            draw(Look(kind, sizes[number % 4], *style), generator)
        ]
        for kind in DRAWERS
        for number, style in enumerate(styles)
    ]
    contact_sheet(images, len(styles)).save(path)
