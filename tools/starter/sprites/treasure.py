"""Drawings of treasure and household things."""

from __future__ import annotations

import math

from .canvas import BASE, EDGE, LIGHT, SHADOW, SHINE, Canvas
from .chance import Chance


def potion(c: Canvas, chance: Chance) -> None:
    if chance.flip():
        body = c.ellipse(16, 20, 10.5)
        inside = c.ellipse(16, 20, 8.8)
    else:
        body = c.mirrored([(16, 9), (19.5, 9), (27.5, 26), (26, 30), (16, 30)])
        inside = c.mirrored([(16, 12), (18.8, 12), (25.3, 26), (24.6, 28.2), (16, 28.2)])
    c.paint(c.box(12.5, 6, 19.5, 13) | body, "glass", BASE)
    c.paint(body & (c.x + c.y > 43), "glass", SHADOW, facet=True)
    level = chance.between(15.5, 18)
    c.paint(inside & (c.y >= level), "main")
    c.paint(inside & (c.y >= level) & (c.y <= level + 1.5), "main", LIGHT, facet=True)
    c.paint(c.box(11.3, 5.6, 20.7, 8), "glass", LIGHT)
    c.paint(c.box(13, 1.5, 19, 5.8), "wood")
    c.dots(18.5, 23, "main", SHINE, (2, 2))
    c.dots(14, 26, "main", LIGHT, (1, 1))


def gem(c: Canvas, chance: Chance) -> None:
    if chance.flip(0.6):
        top = chance.between(4, 5.5)
        facets = [
            ([(9, top), (16, top), (11, 13), (2, 13)], SHINE),
            ([(16, top), (23, top), (30, 13), (21, 13)], BASE),
            ([(16, top), (21, 13), (11, 13)], LIGHT),
            ([(2, 13), (11, 13), (16, 29.5)], LIGHT),
            ([(11, 13), (21, 13), (16, 29.5)], BASE),
            ([(21, 13), (30, 13), (16, 29.5)], SHADOW),
        ]
        whole = [(9, top), (23, top), (30, 13), (16, 29.5), (2, 13)]
    else:
        facets = [
            ([(16, 1.5), (16, 10), (12, 12), (6, 9)], SHINE),
            ([(16, 1.5), (26, 9), (20, 12), (16, 10)], LIGHT),
            ([(6, 9), (12, 12), (12, 21), (6, 23)], LIGHT),
            ([(12, 12), (16, 10), (20, 12), (20, 21), (16, 23), (12, 21)], BASE),
            ([(20, 12), (26, 9), (26, 23), (20, 21)], SHADOW),
            ([(6, 23), (12, 21), (16, 23), (16, 30.5)], BASE),
            ([(16, 23), (20, 21), (26, 23), (16, 30.5)], EDGE),
        ]
        whole = [(16, 1.5), (26, 9), (26, 23), (16, 30.5), (6, 23), (6, 9)]
    c.paint(c.polygon(whole), "main", BASE)
    for corners, shade in facets:
        c.paint(c.polygon(corners), "main", shade, on="main", facet=True)


def key(c: Canvas, chance: Chance) -> None:
    shaft = c.box(14, 12, 18, 30.3)
    teeth = c.box(17, 21, 24, 24.4) | c.box(17, 26.9, chance.pick([22, 24]), 30.3)
    c.paint(shaft | teeth | (c.ellipse(16, 8.4, 7.4) & ~c.ellipse(16, 8.4, 3.4)), "main")
    c.paint(c.box(12.6, 15, 19.4, 17.4), "main", LIGHT)


def coin(c: Canvas, chance: Chance) -> None:
    c.paint(c.ellipse(16, 16, 14), "main", SHADOW)
    c.paint(c.ellipse(16, 16, 14) & (c.x + c.y < 32), "main", LIGHT, facet=True)
    c.paint(c.ellipse(16, 16, 11.2), "main", BASE)
    c.tone(c.ring(16, 16, 10.8, 1.4) & (c.x + c.y < 28), -1)
    if chance.flip():
        c.paint(c.box(13.8, 9, 18.2, 23), "main", LIGHT)
        c.paint(c.box(17, 9, 18.4, 23) | c.box(13.8, 21.6, 18.2, 23), "main", SHADOW)
    else:
        c.paint(c.polygon(star_points(16, 16.4, 7.6, 3.4)), "main", LIGHT)


