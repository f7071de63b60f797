"""Drawings of creatures, and of the house that they live in."""

from __future__ import annotations

from .canvas import BASE, SHADOW, SHINE, Canvas
from .chance import Chance


def skull(c: Canvas, chance: Chance) -> None:
    wide = chance.between(12, 13.4)
    c.paint(c.ellipse(16, 13, wide, 11.6) | c.box(9, 18, 23, 29.6, 1.5), "main")
    for x in (10.6, 21.4):
        c.paint(c.ellipse(x, 14.4, 3.5, 3.7), "eye", BASE)
    c.paint(c.mirrored([(16, 17.6), (18, 21.4), (16, 21.4)]), "eye", BASE)
    for x in (12.8, 16, 19.2):
        c.paint(c.box(x - 0.55, 25, x + 0.55, 30), "eye", BASE, on="main")


def slime(c: Canvas, chance: Chance) -> None:
    top = chance.between(6, 10)
    c.paint(
        c.mirrored(
            [(16, top), (21, top + 1), (26, top + 6), (29, 22), (29.5, 27), (27, 29.8), (16, 29.8)]
        ),
        "main",
    )
    for x in (11, 21):
        c.dots(x, 20, "eye", BASE, (3, 5))
        c.dots(x - 0.8, 18.6, "gleam", BASE, (1, 1.6))
    c.paint(c.line((13.6, 25), (16, 26.2), (18.4, 25), width=1.2), "eye", BASE)


def fish(c: Canvas, chance: Chance) -> None:
    c.paint(c.polygon([(20, 16), (30.5, 6.5), (28.4, 16), (30.5, 25.5)]), "main")
    c.paint(c.polygon([(8, 10), (13, 3.5), (20, 6), (20, 12)]), "main", SHADOW)
    c.paint(c.polygon([(11, 21), (13, 27.5), (17.5, 21)]), "main", SHADOW)
    tall = chance.between(7.6, 8.8)
    c.paint(c.ellipse(12.8, 16, 11.4, tall), "main")
    c.paint(c.ellipse(12.8, 16, 11.4, tall) & (c.y > 19.5), "cream", BASE)
    c.paint(c.ring(8.6, 16, 7, 1.3) & (c.x > 12), "main", SHADOW, on="main")
    c.paint(c.ellipse(7.6, 14, 3), "gleam", BASE)
    c.dots(7, 14.2, "ink", BASE, (2.4, 2.8))
    for row in (11.5, 16, 20.5):
        c.tone(c.line((25, 16 + (row - 16) * 0.6), (30, row), width=1), -1)


def ghost(c: Canvas, chance: Chance) -> None:
    wide = chance.between(10.5, 11.8)
    body = c.ellipse(16, 13.5, wide, 12) | c.box(16 - wide, 13.5, 16 + wide, 30)
    for side in (-1, 1):
        x = 16 + side * wide / 3
        body &= ~c.polygon([(x, 25), (x + 2.4, 31), (x - 2.4, 31)])
        body &= ~c.polygon(
            [(16 + side * wide, 27), (16 + side * (wide - 2), 31), (16 + side * 14, 31)]
        )
    c.paint(body, "main")
    for x in (11.6, 20.4):
        c.paint(c.ellipse(x, 13, 2.3, 3.3), "eye", BASE)
    c.paint(c.ellipse(16, 20, 2.2, 2.6), "eye", BASE)


def cat(c: Canvas, chance: Chance) -> None:
    ear = chance.between(2, 3.5)
    for side in (0, 1):
        points = [(4, 17), (4.5, ear), (14.5, 9.5)]
        inner = [(6.6, 12), (6.6, ear + 4), (11, 9.6)]
        if side:
            points, inner = ([(32 - x, y) for x, y in part] for part in (points, inner))
        c.paint(c.polygon(points), "main")
        c.paint(c.polygon(inner), "main", SHADOW)
    c.paint(c.ellipse(16, 18.6, 13.6, 11), "main")
    for x in (10, 22):
        c.paint(c.ellipse(x, 17, 3, 3.2), "cream", SHINE)
        c.dots(x, 17.2, "ink", BASE, (2, 5))
    c.paint(c.mirrored([(16, 24), (18.2, 21.4), (16, 21.4)]), "accent", BASE)
    smile = c.line((12.6, 25), (14.4, 26.6), (16, 25), (17.6, 26.6), (19.4, 25), width=1.1)
    c.paint(smile, "eye", BASE)
    for side in (-1, 1):
        for low in (21.4, 24.4):
            c.paint(
                c.line((16 + side * 8.5, 22.6), (16 + side * 14.5, low), width=1.0), "eye", BASE
            )


def bat(c: Canvas, chance: Chance) -> None:
    tip = chance.between(5, 7.5)
    wing = [(18, 13), (22, 9), (30.8, tip), (30.8, 21), (27, 17.6), (23.6, 22), (20, 18.6)]
    right, left = c.polygon(wing), c.polygon([(32 - x, y) for x, y in wing])
    c.paint(right | left, "main", SHADOW, facet=True)
    c.paint(
        c.line((18, 12.6), (22, 9.8), (30, tip + 1), width=2)
        | c.line((14, 12.6), (10, 9.8), (2, tip + 1), width=2),
        "main",
        BASE,
        on="main",
    )
    c.paint(c.ellipse(16, 16.6, 6.6, 8.6), "main", BASE)
    c.paint(c.polygon([(9.6, 14), (10, 3.6), (16, 9), (22, 3.6), (22.4, 14)]), "main", BASE)
    c.tone(c.ellipse(13, 10, 2.6, 1.5), 1)
    c.tone(c.ellipse(16, 21.4, 3.6, 3), 1)
    for x in (13, 19):
        c.paint(c.ellipse(x, 13.6, 2.2, 2.4), "cream", SHINE)
        c.dots(x + (16 - x) * 0.2, 13.8, "ink", BASE, (1.6, 2.6))
    for x in (14.4, 17.6):
        c.dots(x, 18, "gleam", BASE, (1.2, 2))


def house(c: Canvas, chance: Chance) -> None:
    c.paint(c.box(21.5, 3, 26, 12), "metal", SHADOW)
    c.paint(c.box(5.5, 14, 26.5, 30.3), "cream", BASE)
    c.tone(c.box(22.5, 14, 26.5, 31), -1, on="cream")
    c.paint(c.box(5.5, 14, 26.5, 17.6), "cream", SHADOW)
    peak = chance.between(1.5, 3)
    c.paint(c.mirrored([(16, peak), (31, 14.4), (31, 17), (16, 17)]), "main")
    c.tone(c.box(0, 15.6, 32, 17), -1)
    door = chance.pick([8, 13])
    c.paint(c.box(door, 20.6, door + 6, 30.3), "wood", BASE)
    c.dots(door + 4.6, 26, "gold", BASE, (1, 1))
    windows = (20.5,) if door == 8 else (6.6, 20.4)
    for x in windows:
        wide = 4 if door == 8 else 4.6
        c.paint(c.box(x - 1, 19.6, x + wide, 25.6), "wood", SHADOW)
        c.paint(c.box(x, 20.6, x + wide - 1, 24.6), "flame", SHINE)


DRAWERS = {
    "skull": skull,
    "slime": slime,
    "fish": fish,
    "ghost": ghost,
    "cat": cat,
    "bat": bat,
    "house": house,
}
