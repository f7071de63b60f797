"""A safetensors file put on the disk piece by piece: whole under its name, or not there.

Tensors are spooled as they come, so that no file is ever in memory as a whole; then header and
tensors are written into one file beside the target, which takes its name in one rename.
Format: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained, sync_file, sync_folder, temporary_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

LORA_EXISTS = ErrorCode("lora_exists", "A file of that name is there; it was not overwritten.")

_SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
# Of the whole file, or of tensors that are no longer those.
STALE = ("sshs_model_hash", "sshs_legacy_hash", "modelspec.hash_sha256")


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    bytes: int


class Spool:
    """A file in the making. Use as a context manager; without :meth:`finish` nothing stays."""

    def __init__(self, target: Path) -> None:
        check_free(target)
        self._target = target
        self._path = target.parent / temporary_name()
        self._entries: list[_Entry] = []

    def __enter__(self) -> Spool:
        with explained(self._target, "No file was written."):
            self._file: IO[bytes] = self._path.open("w+b")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        with suppress(FileNotFoundError):
            self._path.unlink()

    def add(self, name: str, values: NDArray[Any], dtype: str) -> float:
        """Store one tensor as ``dtype`` (F32, F16, BF16). The largest relative error of storing
        it so, against its largest number; inf where a number does not fit.
        """
        raw, error = encoded(values, dtype)
        with explained(self._target, "No file was written."):
            begin = self._file.tell()
            self._file.write(raw)
        self._entries.append(_Entry(name, dtype, values.shape, begin, len(raw)))
        return error

    def copy(self, name: str, dtype: str, shape: tuple[int, ...], raw: bytes) -> None:
        """Store one tensor as bytes that are already in ``dtype``."""
        with explained(self._target, "No file was written."):
            begin = self._file.tell()
            self._file.write(raw)
        self._entries.append(_Entry(name, dtype, shape, begin, len(raw)))

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Write the file under its name. Raises StudioError (``disk_full``, ``lora_exists``)."""
        # Wide numbers first, so that each begins at a multiple of its size.
        order = sorted(self._entries, key=lambda one: (-_SIZES.get(one.dtype, 1), one.name))
        header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
        place = 0
        for one in order:
            offsets = [place, place + one.bytes]
            header[one.name] = {
                "dtype": one.dtype,
                "shape": list(one.shape),
                "data_offsets": offsets,
            }
            place += one.bytes

        def body(out: IO[bytes]) -> None:
            for one in order:
                self._file.seek(one.begin)
                _copy(self._file, out, one.bytes)

        _write(self._target, header, body)


def retagged(source: Path, begin: int, target: Path, header: Mapping[str, Any]) -> None:
    """The file again with another header; every byte from ``begin`` on is copied as it is."""
    check_free(target)

    def body(out: IO[bytes]) -> None:
        with source.open("rb") as file:
            file.seek(begin)
            shutil.copyfileobj(file, out, 1 << 20)

    _write(target, header, body)


def encoded(values: NDArray[Any], dtype: str) -> tuple[bytes, float]:
    """Bytes of an array as ``dtype``, and the largest error against its largest number."""
    exact = np.ascontiguousarray(values, np.float32)
    if dtype == "F32":
        return exact.astype("<f4").tobytes(), 0.0
    if dtype == "F16":
        with np.errstate(over="ignore"):
            stored = exact.astype("<f2")
        return stored.tobytes(), _error(exact, stored.astype(np.float32))
    bits = exact.view(np.uint32)
    # To the nearest, ties to even.
    halves = ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & 1)) >> np.uint32(16)).astype(
        "<u2"
    )
    back = (halves.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return halves.tobytes(), _error(exact, back.reshape(exact.shape))


def check_free(target: Path) -> None:
    """Refuse a target that is there already, or whose folder is not. Raises (``lora_exists``)."""
    if target.suffix != ".safetensors" or target.exists() or not target.parent.is_dir():
        why = (
            "its name does not end in .safetensors"
            if target.suffix != ".safetensors"
            else "a file of that name is there"
            if target.exists()
            else f"there is no folder {target.parent}"
        )
        raise StudioError(
            LORA_EXISTS,
            f"{target} was not written: {why}. Nothing was changed.",
            hint="Name another file with --out NEW.safetensors.",
            path=str(target),
        )


def _error(exact: NDArray[Any], stored: NDArray[Any]) -> float:
    largest = float(np.abs(exact).max(initial=0.0))
    if not largest:
        return 0.0
    found = float(np.abs(stored - exact).max()) / largest
    return found if math.isfinite(found) else math.inf


def _write(target: Path, header: Mapping[str, Any], body: Any) -> None:
    raw = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    raw += b" " * (-len(raw) % 8)
    temporary = target.parent / temporary_name()
    with explained(target, "No file was written."):
        try:
            with temporary.open("xb") as out:
                out.write(len(raw).to_bytes(8, "little") + raw)
                body(out)
                out.flush()
                sync_file(out.fileno())
            # A link, not a rename: what somebody else put there meanwhile stays.
            try:
                os.link(temporary, target)
            except FileExistsError:
                check_free(target)
            sync_folder(target.parent)
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()


def _copy(source: IO[bytes], out: IO[bytes], count: int) -> None:
    while count:
        piece = source.read(min(count, 1 << 20))
        if not piece:
            raise OSError("the spooled tensors are gone")
        out.write(piece)
        count -= len(piece)
