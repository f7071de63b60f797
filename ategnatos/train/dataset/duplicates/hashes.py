"""pHash and dHash at 64 and 256 bits: imagehash's values, for thousands at once.

Source: imagehash 4.3.2, ``phash`` and ``dhash``. The arithmetic is the library's own
(scipy.fftpack's DCT of type 2 over rows and columns, the median of the low frequencies), over a
stack; a test holds every value to the library's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ategnatos.train.dataset.duplicates.fingerprint import Fingerprint

    Bits = NDArray[np.uint64]

# The eight ways in which a picture can lie, each as (swap x and y, mirror x, mirror y).
LYINGS: tuple[tuple[bool, bool, bool], ...] = tuple(
    (swap, across, down)
    for swap in (False, True)
    for across in (False, True)
    for down in (False, True)
)
_STACK = 2048


@dataclass(frozen=True, slots=True)
class Hashes:
    """Of ``n`` pictures: bits packed as uint64, (n, 1) for 64 bits and (n, 4) for 256.

    ``low`` are the 8x8 lowest DCT coefficients of ``p64`` (n, 8, 8) in float64: hashes of the
    mirrored and turned picture follow from it without another look.
    """

    p64: Bits
    p256: Bits
    d64: Bits
    d256: Bits
    low: NDArray[np.float64]

    def as_hex(self, n: int) -> dict[str, str]:
        """The four hashes of picture ``n`` as imagehash writes them."""
        names = {"phash": self.p64, "phash256": self.p256, "dhash": self.d64, "dhash256": self.d256}
        return {name: "".join(f"{int(w):016x}" for w in bits[n]) for name, bits in names.items()}


def hashes_of(prints: Sequence[Fingerprint]) -> Hashes:
    """The hashes of many pictures, in their order."""
    count = len(prints)
    p64, p256 = np.empty((count, 1), np.uint64), np.empty((count, 4), np.uint64)
    d64, d256 = np.empty((count, 1), np.uint64), np.empty((count, 4), np.uint64)
    low = np.empty((count, 8, 8))
    for start in range(0, count, _STACK):
        part = prints[start : start + _STACK]
        here = slice(start, start + len(part))
        low[here] = low_frequencies(np.stack([one.p64 for one in part]), 8)
        p64[here] = _phash(low[here])
        p256[here] = _phash(low_frequencies(np.stack([one.p256 for one in part]), 16))
        d64[here] = _dhash(np.stack([one.d64 for one in part]))
        d256[here] = _dhash(np.stack([one.d256 for one in part]))
    return Hashes(p64, p256, d64, d256, low)


def low_frequencies(stack: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    """The lowest ``side`` x ``side`` DCT coefficients of a stack (n, h, w) of grey images."""
    from scipy.fftpack import dct

    found = dct(dct(stack.astype(np.float64), axis=1), axis=2)
    return np.ascontiguousarray(found[:, :side, :side])


def lain(low: NDArray[np.float64], lying: tuple[bool, bool, bool]) -> NDArray[np.float64]:
    """The coefficients of the picture laid another way: mirroring is a sign, turning a swap."""
    swap, across, down = lying
    turned = low.transpose(0, 2, 1) if swap else low
    sign = np.where(np.arange(low.shape[-1]) % 2, -1.0, 1.0)
    if across:
        turned = turned * sign[None, None, :]
    if down:
        turned = turned * sign[None, :, None]
    return turned


def _phash(low: NDArray[np.float64]) -> Bits:
    flat = low.reshape(len(low), -1)
    return pack(flat > np.median(flat, axis=1, keepdims=True))


def _dhash(stack: NDArray[np.uint8]) -> Bits:
    return pack((stack[:, :, 1:] > stack[:, :, :-1]).reshape(len(stack), -1))


def phash_lain(low: NDArray[np.float64], lying: tuple[bool, bool, bool]) -> Bits:
    """The 64-bit pHash of the pictures laid another way, (n, 1)."""
    return _phash(np.ascontiguousarray(lain(low, lying)))


def pack(bits: NDArray[np.bool_]) -> Bits:
    """Booleans (n, 64 k) as uint64 (n, k), the first bit the highest."""
    packed = np.packbits(bits, axis=1)
    return packed.view(">u8").astype(np.uint64)
