"""What happened on the way forwards, and the way back over it.

Arrays are known by their identity. What no trained pair stands before needs no gradient, and gets
none.
"""

from __future__ import annotations

from collections.abc import Callable

from ategnatos.starter.tensors import FloatArray

Passing = Callable[[FloatArray], None]
"""Takes the gradient of a result and passes gradients on to what it was made of."""


class Notes:
    """What happened, in order, shared by the networks of one pass: text encoder and denoiser."""

    def __init__(self) -> None:
        self._steps: list[tuple[FloatArray, Passing]] = []
        self._live: set[int] = set()
        self._gradients: dict[int, FloatArray] = {}

    def live(self, *arrays: FloatArray) -> bool:
        """Whether a trained pair stands before any of the arrays."""
        return any(id(array) in self._live for array in arrays)

    def made(self, result: FloatArray, passing: Passing) -> FloatArray:
        """Note that ``result`` was made, and how its gradient is passed on."""
        self._steps.append((result, passing))
        self._live.add(id(result))
        return result

    def give(self, array: FloatArray, gradient: FloatArray) -> None:
        """Add to the gradient of an array, if it needs one."""
        if id(array) in self._live:
            before = self._gradients.get(id(array))
            self._gradients[id(array)] = gradient if before is None else before + gradient

    def backward(self, result: FloatArray, gradient: FloatArray) -> None:
        """Walk back from ``result``, given its gradient, and forget everything."""
        self.give(result, gradient)
        while self._steps:
            array, passing = self._steps.pop()
            known = self._gradients.pop(id(array), None)
            self._live.discard(id(array))
            if known is not None:
                passing(known)
        self._gradients.clear()
