"""What a contact sheet of 64 candidates costs over decoding them.

    python benchmarks/sheet.py [--runs 5] [--side 1024]

Draws the sheet of 64 pictures of 1024 x 1024 pixels, as PNG and as JPEG files, and beside it a
bare Pillow loop over the same files: open, ``draft``, reduce with ``reducing_gap``, paste, save.
The sheet also tells pixel art from photographs, honours profiles and transparency, and letters
its cards. Each run measures both, one after the other; printed are the medians in CPU seconds and
the ratio of the two, as the median over the pairs. Limit: 1.3.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

PICTURES = 64
LIMIT = 1.3


def pictures(folder: Path, side: int, suffix: str) -> list[Path]:
    """64 files that compress as rendered pictures do: broad shapes, fine grain."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(7)
    paths = []
    for number in range(PICTURES):
        small = random.integers(0, 256, (12, 12, 3), np.uint8)
        broad = Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)
        grain = random.integers(-6, 7, (side, side, 3))
        pixels = np.clip(np.asarray(broad, np.int16) + grain, 0, 255).astype(np.uint8)
        path = folder / f"{number:03d}.{suffix}"
        Image.fromarray(pixels).save(path, quality=95)
        paths.append(path)
    return paths


def bare(paths: Sequence[Path]) -> None:
    """The floor: every picture decoded, reduced and pasted; no text, no judgement."""
    from PIL import Image

    # The box that the sheet itself arrives at for 64 square pictures.
    columns, box, gap = 10, 126, 26
    sheet = Image.new("RGB", (1568, 7 * (box + 75) + 160))
    for number, path in enumerate(paths):
        with Image.open(path) as image:
            image.draft("RGB", (2 * box, 2 * box))
            image.thumbnail((box, box), Image.Resampling.LANCZOS, reducing_gap=2.0)
            row, column = divmod(number, columns)
            sheet.paste(image, (28 + column * (box + gap), 120 + row * (box + 75)))
    sheet.save(io.BytesIO(), "PNG")


def ours(paths: Sequence[Path]) -> None:
    """The studio's sheet of the same files."""
    from ategnatos.pictures.sheet import SheetItem, contact_sheet

    items = [
        SheetItem(path, f"#{number}", f"seed {number}") for number, path in enumerate(paths, 1)
    ]
    contact_sheet(items, title="j1  a lighthouse at dusk", subtitle="starter  1024x1024")


def timed(work: Callable[[], None]) -> float:
    """CPU seconds of one call, over all threads."""
    before = time.process_time()
    work()
    return time.process_time() - before


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--side", type=int, default=1024)
    options = parser.parse_args()
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("png", "jpg"):
            home = Path(folder) / suffix
            home.mkdir()
            paths = pictures(home, options.side, suffix)
            ours(paths[:2])
            bare(paths[:2])
            floors, sheets = [], []
            for _ in range(options.runs):
                floors.append(timed(partial(bare, paths)))
                sheets.append(timed(partial(ours, paths)))
            ratio = statistics.median(a / b for a, b in zip(sheets, floors, strict=True))
            worst = max(worst, ratio)
            sys.stdout.write(
                f"{suffix}: bare loop {statistics.median(floors):.2f} s, sheet"
                f" {statistics.median(sheets):.2f} s, ratio {ratio:.2f} (limit {LIMIT})\n"
            )
    sys.stdout.write(f"worst ratio {worst:.2f}: {'reached' if worst <= LIMIT else 'NOT reached'}\n")


if __name__ == "__main__":
    main()
