"""What is known of each picture format: suffixes, alpha, limits, defaults.

The facts are data with their source, in ``ategnatos/knowledge/data/formats.json``; a new
format that Pillow reads is one entry there and no code.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge.loader import read

FORMAT_UNKNOWN = ErrorCode(
    "picture_format_unknown", "No picture format of that name can be written."
)


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """One file format. ``max_side`` is in pixels; ``quality`` is 1 to 100, None: no such knob.

    ``pillow`` is Pillow's name of the codec; ``writes`` says whether the studio exports to it
    (it reads every listed one); ``suffixes`` start with a dot, the usual one first.
    """

    name: str
    title: str
    pillow: str
    suffixes: tuple[str, ...]
    media_type: str
    writes: bool
    alpha: bool
    lossy: bool
    max_side: int
    quality: int | None
    metadata: str
    source: str


@cache
def known_formats() -> dict[str, PictureFormat]:
    """Every format by its name, in the order of the data file."""
    entries: list[dict[str, Any]] = read("formats").content["formats"]
    return {
        entry["name"]: PictureFormat(**{**entry, "suffixes": tuple(entry["suffixes"])})
        for entry in entries
    }


def format_of_codec(pillow_name: str) -> PictureFormat:
    """The format that Pillow calls ``pillow_name``; the picture was opened, so it is listed."""
    # Phones write several JPEGs in one file; Pillow calls that MPO, a viewer shows the first.
    codec = "JPEG" if pillow_name == "MPO" else pillow_name
    return next(known for known in known_formats().values() if known.pillow == codec)


def writable_format(name: str) -> PictureFormat:
    """The format to export to, by name or suffix (``jpg``, ``.JPEG``).

    Raises StudioError (``picture_format_unknown``) for one that the studio does not write.
    """
    asked = name.strip().lower().lstrip(".")
    for known in known_formats().values():
        if known.writes and (asked == known.name or f".{asked}" in known.suffixes):
            return known
    choices = ", ".join(known.name for known in known_formats().values() if known.writes)
    raise StudioError(
        FORMAT_UNKNOWN,
        f"Pictures are not written as {name!r}; nothing was exported.",
        hint=f"Choose one of: {choices}.",
        format=name,
    )
