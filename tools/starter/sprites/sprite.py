"""From a kind, a size and style words to a finished index map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import creatures, gear, nature, treasure
from .canvas import BASE, LIGHT, SHINE, SIDE, Canvas
from .chance import Chance
from .palette import MATERIALS, SHADES

DRAWERS = {**gear.DRAWERS, **treasure.DRAWERS, **nature.DRAWERS, **creatures.DRAWERS}
# degrees by which a drawing may be turned; without an entry it stands upright
TURNS = {"sword": (0, 45), "axe": (0, 35), "key": (0, 45), "rocket": (0, 45), "carrot": (0, 35)}
MIRRORED = ("fish", "boat", "boot", "cup", "candle", "house", "apple", "cherry", "moon", "umbrella")
# sizes are shares of the 32 pixel canvas; big leaves a pixel for the outline
SCALES = {"small": (0.5, 0.58), None: (0.74, 0.9), "big": (0.98, 1.0)}

MAIN, OUTLINE, GLEAM = (MATERIALS.index(name) for name in ("main", "outline", "gleam"))


@dataclass(frozen=True)
class Look:
    """What a caption can say of a sprite besides its colour; size None is neither word."""

    kind: str
    size: str | None = None
    outlined: bool = False
    shiny: bool = False
    flat: bool = False


def draw(look: Look, generator: np.random.Generator) -> np.ndarray:
    """Draw `look` as an index map (32, 32) uint8: material * 5 + shade, 0 is transparent."""
    chance = Chance(generator)
    canvas = Canvas(
        scale=chance.between(*SCALES[look.size]),
        turn=chance.pick(TURNS.get(look.kind, (0,))),
        mirror=look.kind in MIRRORED and chance.flip(),
        flat=look.flat,
    )
    DRAWERS[look.kind](canvas, chance)
    return finish(canvas, look)


def finish(canvas: Canvas, look: Look) -> np.ndarray:
    """Add the gleam and the outline that `look` asks for and join materials with shades."""
    material, shade = canvas.material.copy(), canvas.shade.copy()
    material[[0, -1]] = 0  # the border belongs to the outline
    material[:, [0, -1]] = 0
    if look.shiny:
        add_gleam(material, shade)
    if look.outlined:
        solid = np.pad(material > 0, 1)
        near = solid[2:, 1:-1] | solid[:-2, 1:-1] | solid[1:-1, 2:] | solid[1:-1, :-2]
        material[near & (material == 0)] = OUTLINE
    shade[material == 0] = 0
    return (material * SHADES + shade).astype(np.uint8)


def add_gleam(material: np.ndarray, shade: np.ndarray) -> None:
    """Brighten the lit side of the main colour and set white sparks on it, in place."""
    main = material == MAIN
    shade[main & (shade >= LIGHT)] = SHINE
    rows, columns = np.nonzero(main)
    if not len(rows):
        return
    high, wide = np.ptp(rows), np.ptp(columns)
    big = max(high, wide) >= 14
    for down, across in ((0.3, 0.3), (0.72, 0.7)):
        goal = rows.min() + down * high, columns.min() + across * wide
        nearest = np.argmin((rows - goal[0]) ** 2 + (columns - goal[1]) ** 2)
        spark = [(0, 0), (0, 1), (1, 0), (0, -1), (-1, 0)] if big or down < 0.5 else [(0, 0)]
        if down > 0.5 and not big:
            continue
        for row_step, column_step in spark:
            row, column = rows[nearest] + row_step, columns[nearest] + column_step
            if 0 < row < SIDE - 1 and 0 < column < SIDE - 1 and material[row, column]:
                material[row, column], shade[row, column] = GLEAM, BASE
