"""Materials of an index map and the colours that they take.

An index is `material * 5 + shade`; 0 is transparent (material 0 has no other shade in use).
"""

from __future__ import annotations

import numpy as np

from ..words import load_words

SHADES = 5
MATERIALS = (
    "empty",
    "main",
    "wood",
    "metal",
    "gold",
    "leaf",
    "cream",
    "glass",
    "ink",
    "flame",
    "accent",
    "trim",
    "spot",
    "pollen",
    "eye",
    "outline",
    "gleam",
)

RAMPS = load_words().ramps
FIXED = {
    "wood": "3a1d14 693a1e 96602f bd8a4a dcb37e",
    "metal": "343a52 66708c a3adc2 d3dae6 f8fbff",
    "gold": "6e3f12 b8741c f0b429 ffdc5a fff4b8",
    "leaf": "123f33 1f6b3c 3c9e45 6cc750 b4ec78",
    "cream": "8f6a52 cda582 f3dfbb fff3d9 fffaf0",
    "glass": "5a7fa8 8fb9d6 c6e6f2 e6f7fb ffffff",
    "ink": "0c0a14 17141f 221d2e 3a3348 5a5268",
    "flame": "8e2a12 d8541a ff9a2a ffd347 fff7bd",
    "accent": "4f1230 8e1b3a d52f3b f0604d ffa07a",
    "outline": "08060c 08060c 08060c 08060c 08060c",
    "gleam": "ffffff ffffff ffffff ffffff ffffff",
}
# trim is gold and spots are cream, unless that would melt into the main colour
SILVER_TRIM = ("yellow", "orange", "brown")
DARK_SPOTS = ("white", "yellow")
BLUE_ACCENT = ("red", "pink", "orange")


def ramp(colours: list[str]) -> np.ndarray:
    """Turn five hex colours into an array (5, 4) of RGBA bytes."""
    values = [bytes.fromhex(colour.removeprefix("#")) for colour in colours]
    return np.array([[*value, 255] for value in values], np.uint8)


def table(colour: str) -> np.ndarray:
    """Return the RGBA bytes (materials * 5, 4) of each index for the main `colour`."""
    ramps = {name: ramp(colours.split()) for name, colours in FIXED.items()}
    ramps["main"] = ramp(RAMPS[colour])
    ramps["trim"] = ramps["metal" if colour in SILVER_TRIM else "gold"]
    ramps["spot"] = ramps["accent"] if colour in DARK_SPOTS else ramps["cream"]
    ramps["pollen"] = ramps["wood" if colour in ("yellow", "orange") else "gold"]
    ramps["eye"] = ramps["flame" if colour == "black" else "ink"]
    if colour in BLUE_ACCENT:
        ramps["accent"] = ramp(RAMPS["blue"])
    ramps["empty"] = np.zeros((SHADES, 4), np.uint8)
    return np.concatenate([ramps[name] for name in MATERIALS])


def colour_tables() -> np.ndarray:
    """Return the tables of all colours, (colours, materials * 5, 4) uint8, in word-file order."""
    return np.stack([table(colour) for colour in RAMPS])
