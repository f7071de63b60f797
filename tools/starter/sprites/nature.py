"""Drawings of plants, fruit and things in the sky."""

from __future__ import annotations

import math

from .canvas import BASE, LIGHT, SHADOW, SHINE, Canvas
from .chance import Chance
from .treasure import star_points


def mushroom(c: Canvas, chance: Chance) -> None:
    stem = chance.between(3.8, 5)
    c.paint(c.mirrored([(16, 14), (16 + stem, 14), (16 + stem + 1.2, 28), (16, 30)]), "cream")
    high = chance.between(12, 14.5)
    c.paint((c.ellipse(16, 16, 14, high) & (c.y <= 16)) | c.box(2.5, 14.5, 29.5, 18, 1.2), "main")
    c.tone(c.box(2, 16.6, 30, 18), -1)
    c.paint(c.box(16 - stem, 18, 16 + stem, 19.2), "cream", SHADOW, on="cream")
    for x, y, radius in ((15, 7.5, 2.9), (7.8, 13, 2.2), (23.4, 12, 2.6)):
        c.paint(c.ellipse(x, y, radius), "spot", LIGHT, on="main")


def tree(c: Canvas, chance: Chance) -> None:
    c.paint(c.mirrored([(16, 19), (18.4, 19), (18.8, 27), (20.5, 30.3), (16, 30.3)]), "wood")
    if chance.flip(0.6):
        side = chance.between(8.4, 9.2)
        blobs = [(16, 8.5, 7.2), (side, 14.5, 6.8), (32 - side, 14.5, 6.8), (16, 16, 7)]
        crown = c.ellipse(*blobs[0])
        for blob in blobs[1:]:
            crown |= c.ellipse(*blob)
        c.paint(crown, "main")
        for x, y in ((11, 10), (17, 6), (20, 13.5), (9, 16)):
            c.paint(c.ellipse(x, y, 1.8, 1.2), "main", LIGHT, on="main", facet=True)
        for x, y in ((13.5, 17), (23, 17.5), (18, 19.5)):
            c.paint(c.ellipse(x, y, 1.9, 1.2), "main", SHADOW, on="main", facet=True)
        return
    for top, low, wide in ((14, 25.5, 12), (8, 19, 9.6), (1.5, 12.5, 7)):
        c.paint(c.mirrored([(16, top), (16 + wide, low), (16, low)]), "main")
        c.tone(c.box(2, low - 1.6, 30, low), -1)


def flower(c: Canvas, chance: Chance) -> None:
    c.paint(c.box(15, 16, 17, 30.5), "leaf", SHADOW)
    c.paint(c.ellipse(20.6, 25.4, 4.2, 2.1) | c.ellipse(11.4, 27, 4.2, 2.1), "leaf")
    petals = chance.pick([5, 6])
    for petal in range(petals):
        angle = 2 * math.pi * petal / petals
        x, y = 16 + 6.3 * math.sin(angle), 11 - 6.3 * math.cos(angle)
        c.paint(c.ellipse(x, y, 4.4 if petals == 5 else 4), "main")
    c.paint(c.ellipse(16, 11, 4), "pollen")


def cactus(c: Canvas, chance: Chance) -> None:
    left, right = chance.between(10.5, 12.5), chance.between(7, 9)
    c.paint(c.line((16, 19), (5, 19), (5, left), width=5), "main")
    c.paint(c.line((16, 15), (27, 15), (27, right), width=5), "main")
    c.paint(c.line((16, 5.4), (16, 26), width=8), "main")
    c.paint(c.box(15.3, 7, 16.7, 23), "main", SHADOW, on="main", facet=True)
    for x, y in ((13.5, 6), (18.5, 9), (13.5, 14), (18.5, 18), (5, 13), (27, 10)):
        c.dots(x, y, "main", SHINE, (1, 1))
    c.paint(c.polygon([(8.5, 24), (23.5, 24), (21.5, 30.4), (10.5, 30.4)]), "wood")
    c.paint(c.box(7.5, 22.6, 24.5, 25.4), "wood", LIGHT)


def apple(c: Canvas, chance: Chance) -> None:
    c.paint(c.line((16, 10), (16.6, 6), (18, 3), width=1.8), "wood", SHADOW)
    wide = chance.between(8, 9)
    body = c.ellipse(16 - 5, 19, wide, 10.5) | c.ellipse(16 + 5, 19, wide, 10.5)
    body &= ~c.ellipse(16, 8, 3, 2.2)
    c.paint(body & ~c.ellipse(16, 31, 3, 2.4), "main")
    c.paint(c.polygon([(17.5, 6.5), (21, 3), (26, 2.5), (25, 6.5), (21, 8)]), "leaf")


