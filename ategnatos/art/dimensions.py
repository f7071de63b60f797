"""Which size to make for an asset: its own where the engine can, else the nearest of its shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ategnatos.engines import Capabilities
    from ategnatos.knowledge.families import Sizes


@dataclass(frozen=True, slots=True)
class Chosen:
    """A size in pixels; ``note`` says to a person where it is not the asset's own."""

    width: int
    height: int
    note: str = ""


def size_for(brief: Mapping[str, Any], able: Capabilities, sizes: Sizes | None) -> Chosen | None:
    """The size to make pictures of a brief in; None where the brief names no size.

    ``sizes`` are those of the model family, None where nothing is known of the model. The
    largest output decides: the others are cut or reduced from it.
    """
    outputs = brief.get("outputs") or []
    if not outputs:
        return None
    largest = max(outputs, key=lambda one: one["width"] * one["height"])
    wanted = (largest["width"], largest["height"])
    made = _near(wanted, sizes) if sizes is not None else _within(wanted, able)
    if made == wanted:
        return Chosen(*made)
    return Chosen(
        *made,
        f"{largest['name']} is {wanted[0]}x{wanted[1]}; this is made at {made[0]}x{made[1]}, the"
        " nearest that the model does well. 'art export --size"
        f" {wanted[0]}x{wanted[1]} --fit cover' brings it to measure.",
    )


def _near(wanted: tuple[int, int], sizes: Sizes) -> tuple[int, int]:
    """The model's own size of the nearest shape: other sizes double limbs and lose the whole."""
    shape = math.log(wanted[0] / wanted[1])
    if sizes.buckets:
        return min(sizes.buckets, key=lambda one: abs(math.log(one[0] / one[1]) - shape))
    area = sizes.width * sizes.height
    width = math.sqrt(area * wanted[0] / wanted[1])
    height = area / width
    # Too long a side is shortened, and the shape kept as far as the limits allow.
    scale = min(1.0, sizes.most / max(width, height))
    sides = (max(sizes.least, width * scale), max(sizes.least, height * scale))
    multiple = sizes.multiple
    width, height = (max(multiple, round(side / multiple) * multiple) for side in sides)
    return min(int(width), sizes.most), min(int(height), sizes.most)


def _within(wanted: tuple[int, int], able: Capabilities) -> tuple[int, int]:
    """``wanted``, brought between the least and the most side that the engine takes."""
    scale = min(1.0, able.max_side / max(wanted))
    scale = max(scale, able.min_side / min(wanted))
    return tuple(  # type: ignore[return-value]
        min(able.max_side, max(able.min_side, round(side * scale))) for side in wanted
    )
