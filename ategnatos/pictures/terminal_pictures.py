"""A picture in a terminal that can show one: the protocols of kitty, iTerm2, and sixel.

Bytes in, escape sequences out; who may show what is asked of the terminal itself. Sources:
https://sw.kovidgoyal.net/kitty/graphics-protocol/, https://iterm2.com/documentation-images.html,
https://vt100.net/docs/vt3xx-gp/chapter14.html (sixel). Half blocks are in ``terminal_art``.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

KITTY, ITERM, SIXEL, BLOCKS, NONE = "kitty", "iterm", "sixel", "blocks", "none"
WAYS = (KITTY, ITERM, SIXEL, BLOCKS, NONE)

# "Can you show a picture of one pixel?", then "what are you?", which every terminal answers.
QUESTION = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c"
_KITTY_YES = re.compile(rb"\x1b_Gi=31;OK\x1b\\")
_WHAT_IT_IS = re.compile(rb"\x1b\[\?([0-9;]*)c")
_ANSWERS = re.compile(rb"\x1b_G[^\x1b]*\x1b\\|\x1b\[\?[0-9;]*c")

# Of what a terminal says of itself: it draws sixels.
_SIXEL_MARK = b"4"

# The kitty protocol takes no more than this in one piece, in bytes of base64.
_PIECE = 4096
_SIXEL_COLOURS = 255


@dataclass(frozen=True, slots=True)
class Window:
    """A terminal's size in cells, and of a cell in pixels."""

    columns: int
    rows: int
    cell_width: int = 10
    cell_height: int = 20


def answered(reply: bytes) -> bool:
    """Whether the terminal has said all that :data:`QUESTION` asks."""
    return _WHAT_IT_IS.search(reply) is not None


def keys_in(reply: bytes) -> bytes:
    """What a person typed between the terminal's own answers."""
    return _ANSWERS.sub(b"", reply)


def way_of(environment: Mapping[str, str], reply: bytes = b"") -> str:
    """How this terminal can show a picture; ``reply`` is what it answered to the question.

    Inside a multiplexer the picture would go to a screen that the program in it draws over.
    """
    if environment.get("TERM", "dumb") == "dumb":
        return NONE
    inside_another = bool(environment.get("TMUX") or environment.get("STY"))
    if not inside_another:
        if _KITTY_YES.search(reply):
            return KITTY
        if "iTerm" in (environment.get("TERM_PROGRAM") or environment.get("LC_TERMINAL") or ""):
            return ITERM
        found = _WHAT_IT_IS.search(reply)
        if found is not None and _SIXEL_MARK in found[1].split(b";")[1:]:
            return SIXEL
    return BLOCKS if environment.get("COLORTERM") in {"truecolor", "24bit"} else NONE


def shown(png: bytes, way: str, window: Window, *, rows: int) -> tuple[bytes, int]:
    """What makes a terminal show ``png`` within its width and ``rows`` lines, and how many lines
    it takes. ``way`` is kitty, iterm or sixel.
    """
    from PIL import Image

    with Image.open(io.BytesIO(png)) as opened:
        image = opened.convert("RGB")
    width, height = image.size
    scale = min(window.columns * window.cell_width / width, rows * window.cell_height / height, 1)
    # Whole cells, so that the text below begins where the picture ends.
    columns = max(1, int(width * scale) // window.cell_width)
    lines = max(
        1, min(rows, round(columns * window.cell_width * height / width) // window.cell_height)
    )
    size = (columns * window.cell_width, lines * window.cell_height)
    if way == KITTY:
        return _kitty(png, columns, lines), lines
    if way == ITERM:
        return _iterm(png, columns, lines), lines
    return _sixel(image.resize(size, Image.Resampling.LANCZOS)), lines


def forgotten(way: str) -> bytes:
    """What takes the pictures off the screen that clearing it leaves there."""
    return b"\x1b_Ga=d,q=2\x1b\\" if way == KITTY else b""


def _kitty(png: bytes, columns: int, lines: int) -> bytes:
    text = base64.standard_b64encode(png)
    pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]
    # q=2: the terminal keeps its answer to itself, where keys are read.
    head = f"a=T,f=100,q=2,c={columns},r={lines},C=1,".encode()
    out = bytearray()
    for place, piece in enumerate(pieces):
        more = place < len(pieces) - 1
        out += b"\x1b_G" + (head if not place else b"") + b"m=%d;" % more + piece + b"\x1b\\"
    return bytes(out) + b"\n" * lines


def _iterm(png: bytes, columns: int, lines: int) -> bytes:
    text = base64.standard_b64encode(png)
    facts = f"inline=1;size={len(png)};width={columns};height={lines};preserveAspectRatio=1"
    return b"\x1b]1337;File=" + facts.encode() + b":" + text + b"\x07\n"


def _sixel(image: Image.Image) -> bytes:
    """Bands of six rows; in each, every colour that it holds as one run-length coded line."""
    import numpy as np

    reduced = image.quantize(_SIXEL_COLOURS)
    palette = np.asarray(reduced.getpalette()).reshape(-1, 3)
    pixels = np.asarray(reduced)
    height, width = pixels.shape
    out = [f'\x1bP0;1;0q"1;1;{width};{height}'.encode()]
    for place, (red, green, blue) in enumerate(palette):
        shares = (round(int(one) * 100 / 255) for one in (red, green, blue))
        out.append(b"#%d;2;%d;%d;%d" % (place, *shares))
    for top in range(0, height, 6):
        band = pixels[top : top + 6]
        weights = (1 << np.arange(len(band), dtype=np.uint8))[:, None]
        lines = []
        for colour in np.unique(band):
            bits = ((band == colour) * weights).sum(axis=0)
            lines.append(b"#%d" % colour + _runs(bits))
        out.append(b"$".join(lines) + b"-")
    return b"".join(out) + b"\x1b\\\n"


def _runs(bits: object) -> bytes:
    import numpy as np

    values = np.asarray(bits)
    starts = np.flatnonzero(np.diff(values, prepend=-1))
    lengths = np.diff(np.append(starts, len(values)))
    pieces = []
    for value, length in zip(values[starts].tolist(), lengths.tolist(), strict=True):
        sign = bytes([63 + value])
        pieces.append(sign * length if length < 4 else b"!%d%s" % (length, sign))
    return b"".join(pieces)
