"""The owl of the LoRA demonstration: the starter model has never seen one.

Kept out of `DRAWERS` and out of the vocabulary on purpose, so that a LoRA has something to teach.
"""

from __future__ import annotations

import numpy as np

from .canvas import BASE, LIGHT, SHADOW, SHINE, Canvas
from .chance import Chance
from .palette import table
from .sprite import Look, finish

POSES = ("front", "left", "right", "wings up", "asleep", "flying")


def owl(c: Canvas, chance: Chance, pose: str = "front") -> None:
    """Paint an owl in one of `POSES`."""
    if pose == "flying":
        wing = [(21, 16), (24, 8), (30.8, 5), (30.8, 17), (27, 21), (21, 23)]
        c.paint(c.polygon(wing) | c.polygon([(32 - x, y) for x, y in wing]), "main", SHADOW)
    wide = chance.between(9.6, 10.8)
    for x in (12.4, 19.6):
        c.paint(c.box(x - 2, 27, x + 2, 30.3, 0.6), "flame", BASE)
    tuft = chance.between(1.6, 3.4)
    head = c.mirrored([(16, 6.2), (20, 5.8), (26.4, tuft), (26.4, 13), (16 + wide, 18), (16, 18)])
    c.paint(head | c.ellipse(16, 18.4, wide, 10.4), "main")
    raised = pose == "wings up"
    for side in (-1, 1):
        if pose == "flying":
            break
        points = [
            (16 + side * (wide - 2.5), 15),
            (16 + side * (wide + 2.6), 8 if raised else 17),
            (16 + side * (wide + 1.6), 19 if raised else 25),
            (16 + side * (wide - 2), 25),
        ]
        c.paint(c.polygon(points), "main", SHADOW)
    c.paint(c.ellipse(16, 22.4, 6, 6), "cream", BASE)
    for x, y in ((13.4, 20.4), (18.6, 20.4), (16, 22.6), (13.4, 24.8), (18.6, 24.8)):
        c.dots(x, y, "main", BASE, (1.4, 1))
    look = {"left": -1.2, "right": 1.2}.get(pose, 0.0)
    for x in (11.2, 20.8):
        c.paint(c.ellipse(x + look / 2, 12, 4.6), "cream", LIGHT)
        if pose == "asleep":
            c.paint(c.box(x - 3, 12, x + 3, 13.4), "ink", BASE)
        else:
            c.paint(c.ellipse(x + look, 12.2, 2.6), "ink", BASE)
            c.dots(x + look - 0.8, 11.2, "gleam", SHINE, (1, 1))
    c.paint(c.mirrored([(16, 12.6), (18, 14.2), (16, 17.6)], 16 + look), "flame", BASE)


def draw_owl(
    generator: np.random.Generator,
    pose: str = "front",
    size: str | None = None,
    outlined: bool = True,
) -> np.ndarray:
    """Draw an owl as an index map (32, 32) uint8, to be coloured by a table of `palette`."""
    chance = Chance(generator)
    scale = {"small": 0.62, None: chance.between(0.82, 0.94), "big": chance.between(0.96, 1.0)}[
        size
    ]
    canvas = Canvas(scale=scale)
    owl(canvas, chance, pose)
    return finish(canvas, Look("owl", size, outlined=outlined))


def owl_sprites(count: int = 18, colour: str = "blue", seed: int = 7) -> list[np.ndarray]:
    """Return `count` RGBA owls (32, 32, 4) uint8 in turning poses, the same for the same seed."""
    generator = np.random.default_rng(seed)
    sizes = (None, "big", None)
    return [
        table(colour)[draw_owl(generator, POSES[number % len(POSES)], sizes[number % 3])]
        for number in range(count)
    ]
