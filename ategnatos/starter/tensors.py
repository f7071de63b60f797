"""Named tensors from safetensors files, read when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors

FloatArray = npt.NDArray[np.float32]
StoredArray = npt.NDArray[np.floating[Any]]

_READ_AS_STORED = ("F16", "F32", "F64")

# safetensors has no annotations of its own.
_open_file: Any = safetensors.safe_open
_deserialize: Any = safetensors.deserialize


class TensorFile(Mapping[str, StoredArray]):
    """A safetensors file as a mapping from name to array, in the file's own shapes and types.

    The file is memory-mapped and a tensor is read each time it is asked for: whoever needs it
    twice keeps it. Half, single and double precision come as they are stored, bfloat16 comes as
    float32. Asking for a tensor of any other type raises ValueError.
    Raises OSError when the file cannot be opened, ValueError when it is not a safetensors file.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file: Any = _open_file(str(path), framework="numpy")
        except safetensors.SafetensorError as error:
            raise ValueError(f"{path.name} is not a safetensors file: {error}") from error
        self._path = path
        self._names = frozenset(self._file.keys())
        self.metadata: dict[str, str] = dict(self._file.metadata() or {})

    def __getitem__(self, name: str) -> StoredArray:
        if name not in self._names:
            raise KeyError(name)
        kind = self._file.get_slice(name).get_dtype()
        if kind == "BF16":
            return self._brain_floats(name)
        if kind not in _READ_AS_STORED:
            raise ValueError(f"{name} has numbers of the type {kind}, which is not read")
        stored: StoredArray = self._file.get_tensor(name)
        return stored

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor; nothing is read but the header."""
        return tuple(self._file.get_slice(name).get_shape())

    def _brain_floats(self, name: str) -> FloatArray:
        """A bfloat16 tensor: numpy has no such type, but it is the upper half of a float32."""
        stored = dict(_deserialize(self._path.read_bytes()))[name]
        halves = np.frombuffer(bytes(stored["data"]), dtype="<u2").astype(np.uint32)
        return (halves << np.uint32(16)).view(np.float32).reshape(stored["shape"])
