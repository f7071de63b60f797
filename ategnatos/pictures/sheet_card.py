"""One candidate on its card: the picture, its number, its caption, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from ategnatos.pictures.lettering import Lettering
from ategnatos.pictures.resize import resize
from ategnatos.pictures.sheet_plan import CardMeasures
from ategnatos.pictures.sheet_theme import DARK_CHECKER, LIGHT_CHECKER, Theme

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

_EDGE = 1
_VERDICT_EDGE = 3
_CORNER = 12
# Curves are drawn this much larger and reduced: Pillow draws them without smoothing.
_SMOOTHING = 4


@dataclass(frozen=True, slots=True)
class CardContent:
    """What goes on one card. Pixel art is at its own size, ``is_art``.

    ``picture`` is RGBA where something shows through, else RGB.
    """

    picture: Image.Image
    is_art: bool
    label: str
    caption: str
    badge: str | None

    @property
    def see_through(self) -> bool:
        """Whether a checker shows behind it."""
        return self.picture.mode == "RGBA"


class CardPainter:
    """Paints cards of one size in one theme; the checker is chosen once for all of them."""

    def __init__(
        self, measures: CardMeasures, theme: Theme, contents: Sequence[CardContent]
    ) -> None:
        self._measures = measures
        self._theme = theme
        self._checker = _checker((measures.inner, measures.box[1]), _checker_tones(contents))
        self._masks = {
            inset: _rounded_mask(
                (measures.size[0] - 2 * inset, measures.size[1] - 2 * inset), _CORNER - inset
            )
            for inset in (0, _EDGE, _VERDICT_EDGE)
        }

    def paint(self, sheet: Image.Image, place: tuple[int, int], content: CardContent) -> None:
        """Paint the card with its top left corner at ``place`` (pixels)."""
        from PIL import ImageDraw

        verdict = self._theme.verdicts.get(content.badge or "")
        edge = _VERDICT_EDGE if verdict else _EDGE
        left, top = place
        sheet.paste(verdict or self._theme.card_edge, place, self._masks[0])
        sheet.paste(self._theme.card, (left + edge, top + edge), self._masks[edge])
        padding = self._measures.padding
        box = self._picture_box(content)
        sheet.paste(box, (left + padding, top + padding))
        canvas = ImageDraw.Draw(sheet)
        self._write(canvas, place, content)
        if verdict and content.badge:
            self._badge(sheet, place, content.badge, verdict)

    def _picture_box(self, content: CardContent) -> Image.Image:
        from PIL import Image

        size = (self._measures.inner, self._measures.box[1])
        box = Image.new("RGB", size, self._theme.box)
        shown = _fitted(content, self._measures.box)
        offset = ((box.width - shown.width) // 2, (box.height - shown.height) // 2)
        if not content.see_through:
            box.paste(shown, offset)
            return box
        area = (*offset, offset[0] + shown.width, offset[1] + shown.height)
        box.paste(self._checker.crop(area), offset)
        laid = box.convert("RGBA")
        laid.alpha_composite(shown, offset)
        return laid.convert("RGB")

    def _write(
        self, canvas: ImageDraw.ImageDraw, place: tuple[int, int], content: CardContent
    ) -> None:
        measures = self._measures
        left = place[0] + measures.padding + 1
        number = Lettering(content.label, measures.number_size, bold=True)
        for line in number.lines(measures.inner, 1):
            number.draw(canvas, (left, place[1] + measures.number_top), line, self._theme.text)
        caption = Lettering(content.caption, measures.caption_size)
        top = place[1] + measures.caption_top
        for line in caption.lines(measures.inner, measures.caption_lines):
            caption.draw(canvas, (left, top), line, self._theme.quiet_text)
            top += measures.caption_line_height

    def _badge(self, sheet: Image.Image, place: tuple[int, int], word: str, colour: str) -> None:
        """The verdict as a coloured pill, on the right of the number's row."""
        from PIL import ImageDraw

        measures = self._measures
        text = Lettering(word.upper(), measures.badge_size, bold=measures.badge_size > 13)
        size = (round(text.width(text.text) + text.size * 1.4), round(text.size * 1.8))
        left = place[0] + measures.size[0] - measures.padding - size[0]
        top = place[1] + measures.number_top + (measures.number_height - size[1]) // 2
        sheet.paste(colour, (left, top), _rounded_mask(size, size[1] // 2))
        text.draw(
            ImageDraw.Draw(sheet),
            (
                left + (size[0] - text.width(text.text)) / 2,
                top + (size[1] - text.capital_height) / 2,
            ),
            text.text,
            self._theme.badge_text,
        )


def _fitted(content: CardContent, box: tuple[int, int]) -> Image.Image:
    """The whole picture as large as the box allows; pixel art by a whole factor."""
    picture = content.picture
    factor = min(box[0] // picture.width, box[1] // picture.height)
    if content.is_art and factor >= 1:
        return resize(picture, (picture.width * factor, picture.height * factor), "nearest")
    ratio = min(box[0] / picture.width, box[1] / picture.height)
    size = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
    return resize(picture, (min(size[0], box[0]), min(size[1], box[1])), "lanczos")


def _checker_tones(contents: Sequence[CardContent]) -> tuple[str, str]:
    """Light under dark drawings and dark under light ones, one answer for the whole sheet."""
    see_through = [content for content in contents if content.see_through]
    if not see_through:
        return LIGHT_CHECKER
    import numpy as np

    lightness = []
    for content in see_through:
        small = np.array(content.picture)
        visible = small[small[..., 3] > 127][:, :3]
        if visible.size:
            lightness.append(float(np.percentile(visible @ (0.299, 0.587, 0.114), 25)))
    return DARK_CHECKER if lightness and median(lightness) > 110 else LIGHT_CHECKER


def _checker(size: tuple[int, int], tones: tuple[str, str]) -> Image.Image:
    from PIL import Image

    side = min(16, max(8, size[0] // 28))
    across, down = (-(-length // side) for length in size)
    small = Image.new("RGB", (across, down), tones[0])
    second = Image.new("RGB", (1, 1), tones[1])
    for row in range(down):
        for column in range(row % 2, across, 2):
            small.paste(second, (column, row))
    return small.resize((across * side, down * side), Image.Resampling.NEAREST)


def _rounded_mask(size: tuple[int, int], radius: int) -> Image.Image:
    """White with round corners. Only the corners are drawn large and made smooth."""
    from PIL import Image, ImageDraw

    side = radius + 1
    width, height = (min(length, 2 * side) for length in size)
    large = Image.new("L", (width * _SMOOTHING, height * _SMOOTHING), 0)
    ImageDraw.Draw(large).rounded_rectangle(
        (0, 0, large.width - 1, large.height - 1), radius * _SMOOTHING, fill=255
    )
    corners = large.resize((width, height), Image.Resampling.BOX)
    mask = Image.new("L", size, 255)
    right, bottom = width - width // 2, height - height // 2
    for left, to in ((0, 0), (width // 2, size[0] - right)):
        for top, down in ((0, 0), (height // 2, size[1] - bottom)):
            across = width // 2 if left == 0 else right
            along = height // 2 if top == 0 else bottom
            mask.paste(corners.crop((left, top, left + across, top + along)), (to, down))
    return mask
