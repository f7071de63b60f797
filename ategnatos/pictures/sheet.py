"""Numbered candidates on one picture, for a person's glance and an agent's eye.

The default size is what vision models take without scaling down (1568 pixels on the longer
side), so that what an agent sees is what was drawn, pixel for pixel.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.pictures.colour import is_opaque, to_srgb
from ategnatos.pictures.decode import DecodedPicture, decode_picture, stated_size
from ategnatos.pictures.lettering import Lettering
from ategnatos.pictures.resize import native, pixel_grid
from ategnatos.pictures.sheet_card import CardContent, CardPainter
from ategnatos.pictures.sheet_plan import MARGIN, SheetPlan, plan_sheet
from ategnatos.pictures.sheet_theme import THEMES, Theme

if TYPE_CHECKING:
    from PIL import ImageDraw

SHEET_ITEMS_INVALID = ErrorCode("sheet_items_invalid", "A sheet shows 1 to 64 pictures.")
SHEET_OPTION_INVALID = ErrorCode("sheet_option_invalid", "The sheet cannot be drawn that way.")

MOST_ITEMS = 64
LARGEST_SIDE = 1568
_SMALLEST_SIDE = 480
_LARGEST_ALLOWED_SIDE = 8192
_MOST_CAPTION_LINES = 2
# Twice the largest box there is, so that the second reduction loses nothing to the first.
_LARGEST_KEPT = 2048
_TITLE_SIZE = 34
_TITLE_LINES = 2
_SUBTITLE_SIZE = 20
_SUBTITLE_LINES = 3
_FOOTER_SIZE = 16
_FOOTER_LINES = 2
_HEADER_GAP = 14
_FOOTER_GAP = 20


@dataclass(frozen=True, slots=True)
class SheetItem:
    """One candidate: ``picture`` is an encoded file as bytes, or its path; ``label`` the large
    number ("#1"), ``caption`` the small text under it (a seed), ``badge`` a person's verdict:
    ``approved``, ``rejected`` or None.
    """

    picture: bytes | Path
    label: str
    caption: str = ""
    badge: str | None = None


def contact_sheet(
    items: Sequence[SheetItem],
    *,
    title: str,
    subtitle: str = "",
    footer: str = "",
    columns: int | None = None,
    max_width: int = LARGEST_SIDE,
    max_height: int = LARGEST_SIDE,
    theme: str = "dark",
) -> bytes:
    """1 to 64 ``items`` as one PNG, each as large as ``max_width`` x ``max_height`` (pixels)
    allows, in reading order.

    Transparent pictures lie on a checker; pixel art is enlarged by whole factors, anything
    else by Lanczos. ``title`` is wrapped to two lines,
    ``subtitle`` (a prompt) to three, and ellipsised. Many items in a small
    sheet keep a smallest size and may then need more than ``max_height``. ``theme`` is
    ``dark`` or ``light``. Raises StudioError (``sheet_*``; ``picture_*`` for a bad picture).
    """
    from PIL import Image, ImageDraw

    _check(items, columns, max_width, max_height, theme)
    colours = THEMES[theme]
    head = _Header(title, subtitle, colours)
    foot = Lettering(footer, _FOOTER_SIZE)
    most = max_width - 2 * MARGIN

    def planned(aspect: float, grid_side: int) -> SheetPlan:
        return plan_sheet(
            len(items),
            aspect=aspect,
            grid_side=grid_side,
            caption_lines=_caption_lines(items),
            badges=any(item.badge for item in items),
            columns=columns,
            width=most,
            height=max_height - head.height(most) - _footer_height(foot, most) - 2 * MARGIN,
        )

    # The sizes in the files' headers are enough to tell how large a picture will be shown.
    box = planned(_shared_aspect([stated_size(item.picture) for item in items]), 1).card.box
    contents = [_content(item, min(_LARGEST_KEPT, 2 * max(box))) for item in items]
    plan = planned(
        _shared_aspect([content.picture.size for content in contents]),
        _shared_grid_side(contents),
    )
    painter = CardPainter(plan.card, colours, contents)

    inner = plan.width - 2 * MARGIN
    top = MARGIN + head.height(inner)
    bottom = top + plan.grid_size[1]
    height = bottom + _footer_height(foot, inner) + MARGIN
    sheet = Image.new("RGB", (plan.width, height), colours.sheet)
    canvas = ImageDraw.Draw(sheet)
    head.draw(canvas, inner)
    for index, content in enumerate(contents):
        painter.paint(sheet, plan.card_place(index, top), content)
    for row, line in enumerate(foot.lines(inner, _FOOTER_LINES)):
        place = (MARGIN, bottom + _FOOTER_GAP + row * foot.line_height)
        foot.draw(canvas, place, line, colours.quiet_text)
    output = io.BytesIO()
    sheet.save(output, "PNG", compress_level=6)
    return output.getvalue()


def _content(item: SheetItem, kept: int) -> CardContent:
    """The item's picture no larger than a sheet shows it: 64 originals need not fit in memory.

    ``kept`` is the side in pixels below which nothing is reduced.
    """
    decoded = decode_picture(item.picture, enough=kept)
    picture = decoded.image if _is_plain(decoded) else to_srgb(decoded).image
    grid = pixel_grid(picture)
    shown = native(picture, grid)
    longest = max(shown.size)
    # Averaged by a whole factor, as Pillow's own reducing_gap does; the rest is done on the card.
    factor = longest // kept
    if factor > 1:
        shown = shown.reduce(factor)
    if shown.mode == "RGBA" and is_opaque(shown):
        shown = shown.convert("RGB")
    return CardContent(shown, grid.is_art and factor <= 1, item.label, item.caption, item.badge)


def _is_plain(decoded: DecodedPicture) -> bool:
    """Whether the stored pixels are already what :func:`to_srgb` would make of them."""
    image = decoded.image
    return (
        image.mode == "RGB"
        and decoded.bit_depth == 8
        and not {"icc_profile", "transparency", "exif"} & set(image.info)
    )


class _Header:
    """Title and subtitle; measured before the width of the sheet is known, then drawn."""

    def __init__(self, title: str, subtitle: str, colours: Theme) -> None:
        self._title = Lettering(title, _TITLE_SIZE, bold=True)
        self._subtitle = Lettering(subtitle, _SUBTITLE_SIZE)
        self._colours = colours

    def height(self, width: int) -> int:
        """From the margin to the first card, in pixels."""
        title = len(self._title.lines(width, _TITLE_LINES)) * self._title.line_height
        prompt = len(self._subtitle.lines(width, _SUBTITLE_LINES)) * self._subtitle.line_height
        return title + prompt + (_HEADER_GAP if title or prompt else 0)

    def draw(self, canvas: ImageDraw.ImageDraw, width: int) -> None:
        """Draw both from the margin on."""
        top = MARGIN
        for line in self._title.lines(width, _TITLE_LINES):
            self._title.draw(canvas, (MARGIN, top), line, self._colours.text)
            top += self._title.line_height
        for line in self._subtitle.lines(width, _SUBTITLE_LINES):
            self._subtitle.draw(canvas, (MARGIN, top), line, self._colours.quiet_text)
            top += self._subtitle.line_height


def _footer_height(foot: Lettering, width: int) -> int:
    lines = len(foot.lines(width, _FOOTER_LINES))
    # Capitals end a third of a line above the next one.
    return _FOOTER_GAP + lines * foot.line_height - foot.line_height // 3 if lines else 0


def _check(
    items: Sequence[SheetItem], columns: int | None, width: int, height: int, theme: str
) -> None:
    if not 1 <= len(items) <= MOST_ITEMS:
        raise StudioError(
            SHEET_ITEMS_INVALID,
            f"A sheet shows 1 to {MOST_ITEMS} pictures, not {len(items)}; none was made.",
            hint="Split the pictures over several sheets."
            if items
            else "Make candidates first, then ask for their sheet.",
            items=len(items),
        )
    reason = ""
    if theme not in THEMES:
        reason = f"there is no theme {theme!r}, only {' and '.join(THEMES)}"
    elif columns is not None and not 1 <= columns <= MOST_ITEMS:
        reason = f"it has 1 to {MOST_ITEMS} columns, not {columns}"
    elif odd := {item.badge for item in items} - {None, *THEMES[theme].verdicts}:
        reason = f"a badge is {', '.join(THEMES[theme].verdicts)} or none, not {odd.pop()!r}"
    elif not (
        _SMALLEST_SIDE <= width <= _LARGEST_ALLOWED_SIDE
        and _SMALLEST_SIDE <= height <= _LARGEST_ALLOWED_SIDE
    ):
        reason = f"its sides are {_SMALLEST_SIDE} to {_LARGEST_ALLOWED_SIDE} pixels"
    if reason:
        raise StudioError(
            SHEET_OPTION_INVALID,
            f"The sheet cannot be drawn that way: {reason}; none was made.",
            hint="Leave the option out to get the default.",
        )


def _shared_aspect(sizes: Sequence[tuple[int, int]]) -> float:
    """Width / height of the boxes: the middle one of the pictures', within 1:2 and 2:1."""
    return min(2.0, max(0.5, median(width / height for width, height in sizes)))


def _shared_grid_side(contents: Sequence[CardContent]) -> int:
    """The side of the art in its own pixels where all pictures share it and are square, else 1."""
    sides = {content.picture.size if content.is_art else (1, 0) for content in contents}
    width, height = sides.pop()
    return width if not sides and width == height else 1


def _caption_lines(items: Sequence[SheetItem]) -> int:
    if not any(item.caption.strip() for item in items):
        return 0
    longest = max(len(item.caption) for item in items)
    # A seed fits on one line of any card; only longer captions are worth a second line for all.
    return 1 if longest <= 24 else _MOST_CAPTION_LINES
