"""Pictures of an evaluation in one labelled picture: a row a prompt, a column a weight.

The model alone is the first column. Seeds of one prompt and weight stand side by side. Nothing in
the picture says more than its labels: pairs for blind votes are drawn by the same hand.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.pictures.lettering import Lettering
from ategnatos.pictures.sheet_theme import THEMES

if TYPE_CHECKING:
    from PIL.Image import Image

    from ategnatos.train.evaluation.record import Evaluation

SMALLEST, LARGEST = 96, 192
_BACKDROP = (150, 203, 240)
_MARGIN, _GAP, _WIDE_GAP = 16, 3, 14
_LABELS = 190
_TITLE, _HEAD, _PROMPT, _KIND = 20, 17, 13, 12
_LINES = 5


@dataclass(frozen=True, slots=True)
class Row:
    """``label`` is a prompt, ``kind`` stands above it; ``columns`` are pictures, side by side in
    each column.
    """

    label: str
    kind: str
    columns: Sequence[Sequence[Path]]


def of_checkpoint(evaluation: Evaluation, checkpoint: str) -> bytes:
    """One checkpoint at every weight, as PNG."""
    heads = ["model alone" if weight == 0 else f"{weight:g}" for weight in evaluation.weights]
    rows = [
        Row(
            one.text,
            one.kind,
            [_seeds(evaluation, checkpoint, weight, one.name) for weight in evaluation.weights],
        )
        for one in evaluation.prompts
    ]
    return draw(f"{evaluation.plan}: {checkpoint}", heads, rows)


def of_checkpoints(evaluation: Evaluation, weight: float) -> bytes:
    """Every checkpoint at one weight, as PNG."""
    names = [one.name for one in evaluation.checkpoints]
    rows = [
        Row(
            one.text,
            one.kind,
            [
                _seeds(evaluation, "", 0.0, one.name),
                *(_seeds(evaluation, name, weight, one.name) for name in names),
            ],
        )
        for one in evaluation.prompts
    ]
    title = f"{evaluation.plan}: every checkpoint at {weight:g}"
    return draw(title, ["model alone", *names], rows)


def draw(title: str, heads: Sequence[str], rows: Sequence[Row]) -> bytes:
    """A sheet as PNG, with ``heads`` above the columns. Pictures may be of any size."""
    from PIL import Image, ImageDraw

    colours = THEMES["dark"]
    side = _side(next(path for row in rows for column in row.columns for path in column))
    across = max(len(column) for row in rows for column in row.columns)
    wide = across * side + (across - 1) * _GAP
    labels = _LABELS if any(row.label for row in rows) else _MARGIN
    heading = Lettering(title, _TITLE, bold=True)
    head_lines = [Lettering(text, _HEAD, bold=True).lines(wide, 2) for text in heads]
    head_height = max(map(len, head_lines), default=0) * Lettering("x", _HEAD).line_height
    top = _MARGIN + heading.line_height + head_height + _GAP
    width = labels + len(heads) * (wide + _WIDE_GAP) + _MARGIN
    width = max(width, int(heading.width(heading.text)) + 2 * _MARGIN)
    sheet = Image.new("RGB", (width, top + len(rows) * (side + _GAP) + _MARGIN), colours.sheet)
    canvas = ImageDraw.Draw(sheet)
    heading.draw(canvas, (_MARGIN, _MARGIN), heading.text, colours.text)
    for place, lines in enumerate(head_lines):
        text = Lettering(heads[place], _HEAD, bold=True)
        for number, line in enumerate(lines):
            at = (
                labels + place * (wide + _WIDE_GAP),
                _MARGIN + heading.line_height + number * text.line_height,
            )
            text.draw(canvas, at, line, colours.text)
    for number, row in enumerate(rows):
        y = top + number * (side + _GAP)
        kind = Lettering(row.kind, _KIND, bold=True)
        kind.draw(canvas, (_MARGIN, y + 2), kind.text, colours.quiet_text)
        prompt = Lettering(row.label, _PROMPT)
        room = max(1, min(_LINES, (side - kind.line_height) // prompt.line_height))
        for step, line in enumerate(prompt.lines(labels - _MARGIN - 8, room)):
            at = (_MARGIN, y + 4 + kind.line_height + step * prompt.line_height)
            prompt.draw(canvas, at, line, colours.text)
        for place, column in enumerate(row.columns):
            for seed, path in enumerate(column):
                x = labels + place * (wide + _WIDE_GAP) + seed * (side + _GAP)
                small = _cell(path, side)
                sheet.paste(small, (x + (side - small.width) // 2, y + (side - small.height) // 2))
    raw = io.BytesIO()
    sheet.save(raw, "PNG", optimize=True)
    return raw.getvalue()


def _seeds(evaluation: Evaluation, checkpoint: str, weight: float, prompt: str) -> list[Path]:
    found = [evaluation.cell(checkpoint, weight, prompt, seed) for seed in evaluation.seeds]
    return [evaluation.picture(one) for one in found if one is not None]


def _side(path: Path) -> int:
    """How large cells are drawn: small pictures at a whole multiple."""
    from PIL import Image

    with Image.open(path) as image:
        longest = max(image.size)
    if longest <= SMALLEST:
        return longest * max(1, SMALLEST // longest)
    return min(LARGEST, longest)


def _cell(path: Path, side: int) -> Image:
    """One picture within ``side``, over a plain ground where it is transparent."""
    now = path.stat()
    return _scaled(path, side, (now.st_mtime_ns, now.st_size, now.st_ino))


@lru_cache(maxsize=512)
def _scaled(path: Path, side: int, as_it_is: tuple[int, ...]) -> Image:
    """``as_it_is`` tells a picture from another that takes its place."""
    from PIL import Image

    with Image.open(path) as image:
        shown = image.convert("RGBA")
    ground = Image.new("RGBA", shown.size, (*_BACKDROP, 255))
    ground.alpha_composite(shown)
    factor = side / max(shown.size)
    to = tuple(max(1, round(one * factor)) for one in shown.size)
    # Pixels of a sprite stay pixels; anything else is made smaller smoothly.
    way = Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.BOX
    small: Image.Image = ground.convert("RGB").resize((to[0], to[1]), way)
    return small
