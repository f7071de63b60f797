"""pHash and dHash at 64 and 256 bits: imagehash's values, for thousands at once.

Source: imagehash 4.3.2, ``phash`` and ``dhash``. The arithmetic is the library's own
(scipy.fftpack's DCT of type 2 over rows and columns, the median of the low frequencies), over a
stack; a test holds every value to the library's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ategnatos.train.dataset.duplicates.fingerprint import stacked

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


class Hashes:
    """Of ``n`` pictures: bits packed as uint64, (n, 1) for 64 bits and (n, 4) for 256; each kind
    is made when it is first asked for.

    ``low`` are the 8x8 lowest DCT coefficients of ``p64`` (n, 8, 8) in float64: hashes of the
    mirrored and turned picture follow from it without another look; ``low256`` are the 16x16
    lowest of ``p256``.
    """

    def __init__(self, prints: Sequence[Fingerprint]) -> None:
        self._prints = prints

    def __len__(self) -> int:
        return len(self._prints)

    @cached_property
    def low(self) -> NDArray[np.float64]:
        return self._low("p64", 8)

    @cached_property
    def low256(self) -> NDArray[np.float64]:
        return self._low("p256", 16)

    @cached_property
    def p64(self) -> Bits:
        return phash(self.low)

    @cached_property
    def p256(self) -> Bits:
        return phash(self.low256)

    @cached_property
    def d64(self) -> Bits:
        return _dhash(_resized(stacked(self._prints, "p256"), (9, 8)))

    @cached_property
    def d256(self) -> Bits:
        return _dhash(_resized(stacked(self._prints, "p256"), (17, 16)))

    def as_hex(self, n: int) -> dict[str, str]:
        """The four hashes of picture ``n`` as imagehash writes them."""
        names = {"phash": self.p64, "phash256": self.p256, "dhash": self.d64, "dhash256": self.d256}
        return {name: "".join(f"{int(w):016x}" for w in bits[n]) for name, bits in names.items()}

    def _low(self, name: str, side: int) -> NDArray[np.float64]:
        count = len(self._prints)
        found = np.empty((count, side, side))
        for start in range(0, count, _STACK):
            here = slice(start, min(count, start + _STACK))
            found[here] = low_frequencies(stacked(self._prints[here], name), side)
        return found


def low_frequencies(stack: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    """The lowest ``side`` x ``side`` DCT coefficients of a stack (n, h, w) of grey images."""
    from scipy.fftpack import dct

    rows = dct(stack.astype(np.float64), axis=1)[:, :side]
    return np.ascontiguousarray(dct(rows, axis=2)[:, :, :side])


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


def phash(low: NDArray[np.floating]) -> Bits:
    """The pHash of low frequencies (n, k, k): (n, k * k / 64)."""
    flat = low.reshape(len(low), -1)
    return pack(flat > np.median(flat, axis=1, keepdims=True))


def _resized(stack: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """A stack (n, 64, 64) at ``size`` (width, height), as imagehash makes it small."""
    lanczos = Image.Resampling.LANCZOS
    return np.stack([np.asarray(Image.fromarray(one).resize(size, lanczos)) for one in stack])


def _dhash(stack: NDArray[np.uint8]) -> Bits:
    return pack((stack[:, :, 1:] > stack[:, :, :-1]).reshape(len(stack), -1))


def phash_lain(low: NDArray[np.float64], lying: tuple[bool, bool, bool]) -> Bits:
    """The 64-bit pHash of the pictures laid another way, (n, 1)."""
    return phash(np.ascontiguousarray(lain(low, lying)))


def pack(bits: NDArray[np.bool_]) -> Bits:
    """Booleans (n, 64 k) as uint64 (n, k), the first bit the highest."""
    packed = np.packbits(bits, axis=1)
    return packed.view(">u8").astype(np.uint64)
