"""Pairs worth a second look: nearest by what is broad in them, whichever way they lie.

Up to ``FEW`` pictures every pair is compared by its 63 lowest DCT coefficients, as one matrix
product for each of the eight lyings: a hash throws away how strong a coefficient is, and with
that the pictures that were cropped. Cropped pictures are also sought as crops of each other.
Above ``FEW`` the 64-bit pHash with a multi-index finds the pairs, in the same eight lyings and
by the pHash of the same eight crops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ategnatos.train.dataset.duplicates import multi_index
from ategnatos.train.dataset.duplicates.hashes import LYINGS, lain, phash, phash_lain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ategnatos.train.dataset.duplicates.hashes import Hashes

    Floats = NDArray[np.float32]
    Whole = NDArray[np.intp]

FEW = 20_000
_SIDE = 8
# Cosine of two pictures' coefficients, and how far the shares of red and green may lie apart.
# Measured on generated sets (benchmarks/dataset.py): cropped by up to 12 % they reach 0.89, all
# other copies 0.93; unrelated pictures exceed 0.86 in one pair of 10,000.
LIKE = 0.86
_HUE = 0.06
# Measured on 999 pairs: the pHash finds 949 of them within 10, with the crops 998. The dHash of the
# 50 that it missed lies up to 19 apart, the 256-bit hashes up to 120 and 102: so do strangers,
# more than one pair in a hundred.
_HASH_RADIUS = 10
_CROP_RADIUS = 10
_ROWS = 256
_CUT = 0.07


@dataclass(frozen=True, slots=True)
class Pairs:
    """``first`` and ``second`` are numbers of pictures, first < second unless a crop turned them
    round; the second, laid as ``LYINGS[lying]``, looks like the first. ``warp`` (n, 4) is where
    the second look should begin.
    """

    first: Whole
    second: Whole
    lying: Whole
    warp: Floats


def near(hashes: Hashes, stack: NDArray[np.uint8], colour: NDArray[np.uint8]) -> Pairs:
    """Pairs of pictures that may be the same.

    ``stack`` are the 32x32 grey images (n, 32, 32), ``colour`` the small pictures (n, 16, 16, 3).
    """
    found = _by_hash(hashes, stack) if len(stack) > FEW else _by_likeness(hashes, stack)
    shares = _shares(colour)
    apart = np.abs(shares[found.first] - shares[found.second]).max(axis=1)
    keep = np.flatnonzero(apart <= _HUE)
    return Pairs(found.first[keep], found.second[keep], found.lying[keep], found.warp[keep])


def _by_hash(hashes: Hashes, stack: NDArray[np.uint8]) -> Pairs:
    parts: list[tuple[Whole, Whole, Whole, Floats]] = []
    for number, lying in enumerate(LYINGS):
        one, other = multi_index.within(
            hashes.p64[:, 0], _HASH_RADIUS, phash_lain(hashes.low, lying)[:, 0]
        )
        lyings = np.full(len(one), number, np.intp)
        parts.append((one, other, lyings, np.tile(_STILL, (len(one), 1))))
    for warp, across, down in _crops():
        cut = phash(_cropped(stack, across, down))[:, 0]
        one, other = multi_index.within(cut, _CROP_RADIUS, hashes.p64[:, 0], both=True)
        parts.append((one, other, np.zeros(len(one), np.intp), np.tile(warp, (len(one), 1))))
    first, second, lying_of, warp_of = (np.concatenate(part) for part in zip(*parts, strict=True))
    return _once(Pairs(first, second, lying_of, warp_of), len(stack))


def _by_likeness(hashes: Hashes, stack: NDArray[np.uint8]) -> Pairs:
    whole = _vectors(hashes.low)
    firsts: list[Whole] = []
    seconds: list[Whole] = []
    lyings: list[Whole] = []
    warps: list[Floats] = []

    def take(queries: Floats, number: int, warp: Floats, *, both: bool) -> None:
        against = _vectors(lain(hashes.low, LYINGS[number]))
        for start in range(0, len(queries), _ROWS):
            begin = 0 if both else start
            alike = queries[start : start + _ROWS] @ against[begin:].T
            row, column = np.divmod(np.flatnonzero(alike > LIKE), len(against) - begin)
            row, column = row + start, column + begin
            keep = row != column if both else row < column
            firsts.append(row[keep])
            seconds.append(column[keep])
            lyings.append(np.full(int(keep.sum()), number, np.intp))
            warps.append(np.tile(warp, (int(keep.sum()), 1)))

    for number in range(len(LYINGS)):
        take(whole, number, _STILL, both=False)
    for warp, across, down in _crops():
        take(_vectors(_cropped(stack, across, down)), 0, warp, both=True)
    first, second, lying = (np.concatenate(part) for part in (firsts, seconds, lyings))
    warp_of = np.concatenate(warps)
    return _once(Pairs(first, second, lying, warp_of), len(stack))


def _once(pairs: Pairs, count: int) -> Pairs:
    """The same pair in the same lying once; as found first, which is without a crop."""
    low, high = np.minimum(pairs.first, pairs.second), np.maximum(pairs.first, pairs.second)
    key = (low * count + high) * len(LYINGS) + pairs.lying
    _, once = np.unique(key, return_index=True)
    return Pairs(pairs.first[once], pairs.second[once], pairs.lying[once], pairs.warp[once])


_STILL = np.array([1, 0, 1, 0], np.float32)


def _crops() -> list[tuple[Floats, Floats, Floats]]:
    """Eight crops of a picture: the warp from it to what it was cut from... and its DCT bases."""
    ways = [(0.0, 0.0), (_CUT, 0.0), (0.0, _CUT)]
    found = []
    for left, right in ways:
        for top, bottom in ways:
            if left + right + top + bottom == 0:
                continue
            # The first is seen as cut: the second then is smaller than it, and shifted.
            warp = np.array([*_undone(left, right), *_undone(top, bottom)], np.float32)
            found.append((warp, _basis(left, right), _basis(top, bottom)))
    return found


def _undone(before: float, after: float) -> tuple[float, float]:
    """Stretch and shift that take the whole of the first to the second, its cut-out part."""
    kept = 1 - before - after
    return 1 / kept, (after - before) / 2 / kept


def _basis(before: float, after: float, side: int = 32) -> Floats:
    """(8, side): the DCT's lowest rows, of an axis that lost a share at either end."""
    places = (before + (np.arange(side) + 0.5) / side * (1 - before - after)) * side - 0.5
    places = places.clip(0, side - 1)
    sample = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(side)[None]))
    wave = 2 * np.cos(np.pi * np.arange(8)[:, None] * (2 * np.arange(side)[None] + 1) / (2 * side))
    return np.asarray(wave @ sample, np.float32)


def _cropped(stack: NDArray[np.uint8], across: Floats, down: Floats) -> Floats:
    return np.asarray(down @ stack.astype(np.float32) @ across.T, np.float32)


def _vectors(low: NDArray[np.floating]) -> Floats:
    """The lowest coefficients but the mean, each weighted by its frequency, of length 1."""
    step = np.arange(_SIDE)
    weight = np.hypot(step[:, None], step[None])
    flat = (low[:, :_SIDE, :_SIDE] * weight).reshape(len(low), -1)[:, 1:]
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(length, 1e-9) * (length > 50), np.float32)


def _shares(colour: NDArray[np.uint8]) -> Floats:
    """The shares of red and green in all light (n, 2): a brighter copy has the same."""
    mean = colour.reshape(len(colour), -1, 3).mean(axis=1)
    return np.asarray(mean[:, :2] / np.maximum(mean.sum(axis=1, keepdims=True), 24), np.float32)
