"""Pictures drawn in a terminal: two pixels a character cell, so that pixel art is exact.

A cell shows U+2580 (upper half block): its foreground is the upper pixel, its background the
lower one. Only for terminals with 24-bit colour; the caller decides.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image
    from rich.text import Text

CHECKER = ((58, 58, 66), (50, 50, 57))
_UPPER_HALF = "\u2580"


def draw_row(pngs: Sequence[bytes], labels: Sequence[str], *, side: int, gap: int = 2) -> Text:
    """Pictures side by side, each ``side`` columns wide and ``side / 2`` lines high, labelled.

    ``side`` is in terminal columns and even; transparency shows a quiet checker.
    """
    from PIL import Image
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    grids = []
    for png in pngs:
        with Image.open(io.BytesIO(png)) as opened:
            image = opened.convert("RGBA")
        exact = image.width % side == 0 and image.height % side == 0
        image.thumbnail((side, side), Image.Resampling.NEAREST if exact else Image.Resampling.BOX)
        canvas = Image.new("RGBA", (side, side))
        canvas.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
        grids.append(canvas)
    text = Text(no_wrap=True)
    for line in range(0, side, 2):
        for place, pixels in enumerate(grids):
            text.append(" " * (gap if place else 0))
            for column in range(side):
                upper = _over_checker(pixels, column, line)
                lower = _over_checker(pixels, column, line + 1)
                text.append(
                    _UPPER_HALF, Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower))
                )
        text.append("\n")
    text.append((" " * gap).join(label.center(side) for label in labels))
    return text


def _over_checker(image: Image.Image, column: int, line: int) -> tuple[int, int, int]:
    pixel = image.getpixel((column, line))
    assert isinstance(pixel, tuple)
    ground = CHECKER[(column // 4 + line // 4) % 2]
    alpha = pixel[3] / 255
    red, green, blue = (
        round(alpha * above + (1 - alpha) * below)
        for above, below in zip(pixel[:3], ground, strict=True)
    )
    return red, green, blue
