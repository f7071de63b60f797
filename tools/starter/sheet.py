"""Contact sheets of RGBA sprites."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

BACKDROPS = ((244, 244, 247), (150, 203, 240), (234, 212, 160), (58, 54, 84))


def contact_sheet(images: Sequence[np.ndarray], columns: int, zoom: int = 3) -> Image.Image:
    """Lay RGBA arrays (32, 32, 4) uint8 on rows of changing backdrops, enlarged by `zoom`."""
    side = 32 * zoom + 1
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * side + 1, rows * side + 1), (40, 40, 46))
    for number, pixels in enumerate(images):
        row, column = divmod(number, columns)
        cell = Image.new("RGBA", (32, 32), (*BACKDROPS[(row + column) % len(BACKDROPS)], 255))
        cell.alpha_composite(Image.fromarray(np.ascontiguousarray(pixels), "RGBA"))
        cell = cell.convert("RGB").resize((32 * zoom, 32 * zoom), Image.NEAREST)
        sheet.paste(cell, (column * side + 1, row * side + 1))
    return sheet