def cherry(c: Canvas, chance: Chance) -> None:
    c.paint(c.line((9.5, 19), (13, 11), (19, 4), width=1.5), "leaf", SHADOW)
    c.paint(c.line((22.5, 19), (22, 11), (19, 4), width=1.5), "leaf", SHADOW)
    c.paint(c.polygon([(18, 5), (12.5, 1.5), (7, 3), (9, 7), (13, 8)]), "leaf")
    size = chance.between(6.2, 6.9)
    c.paint(c.ellipse(9, 23, size), "main")
    c.paint(c.ellipse(23, 23.5, size), "main")


def carrot(c: Canvas, chance: Chance) -> None:
    for x, y in ((9.5, 3.5), (22.5, 3.5), (16, 1.5)):
        c.paint(c.line((16, 12), ((x + 16) / 2, 6.5), (x, y), width=3.2), "leaf")
    wide = chance.between(6, 7.2)
    c.paint(
        c.mirrored(
            [(16, 9.5), (14 + wide, 9.5), (16 + wide, 12), (15 + wide, 16), (18, 27), (16, 31)]
        ),
        "main",
    )
    for x, y, length in ((11.5, 14.5, 4), (17, 18, 3.5), (13, 22, 3)):
        c.paint(c.box(x, y - 0.6, x + length, y + 0.6), "main", SHADOW, on="main", facet=True)


def pumpkin(c: Canvas, chance: Chance) -> None:
    c.paint(c.polygon([(14, 10), (14.5, 5), (17, 2), (20, 3), (18, 6), (18.4, 10)]), "leaf", SHADOW)
    c.paint(c.ellipse(9, 19, 7.2, 9.6) | c.ellipse(23, 19, 7.2, 9.6), "main")
    c.paint(c.ellipse(16, 19, 7.4, 11), "main")
    for x, y in ((10.5, 16.5), (21.5, 16.5)):
        c.paint(c.polygon([(x, y - 3.2), (x + 3.2, y + 2), (x - 3.2, y + 2)]), "eye", BASE)
    mouth = [
        (7.5, 21.5),
        (11, 23.5),
        (13, 21.8),
        (16, 24),
        (19, 21.8),
        (21, 23.5),
        (24.5, 21.5),
        (21.5, 26.5),
        (16, 28),
        (10.5, 26.5),
    ]
    c.paint(c.polygon(mouth), "eye", BASE)


def heart(c: Canvas, chance: Chance) -> None:
    low = chance.between(28.5, 30)
    c.paint(
        c.ellipse(9.6, 10.4, 7.7)
        | c.ellipse(22.4, 10.4, 7.7)
        | c.mirrored([(16, 7), (28.8, 14.6), (16, low)]),
        "main",
    )


def star(c: Canvas, chance: Chance) -> None:
    c.paint(c.polygon(star_points(16, 17, 15.4, chance.between(6.8, 7.8))), "main")


def moon(c: Canvas, chance: Chance) -> None:
    bite = chance.between(10, 11.2)
    c.paint(c.ellipse(15, 16, 14) & ~c.ellipse(21.8, 12.6, bite), "main")
    for x, y, size in ((6.5, 17, 1.9), (11.5, 24, 2.2)):
        c.paint(c.ellipse(x, y, size), "main", SHADOW, on="main", facet=True)


def snowman(c: Canvas, chance: Chance) -> None:
    arm = chance.between(14, 17)
    c.paint(
        c.line((9, 20), (3, arm), width=1.4) | c.line((23, 20), (29, arm), width=1.4),
        "wood",
        SHADOW,
    )
    c.paint(c.ellipse(16, 23, 8.6, 7.6), "main")
    c.paint(c.ellipse(16, 11.8, 6.6, 6.4), "main")
    c.paint(c.box(9.6, 16.2, 22.4, 18.8, 0.6) | c.box(19.4, 17, 22.2, 23), "accent", BASE)
    c.paint(c.box(11.5, 1.2, 20.5, 7), "ink", BASE)
    c.paint(c.box(11.5, 4.6, 20.5, 6.2), "accent", BASE)
    c.paint(c.box(9, 6.2, 23, 8), "ink", BASE)
    for x in (13.4, 18.6):
        c.dots(x, 11, "eye", BASE, (1.4, 1.6))
    c.paint(c.polygon([(15.2, 12.2), (15.2, 14.4), (20.5, 13.6)]), "flame", BASE)
    for y in (21.5, 25.5):
        c.dots(16, y, "eye", BASE, (1.6, 1.6))


DRAWERS = {
    "mushroom": mushroom,
    "tree": tree,
    "flower": flower,
    "cactus": cactus,
    "apple": apple,
    "cherry": cherry,
    "carrot": carrot,
    "pumpkin": pumpkin,
    "heart": heart,
    "star": star,
    "moon": moon,
    "snowman": snowman,
}
