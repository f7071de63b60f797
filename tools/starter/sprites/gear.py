"""Drawings of things that one wears, wields or rides."""

from __future__ import annotations

from .canvas import BASE, EDGE, LIGHT, SHADOW, SHINE, Canvas
from .chance import Chance


def sword(c: Canvas, chance: Chance) -> None:
    half = chance.between(2.6, 3.4)
    c.paint(c.mirrored([(16, 1.5), (16 + half, 6), (16 + half, 21)]), "main", BASE)
    c.paint(
        c.polygon([(16, 1.5), (16 - half, 6), (16 - half, 21), (16, 21)]), "main", LIGHT, facet=True
    )
    c.paint(c.box(16 + half - 1.3, 6, 16 + half, 21), "main", SHADOW, on="main", facet=True)
    c.paint(c.box(15, 23, 17.6, 28), "wood")
    reach = chance.between(6.5, 8)
    c.paint(c.box(16 - reach, 20, 16 + reach, 23.2, 0.8), "trim")
    c.paint(c.ellipse(16, 28.8, 2.4), "trim")


def axe(c: Canvas, chance: Chance) -> None:
    c.paint(c.box(14.4, 2.5, 17.6, 30), "wood")
    double = chance.flip(0.4)
    top, low = chance.between(2.5, 3.5), chance.between(19, 20.5)
    blade = [(17, 7), (11, 7), (5.5, top), (2.8, 8), (2.8, 14), (5.5, low), (11, 15), (17, 15)]
    shape = c.polygon(blade)
    if double:
        shape |= c.polygon([(32 - x, y) for x, y in blade])
    c.paint(shape, "main")
    edge = [(5.5, top), (2.8, 8), (2.8, 14), (5.5, low)]
    c.paint(c.line(*edge, width=1.6), "main", SHINE, on="main", facet=True)
    if double:
        c.paint(
            c.line(*[(32 - x, y) for x, y in edge], width=1.6), "main", EDGE, on="main", facet=True
        )
    c.paint(c.box(14.4, 7, 17.6, 15), "main", SHADOW, facet=True)


def shield(c: Canvas, chance: Chance) -> None:
    emblem = chance.pick(["cross", "diamond", "round"])
    if emblem == "round":
        c.paint(c.ellipse(16, 16, 14), "trim")
        c.paint(c.ellipse(16, 16, 11), "main")
        c.paint(c.ellipse(16, 16, 3.6), "trim")
        return
    outer = [(16, 1.8), (28.5, 4), (28.5, 14), (25.5, 22), (16, 30.3)]
    c.paint(c.mirrored(outer), "trim")
    c.paint(c.mirrored([(16, 4.6), (25.8, 6.4), (25.8, 14), (23.2, 20.6), (16, 27)]), "main")
    if emblem == "cross":
        c.paint(c.box(14.4, 5, 17.6, 27) | c.box(6.2, 11.4, 25.8, 14.6), "trim", LIGHT)
    else:
        c.paint(c.mirrored([(16, 9), (20.5, 15), (16, 21)]), "trim", LIGHT)


def bomb(c: Canvas, chance: Chance) -> None:
    c.paint(c.line((20, 10), (23, 6), (26.5, 6.5), width=1.8), "wood", LIGHT)
    c.paint(c.polygon([(16.5, 10), (20, 6.5), (24.5, 11), (21, 14.5)]), "metal", SHADOW)
    c.paint(c.ellipse(14, 19, 11.3), "main")
    c.paint(c.ellipse(9.8, 14.2, 2.3, 2), "main", SHINE, facet=True)
    c.paint(c.ellipse(27, 6, 3), "flame", BASE)
    c.paint(c.ellipse(27, 6, 1.6), "flame", SHINE)


def boot(c: Canvas, chance: Chance) -> None:
    toe = chance.between(27, 29)
    c.paint(
        c.box(7, 5, 18, 27, 1)
        | c.polygon([(16, 15), (19, 19), (toe - 2, 20), (toe, 23), (toe, 27), (10, 27)]),
        "main",
    )
    c.paint(c.box(6, 26.5, toe + 0.5, 29.8), "ink", BASE)
    c.paint(c.box(6, 26.5, 12.5, 30.5), "ink", BASE)
    c.paint(c.box(5.5, 2.5, 19.5, 7.5, 0.8), "cream")
    for row in (12, 16, 20):
        end = 20 if row == 20 else 18.5
        c.paint(c.box(13.5, row - 0.7, end, row + 0.7), "cream", BASE, on="main")


