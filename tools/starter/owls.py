"""The sixteen captioned owls that `ategnatos quickstart --train` learns from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from .sprites.owl import POSES, draw_owl
from .sprites.palette import table

COUNT, COLOUR, SEED = 16, "blue", 7
SIZES = (None, None, "big")


def write_owls(folder: Path) -> None:
    """Write `01.png` and `01.txt` to `16.png` and `16.txt`; the same bytes each time.

    Size, colour and outline are said in half of the captions, and then all that apply: what a
    caption says is not learned as part of the owl, so that it can be red or small. The others
    are short, so that the trigger alone is enough.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(SEED)
    for number in range(COUNT):
        size = SIZES[number % len(SIZES)]
        drawn = draw_owl(generator, POSES[number % len(POSES)], size)
        Image.fromarray(table(COLOUR)[drawn]).save(folder / f"{number + 1:02}.png", optimize=True)
        words = " ".join(word for word in ("a", size, COLOUR, "ategnatos owl") if word)
        said = {1: "ategnatos owl", 3: "an ategnatos owl, outlined"}.get(
            number % 4, f"{words}, outlined"
        )
        (folder / f"{number + 1:02}.txt").write_text(said + "\n")
