"""Numbers in a safetensors file that are not finite: NaN spreads, so a sample finds it.

Read as they are stored, a piece at a time: no tensor is made, and no model loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ategnatos.guard.values.tensor_header import Header, Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

# Of a large tensor so many bytes at its beginning, in its middle and at its end.
_SAMPLE = 64 << 10
_PIECE = 8 << 20
# Unsigned type, the bits of its exponent, and whether a full exponent alone says not finite.
_EXPONENTS = {
    "F64": ("<u8", 0x7FF0_0000_0000_0000),
    "F32": ("<u4", 0x7F80_0000),
    "F16": ("<u2", 0x7C00),
    "BF16": ("<u2", 0x7F80),
    "F8_E5M2": ("<u1", 0x7C),
}


def not_finite(path: Path, header: Header, *, thorough: bool) -> str:
    """The name of the first tensor that holds such a number, or "". Raises OSError."""
    with path.open("rb") as file:
        for name, tensor in header.tensors.items():
            for raw in _raw(file, tensor, thorough):
                if _bad(tensor.dtype, raw):
                    return name
    return ""


def _raw(file: BinaryIO, tensor: Tensor, thorough: bool) -> Iterator[bytes]:
    begin, size = tensor.begin, tensor.end - tensor.begin
    if thorough or size <= 3 * _SAMPLE:
        file.seek(begin)
        left = size
        while left:
            raw = file.read(min(left, _PIECE))
            if not raw:
                return
            yield raw
            left -= len(raw)
        return
    middle = size // 2 // 8 * 8
    for offset in (0, middle, (size - _SAMPLE) // 8 * 8):
        file.seek(begin + offset)
        yield file.read(_SAMPLE)


def _bad(dtype: str, raw: bytes) -> bool:
    import numpy as np

    if dtype == "F8_E4M3":
        # It has no infinity; NaN is the one pattern with all bits of exponent and mantissa.
        return bool(((np.frombuffer(raw, np.uint8) & 0x7F) == 0x7F).any())
    if dtype not in _EXPONENTS:
        return False
    kind, mask = _EXPONENTS[dtype]
    width = np.dtype(kind).itemsize
    bits: npt.NDArray[Any] = np.frombuffer(raw[: len(raw) // width * width], kind)
    limit = bits.dtype.type(mask)
    return bool(((bits & limit) == limit).any())