def umbrella(c: Canvas, chance: Chance) -> None:
    c.paint(c.box(15, 1.2, 17, 5) | c.box(15, 14, 17, 27), "wood", BASE)
    c.paint(c.ring(19, 26.3, 3, 2) & (c.y >= 26), "wood", BASE)
    dome = c.ellipse(16, 17.5, 14.5, 15) & (c.y <= 17.5)
    for x in (6.4, 16, 25.6):
        dome &= ~c.ellipse(x, 18.2, 4.4, 2.6)
    c.paint(dome, "main", BASE)
    c.paint(c.ellipse(16, 17.5, 5, 15), "main", LIGHT, on="main", facet=True)
    c.paint(dome & (c.x > 16 + 0.345 * (c.y - 2.5)), "main", SHADOW, on="main", facet=True)
    c.paint(dome & (c.x < 16 - 0.345 * (c.y - 2.5)), "main", BASE, on="main", facet=True)
    c.tone(dome & (c.x > 24.5), -1)
    c.tone(dome & (c.x < 10) & (c.x + c.y < 17), 1)


def bell(c: Canvas, chance: Chance) -> None:
    c.paint(c.ring(16, 4, 2.6, 1.8), "trim", BASE)
    c.paint(c.ellipse(16, 27.3, 3), "trim")
    wide = chance.between(11.5, 12.8)
    c.paint(
        c.mirrored([(16, 5), (19.5, 5.8), (22.6, 9.5), (23.8, 18), (16 + wide, 24), (16, 24)]),
        "main",
    )
    c.paint(c.box(16 - wide, 23, 16 + wide, 26.4, 1), "main", BASE)
    c.tone(c.box(2, 22, 30, 23.2), -1)
    c.tone(c.box(2, 23, 10, 26.4), 1)
    c.tone(c.box(22, 23, 30, 26.4), -1)


def rocket(c: Canvas, chance: Chance) -> None:
    c.paint(c.mirrored([(16, 22), (19.5, 25), (18, 29), (16, 31)]), "flame", BASE)
    c.paint(c.mirrored([(16, 22), (17.6, 25), (16, 28.8)]), "flame", SHINE)
    fin = [(20, 15.5), (26.5, 21.5), (26.5, 27.5), (20, 24)]
    c.paint(c.polygon(fin), "accent", SHADOW)
    c.paint(c.polygon([(32 - x, y) for x, y in fin]), "accent", LIGHT)
    wide = chance.between(6, 7)
    c.paint(c.mirrored([(16, 1.2), (19.5, 5), (16 + wide, 11), (16 + wide, 19), (20, 25)]), "main")
    c.paint(c.mirrored([(16, 1.2), (19, 4.5), (20.6, 7.6)]), "accent", on="main")
    c.paint(c.ellipse(16, 13.5, 4), "metal", BASE)
    c.paint(c.ellipse(16, 13.5, 2.5), "glass", BASE)
    c.dots(15.3, 12.8, "glass", SHINE, (1, 1))


def boat(c: Canvas, chance: Chance) -> None:
    c.paint(c.box(14.8, 1.5, 17.2, 23), "wood", SHADOW)
    top = chance.between(3, 5)
    c.paint(c.polygon([(18, top), (28.5, 20), (18, 20)]), "main")
    c.paint(c.polygon([(14, top + 2.5), (14, 20), (4.5, 20)]), "main")
    c.paint(c.polygon([(2, 22), (30, 22), (25.5, 30), (7, 30)]), "wood")
    c.paint(c.box(2, 22, 30, 23.6), "wood", LIGHT, on="wood")
    c.tone(c.box(0, 26, 32, 27), -1, on="wood")


DRAWERS = {
    "sword": sword,
    "axe": axe,
    "shield": shield,
    "bomb": bomb,
    "boot": boot,
    "umbrella": umbrella,
    "bell": bell,
    "rocket": rocket,
    "boat": boat,
}
