"""The pictures of a report: an overview, samples with their captions, groups of equal pictures."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from ategnatos.grimoire.errors import StudioError
from ategnatos.pictures.sheet import MOST_ITEMS, SheetItem, contact_sheet

SAMPLES = 5
_SAMPLE_SIDE = 400
_MOST_GROUPS = 6
_MOST_OF_A_GROUP = 8


def overview(files: Mapping[str, Path], title: str) -> bytes | None:
    """All pictures, or evenly chosen ones where they are more than a sheet holds."""
    names = evenly(list(files), MOST_ITEMS)
    items = [_item(files[name], str(number), name) for number, name in enumerate(names, 1)]
    shown = [one for one in items if one is not None]
    if not shown:
        return None
    left = len(files) - len(shown)
    return contact_sheet(shown, title=title, subtitle=f"{left} more" if left > 0 else "")


def samples(files: Mapping[str, Path], captions: Mapping[str, str]) -> dict[str, bytes]:
    """A small picture for each of the samples, by the picture's name."""
    made: dict[str, bytes] = {}
    for name in evenly([one for one in files if captions.get(one)], SAMPLES):
        small = _small(files[name])
        if small is not None:
            made[name] = small
    return made


def _small(path: Path) -> bytes | None:
    """A picture as PNG, no side longer than a page is wide; None where it cannot be decoded."""
    from ategnatos.pictures.colour import to_srgb
    from ategnatos.pictures.decode import decode_picture

    try:
        picture = to_srgb(decode_picture(path)).image
    except StudioError:
        return None
    picture.thumbnail((_SAMPLE_SIDE, _SAMPLE_SIDE))
    output = io.BytesIO()
    picture.save(output, "PNG")
    return output.getvalue()


def groups(
    files: Mapping[str, Path], found: Sequence[tuple[str, Sequence[str]]]
) -> dict[str, bytes]:
    """A sheet for each group of related pictures, by its title."""
    made: dict[str, bytes] = {}
    for title, names in found[:_MOST_GROUPS]:
        items = [
            _item(files[name], str(number), name)
            for number, name in enumerate(names[:_MOST_OF_A_GROUP], 1)
            if name in files
        ]
        shown = [one for one in items if one is not None]
        if shown:
            made[title] = contact_sheet(shown, title=title, max_width=1000, max_height=700)
    return made


def evenly(names: Sequence[str], most: int) -> list[str]:
    """At most ``most`` of ``names``, from the first to the last in even steps.

    >>> evenly(["a", "b", "c", "d", "e"], 3)
    ['a', 'c', 'e']
    """
    if len(names) <= most:
        return list(names)
    step = (len(names) - 1) / (most - 1) if most > 1 else 0
    return [names[round(number * step)] for number in range(most)]


def _item(path: Path, label: str, caption: str) -> SheetItem | None:
    """The item, or None for a picture that no sheet can show; the report names it elsewhere."""
    from ategnatos.pictures.decode import decode_picture

    try:
        decode_picture(path)
    except StudioError:
        return None
    return SheetItem(path, label, caption)
