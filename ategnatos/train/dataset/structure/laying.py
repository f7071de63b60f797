"""The trainers whose folders can be laid out, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from ategnatos.grimoire.errors import StudioError
from ategnatos.train.dataset.structure import (
    accelerate,
    ai_toolkit,
    kohya,
    musubi,
    simpletuner,
    starter,
)
from ategnatos.train.dataset.structure.arithmetic import STRUCTURE_OPTION
from ategnatos.train.dataset.structure.layout import Layout, Plan

LEAST_RESOLUTION = 64
MOST_RESOLUTION = 4096
_MULTIPLE = 64

LAY_OUT: Mapping[str, Callable[[Plan, Path], Layout]] = {
    "kohya": kohya.lay_out,
    "ai-toolkit": ai_toolkit.lay_out,
    "simpletuner": simpletuner.lay_out,
    "musubi": musubi.lay_out,
    "starter": starter.lay_out,
    "accelerate": accelerate.lay_out,
}


def parse_resolution(pixels: int) -> int:
    """A side that all three take. Raises StudioError (``structure_option``)."""
    if LEAST_RESOLUTION <= pixels <= MOST_RESOLUTION and pixels % _MULTIPLE == 0:
        return pixels
    raise StudioError(
        STRUCTURE_OPTION,
        f"{pixels} cannot be the resolution; nothing was laid out.",
        hint=f"Take a multiple of {_MULTIPLE} from {LEAST_RESOLUTION} to {MOST_RESOLUTION}, such as"
        " 512, 768 or 1024.",
        given=pixels,
    )


def parse_ground(text: str) -> str:
    """A colour by name or as #rrggbb; "" for none. Raises StudioError (``structure_option``)."""
    said = text.strip().lower()
    if not said:
        return ""
    from PIL import ImageColor

    try:
        red, green, blue = ImageColor.getrgb(said)[:3]
    except ValueError as error:
        raise StudioError(
            STRUCTURE_OPTION,
            f"{text[:40]!r} is no colour; nothing was laid out.",
            hint="Write its English name (white, grey) or #rrggbb.",
            given=text[:40],
        ) from error
    return f"#{red:02x}{green:02x}{blue:02x}"
