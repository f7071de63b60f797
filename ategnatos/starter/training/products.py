"""Products that remember: linear layers and convolutions, with trained pairs in some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ategnatos.starter.layers import Layers
from ategnatos.starter.tensors import FloatArray
from ategnatos.starter.training.adapters import Adapter, turned
from ategnatos.starter.training.notes import Notes
from ategnatos.starter.weights import Weights


class Products(Layers):
    """Layers of one network that note their products.

    ``flat`` (n,) is where gradients of the pairs are added up. For one thread.
    """

    def __init__(
        self, weights: Weights, adapters: Mapping[str, Adapter], flat: FloatArray, notes: Notes
    ) -> None:
        super().__init__(weights)
        self._adapters, self._flat, self._notes = adapters, flat, notes
        self._turned: dict[str, FloatArray] = {}

    def linear(self, name: str, x: FloatArray) -> FloatArray:
        adapter = self._adapters.get(name)
        if adapter is None:
            out = super().linear(name, x)
            if self._notes.live(x):
                matrix = self.weights.matrix(f"{name}.weight")
                self._notes.made(out, lambda d: self._notes.give(x, d @ matrix.T))
            return out
        both = x @ adapter.forward.T
        inner = both[..., adapter.outputs :]
        out = inner @ (np.float32(adapter.scale) * adapter.up)
        out += both[..., : adapter.outputs]
        if f"{name}.bias" in self.weights:
            out += self.weights.vector(f"{name}.bias")

        def passing(gradient: FloatArray) -> None:
            wide = _widened(gradient.reshape(-1, adapter.outputs), adapter)
            of_down, _ = adapter.gradients(self._flat)
            of_down += x.reshape(len(wide), -1).T @ wide[:, adapter.outputs :]
            self._up_gradient(adapter, inner, gradient)
            if self._notes.live(x):
                self._notes.give(x, (wide @ adapter.forward).reshape(x.shape))

        return self._notes.made(out, passing)

    def convolution(self, name: str, x: FloatArray, stride: int = 1) -> FloatArray:
        adapter = self._adapters.get(name)
        if adapter is None:
            out = super().convolution(name, x, stride)
            if self._notes.live(x):
                back = self._turned_matrix(name)
                self._notes.made(
                    out,
                    lambda d: self._notes.give(x, self._convolved(_spread(d, stride), back)[0]),
                )
            return out
        both, _ = self._convolved(x, adapter.forward.T, stride)
        inner = both[..., adapter.outputs :]
        out = inner @ (np.float32(adapter.scale) * adapter.up)
        out += both[..., : adapter.outputs]
        out += self.weights.vector(f"{name}.bias")

        def passing(gradient: FloatArray) -> None:
            assert adapter.backward is not None
            wide = _widened(gradient, adapter)
            back, windows = self._convolved(
                _spread(wide, stride), adapter.backward, keep=adapter.outputs
            )
            # A window of the gradients around a pixel, mirrored, is what the pixel had a part in.
            product = x.reshape(-1, x.shape[-1]).T @ windows
            of_down, _ = adapter.gradients(self._flat)
            by_place = product.reshape(x.shape[-1], 9, -1)[:, ::-1].transpose(1, 0, 2)
            of_down += by_place.reshape(of_down.shape)
            self._up_gradient(adapter, inner, gradient)
            self._notes.give(x, back)

        return self._notes.made(out, passing)

    # --- inside -----------------------------------------------------------------------------------

    def _noted(
        self, out: FloatArray, x: FloatArray, back: Callable[[FloatArray], FloatArray]
    ) -> FloatArray:
        """Note a result of one array."""
        if self._notes.live(x):
            self._notes.made(out, lambda gradient: self._notes.give(x, back(gradient)))
        return out

    def _up_gradient(self, adapter: Adapter, inner: FloatArray, gradient: FloatArray) -> None:
        _, of_up = adapter.gradients(self._flat)
        rank = inner.shape[-1]
        product = inner.reshape(-1, rank).T @ gradient.reshape(-1, adapter.outputs)
        product *= np.float32(adapter.scale)
        of_up += product

    def _turned_matrix(self, name: str) -> FloatArray:
        if name not in self._turned:
            back = turned(self.weights.matrix(f"{name}.weight"))
            self._turned[name] = np.ascontiguousarray(back).reshape(-1, back.shape[2])
        return self._turned[name]

    def _convolved(
        self, x: FloatArray, matrix: FloatArray, stride: int = 1, keep: int | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """``x`` convolved with a matrix (9 * in, out), without bias.

        With ``keep`` also the windows of the channels from there on: (samples * pixels, 9 * rest).
        """
        samples, height, width, channels = x.shape
        rows, columns = height // stride, width // stride
        padded = self._padded(height + 2, width + 2, channels)
        down, right, single = padded.strides
        windows = as_strided(
            padded,
            (rows, columns, 3, 3 * channels),
            (down * stride, right * stride, down, single),
        )
        unrolled = self._scratch(rows * columns, 9 * channels)
        window_rows = unrolled.reshape(windows.shape)
        out = np.empty((samples, rows * columns, matrix.shape[1]), np.float32)
        rest = 0 if keep is None else channels - keep
        kept = np.empty((samples, rows * columns, 9, rest), np.float32)
        for sample, result, part in zip(x, out, kept, strict=True):
            padded[1:-1, 1:-1] = sample
            np.copyto(window_rows, windows)
            np.matmul(unrolled, matrix, out=result)
            if keep is not None:
                part[...] = unrolled.reshape(rows * columns, 9, channels)[:, :, keep:]
        return (
            out.reshape(samples, rows, columns, -1),
            kept.reshape(samples * rows * columns, 9 * rest),
        )


def _widened(gradient: FloatArray, adapter: Adapter) -> FloatArray:
    """The gradient of a result and, in the channels behind it, that of the pair's inner values."""
    rank = len(adapter.up)
    wide = np.empty((*gradient.shape[:-1], adapter.outputs + rank), np.float32)
    wide[..., : adapter.outputs] = gradient
    wide[..., adapter.outputs :] = gradient @ (np.float32(adapter.scale) * adapter.up).T
    return wide


def _spread(gradient: FloatArray, stride: int) -> FloatArray:
    """A gradient (samples, H, W, channels) on the pixels that a stride stopped at, zero between."""
    if stride == 1:
        return gradient
    samples, height, width, channels = gradient.shape
    out = np.zeros((samples, height * stride, width * stride, channels), np.float32)
    out[:, ::stride, ::stride] = gradient
    return out
