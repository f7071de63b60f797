"""What the pixels say: sharpness, real resolution, blocks, borders, text, light, colours.

All of it is arithmetic on one grey array of the whole picture and on the 16x16 RGB picture of its
fingerprint. Every figure's unit is in :func:`measure`'s docstring.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.fft
from PIL import Image

from ategnatos.train.dataset.audit.meanings import MUCH_TEXT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Grey = NDArray[np.uint8]

_TILES = 8
# A row or column is bare where its lightest and darkest pixel differ by no more.
_BARE = 8
_LINES_AT_ONCE = 16
_SPECTRUM_LINES, _BANDS = 12, 32
# A step between blocks that nobody sees, in grey levels.
_FAINT = 0.6
# Sharpness and blocks are read from that many rows: more tell nothing new.
_ROWS = 64
_TEXT_CELL = (6, 24)
# Of dithered pictures and noise more of the pixels stand alone, of printed pages hardly one.
_ALONE, _ALONE_BY = 0.02, 64


def measure(grey: Grey, colour: NDArray[np.uint8]) -> dict[str, Any]:
    """Facts of one picture, JSON values.

    ``light``, ``spread`` mean and standard deviation of grey (0 to 255); ``dark`` the level that
    99 % of the pixels do not exceed; ``sharp`` how steep edges are, 0.06 soft to 0.25 hard;
    ``real`` the share of the resolution that holds detail (0 to 1); ``pixels`` the side of a
    repeated pixel (1: none); ``blocks`` how much stronger the 8x8 grid is than what lies beside it;
    ``bare`` shares of left, top, right and bottom that are one colour, ``bare_light`` its grey
    level; ``text`` the share of the picture that looks like lines of text; ``colours`` up to five
    as [hex, share]; ``saturation`` 0 to 1; ``ground`` the share of the border region that is one
    colour.
    """
    height, width = grey.shape
    facts: dict[str, Any] = {}
    counts = np.asarray(Image.fromarray(grey[::8, ::8]).histogram())
    total, levels = counts.sum(), np.arange(256)
    mean = float((counts * levels).sum() / total)
    facts["light"] = round(mean, 1)
    facts["spread"] = round(float(np.sqrt((counts * (levels - mean) ** 2).sum() / total)), 1)
    facts["dark"] = int(np.searchsorted(counts.cumsum(), 0.99 * total))
    facts |= _borders(grey)
    if min(height, width) >= 64:
        facts |= _edges(grey)
        facts["real"] = _real_resolution(grey)
        facts["text"] = _text(grey)
        # What was dithered to black and white has two levels and many turns, too.
        if facts["text"] >= MUCH_TEXT and _speckled(grey[:: facts["pixels"], :: facts["pixels"]]):
            facts["text"] = 0.0
    facts |= _colours(colour)
    return facts


def _edges(grey: Grey) -> dict[str, Any]:
    height, width = grey.shape
    rows = grey[:: max(1, height // _ROWS)]
    one = np.abs(np.subtract(rows[:, 1:], rows[:, :-1], dtype=np.int16))
    profile = one.mean(axis=0, dtype=np.float32)
    return {
        "sharp": _sharp(rows, one),
        "blocks": _blocks(profile),
        "pixels": _repeated(one, width),
    }


def _sharp(rows: Grey, one: NDArray[np.int16]) -> float:
    """The energy of a step of one pixel against that of four, in the sharpest tenth of tiles.

    A hard edge gives 1/4, a ramp over four pixels and more 1/16: independent of contrast.
    """
    near = one.astype(np.float32)
    far = np.subtract(rows[:, 4:], rows[:, :-4], dtype=np.int16).astype(np.float32)
    near, far = near[:, 3:] ** 2, far**2
    tall, wide = near.shape[0] // _TILES, near.shape[1] // _TILES
    if not tall or not wide:
        return 0.25
    near_sum, far_sum = _tiles(near, tall, wide), _tiles(far, tall, wide)
    busy = far_sum > 16
    if not busy.any():
        return 0.0
    return round(float(np.quantile(near_sum[busy] / far_sum[busy], 0.9)), 3)


def _tiles(values: NDArray[np.float32], tall: int, wide: int) -> NDArray[np.float32]:
    """The mean of each of 8x8 tiles of that many pixels."""
    # One axis after the other: numpy takes twice as long for two at once.
    down = values[: tall * _TILES].reshape(_TILES, tall, -1).sum(axis=1)
    across = down[:, : wide * _TILES].reshape(_TILES, _TILES, wide).sum(axis=2)
    return np.asarray(across / (tall * wide), np.float32)


def _blocks(profile: NDArray[np.float32]) -> float:
    """Of the mean step between neighbouring columns: the strongest phase of eight by the rest.

    Medians, because one drawn vertical line is in one phase, too.
    """
    whole = profile[: len(profile) // 8 * 8].reshape(-1, 8)
    phases = np.sort(np.median(whole, axis=0))
    rest = float(phases[:-1].mean())
    if phases[-1] - rest < _FAINT:
        return 1.0
    return round(float(phases[-1]) / max(rest, 0.3), 2)


def _repeated(one: NDArray[np.int16], width: int) -> int:
    """The largest k for which columns come in equal runs of k; 1 where they do not."""
    changes = np.flatnonzero((one != 0).any(axis=0)) + 1
    if len(changes) < 4 or len(changes) > width // 2:
        return 1
    return int(np.gcd.reduce(changes)) or 1


def _borders(grey: Grey) -> dict[str, Any]:
    height, width = grey.shape
    # Every eighth pixel of a line is enough to see that it is not bare.
    rows, columns = grey[:, ::8], np.ascontiguousarray(grey[::8]).T
    top, bottom = _bare_lines(rows), _bare_lines(rows[::-1])
    left, right = _bare_lines(columns), _bare_lines(columns[::-1])
    level = 255
    if top or bottom:
        level = int(grey[0 if top else -1].mean())
    elif left or right:
        level = int(grey[:, 0 if left else -1].mean())
    return {
        "bare": [
            round(n / side, 3)
            for n, side in ((left, width), (top, height), (right, width), (bottom, height))
        ],
        "bare_light": level,
    }


def _bare_lines(lines: Grey) -> int:
    """How many of ``lines`` (n, length) are bare before the first that is not."""
    start, count = 0, _LINES_AT_ONCE
    while start < len(lines):
        part = lines[start : start + count]
        stops = np.flatnonzero(part.max(axis=1) - part.min(axis=1) > _BARE)
        if len(stops):
            return start + int(stops[0])
        # Most pictures end the search in the first lines; one of a single colour never does.
        start, count = start + count, 4 * count
    return len(lines)


def _real_resolution(grey: Grey) -> float:
    """Up to which share of the finest detail there is any, from the spectrum of some lines.

    Enlarging leaves everything above 1/factor empty: below that cliff lies energy, above it only
    what rounding and compression put there. 1.0 where no cliff is found.
    """
    height, width = grey.shape
    length = 1 << (min(width, height).bit_length() - 1)
    step_y, step_x = max(1, height // _SPECTRUM_LINES), max(1, width // _SPECTRUM_LINES)
    lines = np.concatenate([grey[::step_y, :length], grey[:length, ::step_x].T]).astype(np.float32)
    lines -= lines.mean(axis=1, keepdims=True)
    waves = scipy.fft.rfft(lines * _window(length))
    power = (waves.real**2 + waves.imag**2).mean(axis=0)
    sums = np.concatenate([[0.0], np.cumsum(power[1:], dtype=np.float64)])
    edges = np.linspace(0, len(power) - 1, _BANDS + 1).astype(int)
    bands = np.diff(sums[edges]) / np.diff(edges)
    if bands[2:6].mean() < 50:
        return 1.0
    # A natural picture falls by about 1/f^2; a cliff falls 12 times faster within four bands.
    run = np.concatenate([[0.0], np.cumsum(bands)])
    at = np.arange(5, _BANDS - 5)
    before = (run[at] - run[at - 3]) / 3
    after = (run[at + 5] - run[at + 2]) / 3
    rest = (run[-1] - run[at + 2]) / (_BANDS - at - 2)
    limit = before * ((at - 1.5) / (at + 3.5)) ** 3 / 12
    cliffs = np.flatnonzero((after < limit) & (rest < limit))
    return round(float((at[cliffs[0]] + 1) / _BANDS), 2) if len(cliffs) else 1.0


@lru_cache(maxsize=8)
def _window(length: int) -> NDArray[np.float32]:
    return np.hanning(length).astype(np.float32)


def _text(grey: Grey) -> float:
    step = max(1, min(grey.shape) // 200)
    small = np.ascontiguousarray(grey[::step, ::step])
    tall, wide = _TEXT_CELL
    height, width = small.shape[0] // tall * tall, small.shape[1] // wide * wide
    if not height or not width:
        return 0.0
    cells = small[:height, :width].reshape(height // tall, tall, width // wide, wide)
    low = cells.min(axis=1).min(axis=2)
    high = cells.max(axis=1).max(axis=2)
    strong = (high.astype(np.int16) - low) >= 90
    if not strong.any():
        return 0.0
    part = cells.transpose(0, 2, 1, 3)[strong].astype(np.int16)
    bottom, span = (
        low[strong][:, None, None],
        (high[strong].astype(np.int16) - low[strong])[:, None, None],
    )
    share = (part - bottom) / span
    two = ((share < 0.25) | (share > 0.75)).mean(axis=(1, 2))
    ink = (share > 0.5).mean(axis=(1, 2))
    ink = np.minimum(ink, 1 - ink)
    turns = (np.diff(share > 0.5, axis=2)).sum(axis=2).mean(axis=1)
    lines = (two > 0.6) & (ink > 0.08) & (ink < 0.45) & (turns >= 4) & (turns <= 16)
    return round(float(lines.sum() / strong.size), 3)


def _speckled(grey: Grey) -> bool:
    """Whether many pixels are unlike all four that they touch, which strokes of a pen never are."""
    if min(grey.shape) < 3:
        return False
    one = grey.astype(np.int16)
    here = one[1:-1, 1:-1]
    beside = (one[:-2, 1:-1], one[2:, 1:-1], one[1:-1, :-2], one[1:-1, 2:])
    alone = np.logical_and.reduce([np.abs(here - other) > _ALONE_BY for other in beside])
    return float(alone.mean()) > _ALONE


def _colours(colour: NDArray[np.uint8]) -> dict[str, Any]:
    """From the 16x16 picture: its colours in steps of 32 levels, each told by its mean."""
    pixels = colour.reshape(-1, 3)
    coarse = pixels >> 5
    keys = coarse[:, 0].astype(np.intp) << 6 | coarse[:, 1] << 3 | coarse[:, 2]
    counts = np.bincount(keys, minlength=512)
    strongest = np.argsort(-counts, kind="stable")[:5]
    sums = [np.bincount(keys, pixels[:, n], 512)[strongest] for n in range(3)]
    means = (np.stack(sums, axis=1) / np.maximum(counts[strongest], 1)[:, None]).astype(np.uint8)
    colours = [
        ["#" + bytes(mean).hex(), round(int(counts[key]) / len(pixels), 3)]
        for key, mean in zip(strongest, means, strict=True)
        if counts[key]
    ]
    top, bottom = pixels.max(axis=1).astype(np.float32), pixels.min(axis=1)
    sides = (colour[:2], colour[:, :2], colour[:, -2:])
    edge = np.concatenate([side.reshape(-1, 3) for side in sides]).astype(np.float32)
    away = np.abs(edge - np.median(edge, axis=0)).max(axis=1)
    return {
        "colours": colours,
        "saturation": round(float(((top - bottom) / np.maximum(top, 1)).mean()), 3),
        "ground": round(float((away <= 12).mean()), 3),
    }
