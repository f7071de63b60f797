"""Training examples: index maps drawn once, then coloured and captioned anew each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .captions import Captioner, Fact, held_out, styles_of
from .sprites import Look, colour_tables, draw
from .sprites.chance import Chance
from .words import Words

# (size, outlined, shiny, flat) with their weights in training
SIZES = ((None, 0.5), ("small", 0.24), ("big", 0.26))
# shiny is drawn often because its small sparks are learned last
STYLE_SETS = (
    ((False, False, False), 0.37),
    ((True, False, False), 0.20),
    ((False, True, False), 0.16),
    ((False, False, True), 0.10),
    ((True, True, False), 0.11),
    ((True, False, True), 0.06),
)


# kinds with thin or small parts, drawn more often than the others
HARD_KINDS = {"key": 1.6, "moon": 1.4, "bat": 1.3, "cat": 1.2, "sword": 1.2, "axe": 1.2}


def looks_of(kind: str) -> list[tuple[Look, float]]:
    """Return every look of `kind` and its share of the training examples."""
    return [
        (Look(kind, size, *styles), size_share * style_share)
        for size, size_share in SIZES
        for styles, style_share in STYLE_SETS
    ]


def draw_maps(words: Words, each: int, seed: int, path: Path | None = None) -> np.ndarray:
    """Draw `each` index maps of every look: (kinds, 18 looks, each, 32, 32) uint8.

    With `path`, reads them from there when they exist and writes them there when not.
    """
    if path is not None and path.exists():
        return np.load(path)
    generator = np.random.default_rng(seed)
    maps = np.stack(
        [
            np.stack(
                [
                    np.stack([draw(look, generator) for _ in range(each)])
                    for look, _ in looks_of(kind)
                ]
            )
            for kind in words.kinds
        ]
    )
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.stem + ".part.npy")
        np.save(part, maps)
        part.replace(path)
    return maps


def to_model(rgba: np.ndarray) -> np.ndarray:
    """Turn RGBA bytes (n, 32, 32, 4) into model pixels (n, 4, 32, 32) float32 in [-1, 1].

    Transparent pixels become colour 0, alpha -1: the middle, so that they cost the model little.
    """
    pixels = rgba.astype(np.float32) / 127.5 - 1.0
    pixels[..., :3][rgba[..., 3] == 0] = 0.0
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


def to_rgba(pixels: np.ndarray) -> np.ndarray:
    """Turn model pixels (n, 4, 32, 32) into RGBA bytes (n, 32, 32, 4), alpha cut at one half."""
    values = np.rint((np.clip(pixels, -1, 1) + 1.0) * 127.5).astype(np.uint8).transpose(0, 2, 3, 1)
    values = np.ascontiguousarray(values)
    values[..., 3] = np.where(values[..., 3] >= 128, 255, 0)
    values[values[..., 3] == 0] = 0
    return values


class Examples:
    """An endless source of captioned sprites, without the held-out combinations.

    Args:
        maps: from `draw_maps`.
        weights: how often kinds are drawn, relative to 1; on top of `HARD_KINDS`.
        withhold: leave out the held-out combinations.
    """

    def __init__(
        self,
        words: Words,
        maps: np.ndarray,
        weights: dict[str, float] | None = None,
        withhold: bool = True,
    ) -> None:
        self.words, self.maps, self.withhold = words, maps, withhold
        self.tables = colour_tables()
        self.kinds, self.colours = list(words.kinds), list(words.colours)
        self.looks = {kind: [look for look, _ in looks_of(kind)] for kind in self.kinds}
        self.shares = np.array([share for _, share in looks_of(self.kinds[0])])
        kind_weights = np.array(
            [{**HARD_KINDS, **(weights or {})}.get(kind, 1.0) for kind in self.kinds]
        )
        self.kind_shares = kind_weights / kind_weights.sum()
        self.captioner = Captioner(words)

    def choose(self, chance: Chance) -> tuple[int, int, int]:
        """Return the numbers of a kind, a look and a colour that may be trained on."""
        kind = int(chance.generator.choice(len(self.kinds), p=self.kind_shares))
        number = int(chance.generator.choice(len(self.shares), p=self.shares))
        styles = styles_of(self.looks[self.kinds[kind]][number])
        while True:
            colour = int(chance.generator.integers(len(self.colours)))
            if not (self.withhold and held_out(self.kinds[kind], self.colours[colour], styles)):
                return kind, number, colour

    def caption(self, chance: Chance) -> tuple[str, Fact]:
        """Return a caption and what it says, without a picture."""
        kind, number, colour = self.choose(chance)
        look = self.looks[self.kinds[kind]][number]
        return self.captioner.write(look, self.colours[colour], chance)

    def batch(self, count: int, chance: Chance) -> tuple[np.ndarray, list[str], np.ndarray]:
        """Return RGBA bytes (count, 32, 32, 4), captions, and labels (count, 6) int64.

        Labels: kind, colour, size (0 none, 1 small, 2 big), outlined, shiny, flat.
        """
        images, captions, labels = [], [], []
        for _ in range(count):
            kind, number, colour = self.choose(chance)
            look = self.looks[self.kinds[kind]][number]
            caption, _ = self.captioner.write(look, self.colours[colour], chance)
            index_map = self.maps[kind, number, chance.generator.integers(self.maps.shape[2])]
            images.append(self.tables[colour][index_map])
            captions.append(caption)
            size = (None, "small", "big").index(look.size)
            labels.append([kind, colour, size, look.outlined, look.shiny, look.flat])
        return np.stack(images), captions, np.array(labels, np.int64)
