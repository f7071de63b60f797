"""What a LoRA of the starter model does at several weights, as one labelled picture.

A row a weight, a column a prompt; the same seeds in every row, so that only the weight differs.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.pictures.lettering import Lettering
from ategnatos.pictures.sheet_theme import THEMES

if TYPE_CHECKING:
    from ategnatos.starter.canvas import ByteArray

WEIGHTS = (0.0, 0.5, 0.7, 0.9, 1.0, 1.2)
_STEPS = 8  # fewer than for a picture to keep, and enough to judge by
_FACTOR = 3  # each pixel of a sprite is three wide
_BACKDROP = (150, 203, 240)
_LABEL_WIDTH, _MARGIN, _GAP = 64, 14, 4
_LABEL_SIZE, _PROMPT_SIZE, _PROMPT_LINES = 18, 13, 3


@dataclass(frozen=True, slots=True)
class Column:
    """One prompt, drawn side by side with ``count`` seeds from ``seed`` on."""

    prompt: str
    seed: int
    count: int = 1


def draw(
    lora: Path,
    columns: Sequence[Column],
    weights: Sequence[float] = WEIGHTS,
    on_row: Callable[[int, int], None] | None = None,
) -> bytes:
    """The sweep as PNG. ``on_row`` is told (rows done, rows in all).

    Raises StudioError (``starter_lora``, ``starter_request``).
    """
    from PIL import Image, ImageDraw

    from ategnatos.starter.limits import MODEL_SIDE

    colours = THEMES["dark"]
    side = MODEL_SIDE * _FACTOR
    prompts = [
        Lettering(column.prompt, _PROMPT_SIZE) for column in columns for _ in range(column.count)
    ]
    head = _MARGIN + _PROMPT_LINES * prompts[0].line_height + _GAP
    width = _LABEL_WIDTH + len(prompts) * (side + _GAP) + _MARGIN
    height = head + len(weights) * (side + _GAP) + _MARGIN
    sheet = Image.new("RGB", (width, height), colours.sheet)
    canvas = ImageDraw.Draw(sheet)
    for number, text in enumerate(prompts):
        for row, line in enumerate(text.lines(side, _PROMPT_LINES)):
            place = (_LABEL_WIDTH + number * (side + _GAP), _MARGIN + row * text.line_height)
            text.draw(canvas, place, line, colours.quiet_text)
    for row, weight in enumerate(weights):
        top = head + row * (side + _GAP)
        label = Lettering(f"{weight:g}", _LABEL_SIZE, bold=True)
        middle = top + (side - label.capital_height) / 2
        label.draw(canvas, (_MARGIN, middle), label.text, colours.text)
        drawn = [one for column in columns for one in _drawn(lora, weight, column)]
        for number, pixels in enumerate(drawn):
            cell = Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST)
            sheet.paste(cell, (_LABEL_WIDTH + number * (side + _GAP), top))
        if on_row is not None:
            on_row(row + 1, len(weights))
    raw = io.BytesIO()
    sheet.save(raw, "PNG", optimize=True)
    return raw.getvalue()


def _drawn(lora: Path, weight: float, column: Column) -> list[ByteArray]:
    from ategnatos.starter.limits import MODEL_SIDE
    from ategnatos.starter.pipeline import generate
    from ategnatos.starter.request import LoraWeight, StarterRequest

    request = StarterRequest(
        column.prompt, column.seed, column.count, width=MODEL_SIDE, height=MODEL_SIDE,
        steps=_STEPS, loras=(LoraWeight(lora, weight),),
    )  # fmt: skip
    return [one.pixels(_BACKDROP)[..., :3] for one in generate(request).pictures]
