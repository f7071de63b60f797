"""All pairs of 64-bit hashes within a Hamming distance, without looking at every pair.

Of ``radius + 1`` pieces of a hash, two hashes within ``radius`` share at least one whole. So the
hashes are sorted by each piece in turn, and only those with an equal piece are compared: blocks
of one memory stretch, by XOR and popcount. Few hashes are compared all with all.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bits = NDArray[np.uint64]
    Whole = NDArray[np.intp]

BITS = 64
_ALL_WITH_ALL = 4_000
_ROWS = 32


def within(
    hashes: Bits, radius: int, others: Bits | None = None, *, both: bool = False
) -> tuple[Whole, Whole]:
    """Pairs (i < j) with ``popcount(hashes[i] ^ others[j]) <= radius``, each once; with ``both``
    also those with i > j.

    ``others`` (default: ``hashes``) belongs to the same things in the same order: the hash of
    each picture as it would be mirrored, for instance. ``radius`` is 0 to 63.
    """
    others = hashes if others is None else others
    if not len(hashes):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    if len(hashes) <= _ALL_WITH_ALL:
        every = np.arange(len(hashes))
        found = [_block(hashes, others, every, every, radius, both)]
    else:
        found = [
            pair
            for shift, width in _pieces(radius)
            for pair in _equal_piece(hashes, others, radius, shift, width, both)
        ]
    first = np.concatenate([pair[0] for pair in found] or [np.zeros(0, np.intp)])
    second = np.concatenate([pair[1] for pair in found] or [np.zeros(0, np.intp)])
    keep = first != second if both else first < second
    key = np.unique(first[keep] * len(hashes) + second[keep])
    return key // len(hashes), key % len(hashes)


def _pieces(radius: int) -> list[tuple[int, int]]:
    """(shift, width) of ``radius + 1`` pieces that make up the 64 bits."""
    edges = np.linspace(0, BITS, radius + 2).astype(int)
    return [(int(low), int(high - low)) for low, high in pairwise(edges)]


def _equal_piece(
    hashes: Bits, others: Bits, radius: int, shift: int, width: int, both: bool
) -> list[tuple[Whole, Whole]]:
    mask = np.uint64((1 << width) - 1)
    key, other_key = (hashes >> np.uint64(shift)) & mask, (others >> np.uint64(shift)) & mask
    order, other_order = np.argsort(key, kind="stable"), np.argsort(other_key, kind="stable")
    sorted_key, other_sorted = key[order], other_key[other_order]
    # Short pieces have few values, all of them taken; long ones mostly stand alone.
    values = np.unique(sorted_key)
    starts, ends = (np.searchsorted(sorted_key, values, side) for side in ("left", "right"))
    other_starts, other_ends = (
        np.searchsorted(other_sorted, values, side) for side in ("left", "right")
    )
    return [
        _block(hashes, others, order[a:b], other_order[c:d], radius, both)
        for a, b, c, d in zip(starts, ends, other_starts, other_ends, strict=True)
        if d > c
    ]


def _block(
    hashes: Bits, others: Bits, rows: Whole, columns: Whole, radius: int, both: bool
) -> tuple[Whole, Whole]:
    """The pairs of ``rows`` x ``columns``; of a row's earlier columns none, unless ``both``."""
    left, right = hashes[rows], others[columns]
    firsts, seconds = [], []
    for start in range(0, len(rows), _ROWS):
        # Rows and columns are each in rising order: what lies before the first row is not needed.
        begin = 0 if both else int(np.searchsorted(columns, rows[start], "right"))
        apart = np.bitwise_count(left[start : start + _ROWS, None] ^ right[None, begin:])
        row, column = np.divmod(np.flatnonzero(apart <= radius), len(columns) - begin)
        firsts.append(rows[row + start])
        seconds.append(columns[column + begin])
    return np.concatenate(firsts), np.concatenate(seconds)