def star_points(x: float, y: float, outer: float, inner: float) -> list[tuple[float, float]]:
    """Return the ten corners of a five-pointed star, from its top."""
    corners = []
    for corner in range(10):
        radius, angle = (inner if corner % 2 else outer), math.radians(36 * corner)
        corners.append((x + radius * math.sin(angle), y - radius * math.cos(angle)))
    return corners


def crown(c: Canvas, chance: Chance) -> None:
    dip = chance.between(15.5, 17.5)
    c.paint(c.mirrored([(16, 5), (21.5, dip), (29.5, 8), (28, 28.5), (16, 28.5)]), "main")
    c.paint(c.box(4, 22.6, 28, 28.5), "main", LIGHT, on="main", facet=True)
    c.tone(c.box(4, 27, 28, 28.5), -2)
    c.tone(c.box(4, 21.6, 28, 22.6), -1)
    for x, y in ((16, 4.6), (3.8, 7.6), (28.2, 7.6)):
        c.paint(c.ellipse(x, y, 2.5), "accent")
    for x in (9.5, 16, 22.5):
        c.dots(x, 25.2, "accent", BASE, (3, 3))


def ring(c: Canvas, chance: Chance) -> None:
    c.paint(c.ellipse(16, 20.4, 10) & ~c.ellipse(16, 20.4, 6), "main")
    wide = chance.between(5.5, 6.5)
    c.paint(
        c.polygon(
            [
                (16 - wide + 2, 1.5),
                (16 + wide - 2, 1.5),
                (16 + wide, 5.5),
                (16, 13),
                (16 - wide, 5.5),
            ]
        ),
        "accent",
        BASE,
    )
    c.paint(
        c.polygon([(16 - wide + 2, 1.5), (16, 1.5), (14, 5.5), (16 - wide, 5.5)]), "accent", SHINE
    )
    c.paint(c.polygon([(16, 5.5), (16 + wide, 5.5), (16, 13)]), "accent", SHADOW)


def chest(c: Canvas, chance: Chance) -> None:
    high = chance.between(8.5, 10.5)
    lid = (c.ellipse(16, 14, 13.5, high) | c.box(2.5, 10, 29.5, 14)) & (c.y <= 14)
    c.paint(c.box(2.5, 14, 29.5, 28.5), "main")
    c.paint(lid, "main")
    c.paint((c.box(2.5, 3, 6, 28.5) | c.box(26, 3, 29.5, 28.5)), "trim", BASE, on="main")
    c.paint(c.box(2.5, 13, 29.5, 16), "trim", BASE)
    c.paint(c.box(2.5, 15, 29.5, 16), "trim", SHADOW)
    c.paint(c.box(12.6, 11.5, 19.4, 20, 1), "trim", LIGHT)
    c.dots(16, 15.4, "ink", BASE, (2, 4))


def lantern(c: Canvas, chance: Chance) -> None:
    c.paint(c.ring(16, 4.5, 3.4, 2), "main", SHADOW)
    c.paint(c.box(9, 11, 23, 26), "flame", LIGHT)
    c.paint(c.ellipse(16, 19.5, 3, 5), "flame", SHINE)
    for x in (8, 21.6):
        c.paint(c.box(x, 10, x + 2.6, 27), "main", BASE if x < 16 else SHADOW)
    if chance.flip(0.4):
        c.paint(c.box(15, 11, 17, 26), "main", BASE)
    c.paint(c.mirrored([(16, 5.5), (19, 5.5), (26, 11.6), (16, 11.6)]), "main")
    c.paint(c.box(6, 25.6, 26, 30, 1), "main")


