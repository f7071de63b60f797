"""Layers that are one here and several there: taken apart by rows, and laid together again.

Numbers are handled as the bits that they are stored in, so that nothing is rounded. Arrays are
``down`` (rank, in) and ``up`` (out, rank).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ategnatos.train.lora.file import Layer, LoraFile

    Bits = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Matrices:
    """A pair of matrices as stored, the type of their numbers, and the scale of their product."""

    down: Bits
    up: Bits
    dtype: str
    scale: float

    @property
    def rank(self) -> int:
        """Rows of ``down``."""
        return len(self.down)


def stored(file: LoraFile, layer: Layer) -> Matrices:
    """The matrices of a layer as bits. Both have the type of the first, or the result has none."""
    down, up = (_bits(file, name) for name in (layer.down, layer.up))
    types = {file.header.tensors[name].dtype for name in (layer.down, layer.up)}
    return Matrices(down, up, types.pop() if len(types) == 1 else "", file.scale(layer))


def taken_apart(whole: Matrices, shares: Sequence[int]) -> list[Matrices] | None:
    """The parts of a fused layer: the same ``down``, the rows of ``up`` that are theirs. Where the
    parts were laid together side by side, each gets back the rank that is its own.

    None where the rows cannot be divided so.
    """
    if len(whole.up) % sum(shares):
        return None
    one = len(whole.up) // sum(shares)
    ends = np.cumsum([one * share for share in shares])
    pieces = np.split(whole.up, ends[:-1])
    used = [piece.any(axis=0) for piece in pieces]
    apart = all(one.any() for one in used) and int(np.sum(used, axis=0).max()) == 1
    if not apart:
        return [Matrices(whole.down, piece, whole.dtype, whole.scale) for piece in pieces]
    return [
        Matrices(whole.down[own], piece[:, own], whole.dtype, whole.scale)
        for piece, own in zip(pieces, used, strict=True)
    ]


def laid_together(parts: Sequence[Matrices | None], shares: Sequence[int]) -> Matrices | None:
    """One layer that does what all ``parts`` do; None stands for a part that changes nothing.

    Of the same rank where every ``down`` is the same; else they lie side by side, and ranks add up.
    None where types, scales, columns or rows do not fit together.
    """
    there = [one for one in parts if one is not None]
    first = there[0]
    alike = all(
        (one.dtype, one.scale, one.down.shape[1:])
        == (first.dtype, first.scale, first.down.shape[1:])
        for one in there
    )
    sizes = {
        len(one.up) / share for one, share in zip(parts, shares, strict=True) if one is not None
    }
    if not alike or not first.dtype or len(sizes) != 1 or not (size := sizes.pop()).is_integer():
        return None
    rows = [int(size) * share for share in shares]
    same = all(np.array_equal(one.down, first.down) for one in there)
    rank = first.rank if same else sum(one.rank for one in there)
    up = np.zeros((sum(rows), rank), first.up.dtype)  # no bit set is the number 0
    row = column = 0
    for one, count in zip(parts, rows, strict=True):
        if one is not None:
            up[row : row + count, column : column + one.rank] = one.up
            column += 0 if same else one.rank
        row += count
    down = first.down if same else np.concatenate([one.down for one in there])
    return Matrices(down, up, first.dtype, first.scale)


def halves_swapped(one: Matrices) -> Matrices:
    """The lower half of the rows above the upper one."""
    half = len(one.up) // 2
    return Matrices(one.down, np.concatenate([one.up[half:], one.up[:half]]), one.dtype, one.scale)


def _bits(file: LoraFile, name: str) -> Bits:
    entry = file.header.tensors[name]
    raw = file.raw(name)
    count = int(np.prod(entry.shape)) or 1
    return np.frombuffer(raw, f"<u{len(raw) // count}").reshape(entry.shape)
