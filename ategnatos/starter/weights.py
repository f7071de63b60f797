"""The parameters of one network, kept in the form that the arithmetic wants."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from ategnatos.starter.tensors import FloatArray, StoredArray

_NOTHING_CHANGED: Mapping[str, FloatArray] = MappingProxyType({})


class Weights:
    """Parameters by their stock names, each prepared once, when first used.

    ``source`` maps names to arrays of any float type in torch's layout: linear (out, in),
    convolution (out, in, height, width). ``changes`` holds what is added to some of them (merged
    LoRAs), in the same layout, and ``base`` the weights without it, whose unchanged parts are
    shared. Raises KeyError with the name of a parameter that is not there.
    """

    def __init__(
        self,
        source: Mapping[str, StoredArray],
        changes: Mapping[str, FloatArray] = _NOTHING_CHANGED,
        base: Weights | None = None,
    ) -> None:
        self._source = source
        self._changes = changes
        self._base = base
        self._vectors: dict[str, FloatArray] = {}
        self._matrices: dict[str, FloatArray] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._source

    def names(self) -> tuple[str, ...]:
        """Names of every parameter, sorted."""
        return tuple(sorted(self._source))

    def modules(self) -> tuple[str, ...]:
        """Names of what has a ``.weight``: layers, norms and embeddings; sorted."""
        ending = ".weight"
        return tuple(name.removesuffix(ending) for name in self.names() if name.endswith(ending))

    def tensor(self, name: str) -> FloatArray:
        """The parameter in torch's layout; a fresh array each time."""
        tensor = self._source[name].astype(np.float32)
        if name in self._changes:
            tensor += self._changes[name]
        return tensor

    def vector(self, name: str) -> FloatArray:
        """A parameter that is used as it lies in the file (bias, norm, embedding); cached."""
        if self._unchanged(name):
            assert self._base is not None
            return self._base.vector(name)
        if name not in self._vectors:
            self._vectors[name] = np.ascontiguousarray(self.tensor(name))
        return self._vectors[name]

    def matrix(self, name: str) -> FloatArray:
        """A weight as the right-hand matrix of a product; cached.

        Linear: (in, out). Convolution: (height * width * in, out), the rows in the order in
        which a window of an image with channels last is laid out in memory.
        """
        if self._unchanged(name):
            assert self._base is not None
            return self._base.matrix(name)
        if name not in self._matrices:
            changed = name in self._changes
            self._matrices[name] = _as_matrix(self.tensor(name) if changed else self._source[name])
        return self._matrices[name]

    def with_changes(self, changes: Mapping[str, FloatArray]) -> Weights:
        """The same parameters with ``changes`` added; what is unchanged is shared, not copied."""
        return Weights(self._source, changes, base=self)

    def _unchanged(self, name: str) -> bool:
        return self._base is not None and name not in self._changes


def _as_matrix(tensor: StoredArray) -> FloatArray:
    """A weight (out, in) or (out, in, height, width) as float32 (height * width * in, out).

    Kept as (out, ...) in memory and handed out transposed, which BLAS takes as well: so the
    conversion runs along memory. One position of the window at a time is five times faster than
    one transposition of all.
    """
    outputs, inputs = tensor.shape[:2]
    windows = tensor.reshape(outputs, inputs, -1)
    matrix = np.empty((outputs, windows.shape[2], inputs), np.float32)
    for position in range(windows.shape[2]):
        matrix[:, position] = windows[:, :, position]
    return matrix.reshape(outputs, -1).T
