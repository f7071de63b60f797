"""The header of a safetensors file: names, shapes and metadata, from a bounded read.

Own code and not the safetensors library: that maps the whole file, knows only today's data
types, and names no reason; this reads at most 32 MiB of a file that may be hostile or cut off,
and says what is wrong. Format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.json_files import parse_json

HEADER_INVALID = ErrorCode("header_invalid", "The file is no whole safetensors file.")

# The largest header of a published model known to us has 4 MB; the format allows 100.
LARGEST_HEADER = 32 << 20
_LONGEST_NAME = 1024
# Bits of each type. One that is not listed is newer than this program: its size is not checked.
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "U16": 16, "I16": 16,
    "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
    "C64": 64, "F4": 4,
}  # fmt: skip
KNOWN_TYPES = frozenset(_BITS)


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: its type as written (``F16``) and its shape.

    ``begin`` and ``end`` are the bytes of the file that hold it.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Header:
    """``tensors`` by name, in the order of the file; ``metadata`` are texts."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]

    @property
    def parameters(self) -> int:
        """How many numbers the file holds."""
        return sum(math.prod(tensor.shape) for tensor in self.tensors.values())


def read_header(path: Path) -> Header:
    """The header of a whole file: every byte after it belongs to exactly one tensor.

    Raises StudioError (``header_invalid``): cut off, hostile, or another format. Raises OSError
    where the file cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = _length(file.read(8), size, path)
        data = file.read(length)
    if len(data) < length:
        raise _invalid(path, "it is cut off inside its header")
    return parse(data, size - 8 - length, path)


def parse(data: bytes, room: int, path: Path) -> Header:
    """The header in ``data``, whose tensors fill ``room`` bytes; ``path`` is for messages.

    Raises StudioError (``header_invalid``).
    """
    try:
        said: dict[str, Any] = parse_json(data.rstrip(b" "), deepest=8, field="its header")
    except StudioError as error:
        raise _invalid(path, f"its header is no JSON ({error.message[:120]})") from error
    metadata = said.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _invalid(path, "its metadata are not texts")
    at = 8 + len(data)
    spans: list[tuple[int, int, str]] = []
    tensors: dict[str, Tensor] = {}
    for name, entry in said.items():
        dtype, shape, begin, end = _tensor(name, entry, path)
        tensors[name] = Tensor(dtype, shape, at + begin, at + end)
        spans.append((begin, end, name))
    _check_spans(sorted(spans), room, path)
    return Header(tensors, metadata)


def _length(first: bytes, size: int, path: Path) -> int:
    if len(first) < 8:
        raise _invalid(path, f"it has only {len(first)} bytes")
    length = int.from_bytes(first, "little")
    if length > LARGEST_HEADER:
        raise _invalid(path, f"it claims a header of {length:,} bytes")
    if length < 2 or length > size - 8:
        raise _invalid(path, f"it claims a header of {length:,} bytes and has {size:,} in all")
    return length


def _tensor(name: str, entry: Any, path: Path) -> tuple[str, tuple[int, ...], int, int]:
    if len(name) > _LONGEST_NAME or not isinstance(entry, dict):
        raise _invalid(path, f"its entry {name[:60]!r} describes no tensor")
    dtype, shape, offsets = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not (isinstance(dtype, str) and _whole(shape) and _whole(offsets) and len(offsets) == 2):
        raise _invalid(path, f"its entry {name[:60]!r} describes no tensor")
    begin, end = offsets
    if begin > end:
        raise _invalid(path, f"the tensor {name[:60]!r} ends before it begins")
    bits = _BITS.get(dtype)
    if bits is not None and math.prod(shape) * bits != (end - begin) * 8:
        raise _invalid(path, f"the tensor {name[:60]!r} has another size than its shape says")
    return dtype, tuple(shape), begin, end


def _whole(value: Any) -> TypeGuard[list[int]]:
    return (
        isinstance(value, list)
        and len(value) <= 16
        and all(type(one) is int and 0 <= one < 2**62 for one in value)
    )


def _check_spans(spans: list[tuple[int, int, str]], room: int, path: Path) -> None:
    reached = 0
    for begin, end, name in spans:
        if begin != reached:
            what = "overlaps another" if begin < reached else "leaves a gap before it"
            raise _invalid(path, f"the tensor {name[:60]!r} {what}")
        reached = end
    if reached > room:
        raise _invalid(path, f"it is cut off: {reached - room:,} of {reached:,} bytes are missing")
    if reached < room:
        raise _invalid(path, f"{room - reached:,} bytes at its end belong to no tensor")


def _invalid(path: Path, why: str) -> StudioError:
    return StudioError(
        HEADER_INVALID,
        f"{path.name} is no whole safetensors file: {why}. It was not used.",
        hint="Download it again: 'ategnatos studio models download URL'.",
        path=str(path),
    )
