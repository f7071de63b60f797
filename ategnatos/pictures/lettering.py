"""Text on pictures: a font that is always there, and words for the signs it lacks.

The font is Aileron (CC0), which Pillow carries inside. It has the signs of English; a text in
another script is set in a font of the machine that has them, where there is one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

# Fonts with many scripts that Linux, macOS and Windows come with; Pillow finds them by name.
_WIDE_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "Arial Unicode.ttf",
    "msgothic.ttc",
    "arial.ttf",
)
# A code point that Unicode promises never to assign: every font draws its "missing" sign.
_NEVER_ASSIGNED = "\uffff"
_SIMPLE_SIGNS = str.maketrans(
    {"–": "-", "—": "-", "‐": "-", "‑": "-", "−": "-", "×": "x", "•": "·", "→": ">", "\u00a0": " "}
)
ELLIPSIS = "…"
_NO_WORD = "·"
# More than any sheet has room for; the rest would only be measured and cut off.
_LONGEST_TEXT = 4000


class Lettering:
    """One text size in pixels and one text: the font that can show it, measured and drawn."""

    def __init__(self, text: str, size: int, *, bold: bool = False) -> None:
        self.text, self.font = _showable(text, size)
        self.size = size
        # The font comes in one weight: drawn twice, this many pixels apart, it is bold.
        self._weight = size / 24 if bold else 0.0

    def width(self, text: str) -> float:
        """The width of ``text`` in pixels."""
        return self.font.getlength(text) + self._weight

    @property
    def line_height(self) -> int:
        """From one line to the next, in pixels."""
        return round(self.size * 1.36)

    def lines(self, width: int, most: int) -> list[str]:
        """The text in at most ``most`` lines of at most ``width`` pixels, cut off with an
        ellipsis; a word wider than a line is broken.
        """
        lines: list[str] = []
        rest = self.text
        while rest and len(lines) < most:
            line, rest = self._first_line(rest, width)
            lines.append(line)
        if rest:
            lines[-1] = self._shortened(lines[-1], width)
        return lines

    def draw(
        self, canvas: ImageDraw.ImageDraw, place: tuple[float, float], line: str, colour: str
    ) -> None:
        """Draw ``line`` with the top of its capitals and figures at ``place``: left, top."""
        top = place[1] - self.font.getbbox("H")[1]
        canvas.text((place[0], top), line, font=self.font, fill=colour)
        if self._weight:
            canvas.text((place[0] + self._weight, top), line, font=self.font, fill=colour)

    @property
    def capital_height(self) -> float:
        """The height of a capital letter in pixels."""
        _left, top, _right, bottom = self.font.getbbox("H")
        return bottom - top

    def _first_line(self, text: str, width: int) -> tuple[str, str]:
        fitting = _longest(text, lambda part: self.width(part) <= width)
        if fitting == len(text):
            return text, ""
        space = text.rfind(" ", 0, fitting + 1)
        word = text[space + 1 :].partition(" ")[0]
        # A word that has room on a line is not broken; for one that has none, a line half empty
        # reads worse than a broken word.
        whole = space > 0 and self.width(word) <= width
        at = space if whole or space > fitting // 2 else fitting
        return text[:at].rstrip(), text[at:].lstrip()

    def _shortened(self, line: str, width: int) -> str:
        fitting = _longest(line, lambda part: self.width(part.rstrip() + ELLIPSIS) <= width)
        return line[:fitting].rstrip(" ,.;:") + ELLIPSIS


def _longest(text: str, fits: Callable[[str], bool]) -> int:
    """How many first characters of ``text`` fit, at least one; found by halving."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(text[:middle]):
            low = middle
        else:
            high = middle - 1
    return low


def _showable(text: str, size: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """``text`` on one line in signs that the returned font has."""
    plain = " ".join(_visible(text[:_LONGEST_TEXT]).translate(_SIMPLE_SIGNS).split())
    font = _built_in(size)
    if not _missing_letters(plain, ""):
        return _worded(plain, ""), font
    # Letters decide: an emoji has a name to stand for it, a word in Greek has none.
    installed = ["", *(name for name in _WIDE_FONTS if _wide(name, size) is not None)]
    best = min(installed, key=lambda name: len(_missing_letters(plain, name)))
    return _worded(plain, best), (_wide(best, size) if best else None) or font


def _visible(text: str) -> str:
    """``text`` without control, format, surrogate and unassigned characters."""
    return "".join(
        " " if sign.isspace() else sign
        for sign in unicodedata.normalize("NFC", text)
        if sign.isspace() or unicodedata.category(sign)[0] != "C"
    )


def _worded(text: str, font_name: str) -> str:
    """Signs that the font lacks as their base letter (é: e) or their name (:fire:)."""
    missing = _missing(text, font_name)
    return " ".join("".join(_word(s) if s in missing else s for s in text).split())


def _word(sign: str) -> str:
    base = "".join(part for part in unicodedata.normalize("NFKD", sign) if part.isascii())
    if base:
        return base
    if unicodedata.category(sign)[0] == "M":
        return ""
    name = unicodedata.name(sign, "").lower().replace(" ", "-")
    if unicodedata.category(sign)[0] == "L":
        # Letters one by one would be a wall of names; a dot shows that something stood there.
        return _NO_WORD
    return f":{name}:" if name else ""


@cache
def _glyph_is_missing(sign: str, font_name: str) -> bool:
    font = _wide(font_name, 20) if font_name else _built_in(20)
    assert font is not None  # asked only of fonts that were found
    blank = font.getmask(_NEVER_ASSIGNED)
    drawn = font.getmask(sign)
    return drawn.size == blank.size and bytes(drawn) == bytes(blank)


def _missing(text: str, font_name: str) -> set[str]:
    return {sign for sign in set(text) if sign != " " and _glyph_is_missing(sign, font_name)}


def _missing_letters(text: str, font_name: str) -> set[str]:
    """Signs that neither the font has nor a base letter or a name can stand for."""
    return {sign for sign in _missing(text, font_name) if _word(sign) == _NO_WORD}


@cache
def _built_in(size: int) -> ImageFont.FreeTypeFont:
    from PIL import ImageFont

    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # a size asks for the FreeType font
    return font


@cache
def _wide(name: str, size: int) -> ImageFont.FreeTypeFont | None:
    """The machine's font of that file name, or None where it has none."""
    from PIL import ImageFont

    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None