def candle(c: Canvas, chance: Chance) -> None:
    c.paint(c.ring(25, 25, 3, 2), "gold", SHADOW)
    c.paint(c.ellipse(15, 27.6, 10.5, 2.8), "gold")
    c.paint(c.box(10, 12, 20, 27), "main")
    c.paint(c.box(10, 12, 20, 14), "main", LIGHT, facet=True)
    for x, low in ((11, chance.between(16, 19)), (16.5, chance.between(15, 18))):
        c.paint(c.line((x, 13), (x, low), width=2), "main", LIGHT, facet=True)
    c.paint(c.box(14.4, 9, 15.6, 12), "ink", BASE)
    c.paint(c.mirrored([(15, 0.8), (17.6, 5), (17.6, 8), (15, 10.3)], 15.0), "flame", BASE)
    c.paint(c.ellipse(15, 7, 1.6, 2.2), "flame", SHINE)


def book(c: Canvas, chance: Chance) -> None:
    c.paint(c.box(6, 22, 28, 30), "main", SHADOW)
    c.paint(c.box(8, 5, 27, 28.5), "cream", LIGHT)
    c.paint(c.box(9, 27, 27, 28.2), "cream", SHADOW)
    c.paint(c.box(4.5, 2, 26, 26.5, 0.8) | c.box(4.5, 20, 8, 30, 0.8), "main", BASE)
    c.paint(c.box(4.5, 2, 8.2, 30), "main", SHADOW, on="main", facet=True)
    c.tone(c.box(8.2, 2, 9.4, 26.5) | c.box(8, 2, 26, 3.4), 1)
    c.tone(c.box(24.8, 4, 26, 26.5), -1)
    emblem = chance.pick(["diamond", "lines"])
    if emblem == "diamond":
        c.paint(c.mirrored([(17, 8.5), (21.8, 14.3), (17, 20)], 17.0), "trim", BASE)
        c.paint(c.polygon([(17, 8.5), (12.2, 14.3), (17, 14.3)]), "trim", LIGHT)
    else:
        c.paint(c.box(12, 8, 22, 10.2) | c.box(12, 12, 22, 14.2), "trim", BASE)


def cup(c: Canvas, chance: Chance) -> None:
    c.paint(c.ring(22, 19, 6, 2.8), "main", SHADOW)
    c.paint(c.box(4.5, 11, 22, 29.5, 1.8), "main")
    c.paint(c.ellipse(13.3, 11.2, 8.8, 2.6), "main", LIGHT)
    c.paint(c.ellipse(13.3, 11.3, 6.9, 1.5), "wood", SHADOW)
    for x in (9.5, 15.5):
        c.paint(c.line((x, 7), (x + 1.6, 5), (x, 3), (x + 1.6, 1.4), width=1.3), "metal", LIGHT)


def cake(c: Canvas, chance: Chance) -> None:
    c.paint(c.ellipse(16, 28.4, 14.5, 2.2), "metal", BASE)
    c.paint(c.box(4, 13, 28, 28.4), "cream", BASE)
    c.tone(c.box(23, 13, 28, 28.4), -1, on="cream")
    c.paint(c.box(4, 22.6, 28, 25.2), "main", SHADOW)
    c.paint(c.ellipse(16, 13.4, 12, 4), "main", LIGHT)
    c.paint(c.box(4, 13.4, 28, 16.6), "main", BASE)
    for x in (6, 10, 14, 18, 22, 26):
        low = 18.5 + chance.pick([0, 2])
        c.paint(c.line((x, 15), (x, low), width=3.6), "main", BASE if x < 21 else SHADOW)
    c.paint(c.ellipse(16, 13, 9.5, 2.4), "main", SHINE, facet=True)
    c.paint(c.line((16, 6), (18.5, 2), width=1.2), "leaf", SHADOW)
    c.paint(c.ellipse(16, 8.4, 3.8), "accent")


DRAWERS = {
    "potion": potion,
    "gem": gem,
    "key": key,
    "coin": coin,
    "crown": crown,
    "ring": ring,
    "chest": chest,
    "lantern": lantern,
    "candle": candle,
    "book": book,
    "cup": cup,
    "cake": cake,
}
