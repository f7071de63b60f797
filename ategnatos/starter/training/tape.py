"""A network run forwards with everything kept, and then backwards.

The networks of :mod:`ategnatos.starter` are written in the methods of ``Layers`` alone. This class
overrides each, notes how the gradient of its result becomes gradients of what went in, and
``backward`` walks the notes from the last to the first. Arrays are known by their identity. What
no trained pair stands before needs no gradient, and gets none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ategnatos.starter.layers import Layers, group_mean, twice_normal_share
from ategnatos.starter.tensors import FloatArray
from ategnatos.starter.training import gradients
from ategnatos.starter.training.adapters import Adapter, turned
from ategnatos.starter.weights import Weights

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


class Tape(Layers):
    """Layers of one network that remember, with the trained pairs of some of them.

    ``flat`` (n,) is where gradients of the pairs are added up. For one thread.
    """

    def __init__(
        self, weights: Weights, adapters: Mapping[str, Adapter], flat: FloatArray, notes: Notes
    ) -> None:
        super().__init__(weights)
        self._adapters, self._flat, self._notes = adapters, flat, notes
        self._turned: dict[str, FloatArray] = {}

    # --- products -----------------------------------------------------------------------------

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

    def attention(
        self,
        query: FloatArray,
        key: FloatArray,
        value: FloatArray,
        heads: int,
        causal: bool = False,
    ) -> FloatArray:
        samples, _, width = query.shape

        def split(x: FloatArray) -> FloatArray:
            return x.reshape(samples, -1, heads, width // heads).transpose(0, 2, 1, 3)

        def joined(x: FloatArray) -> FloatArray:
            return x.transpose(0, 2, 1, 3).reshape(samples, -1, width)

        weights: FloatArray = split(query) @ split(key).transpose(0, 1, 3, 2)
        weights *= np.float32(1 / math.sqrt(width // heads))
        if causal:
            weights += np.triu(np.full(weights.shape[-2:], -np.inf, np.float32), 1)
        weights -= weights.max(axis=-1, keepdims=True)
        np.exp(weights, out=weights)
        weights /= weights.sum(axis=-1, keepdims=True)
        out = joined(weights @ split(value))
        if not self._notes.live(query, key, value):
            return out

        def passing(gradient: FloatArray) -> None:
            found = gradients.attention(
                split(gradient), split(query), split(key), split(value), weights
            )
            for array, of_array in zip((query, key, value), found, strict=True):
                self._notes.give(array, joined(of_array))

        return self._notes.made(out, passing)

    # --- norms and activations ----------------------------------------------------------------

    def group_norm(self, name: str, x: FloatArray, groups: int, epsilon: float) -> FloatArray:
        normal, spread = self._group_normal(x, groups, epsilon)
        learned = self.weights.vector(f"{name}.weight")
        out = normal * learned
        out += self.weights.vector(f"{name}.bias")
        return self._noted(
            out, x, lambda d: gradients.group_norm(d, normal, learned[None], spread, groups)[0]
        )

    def group_norm_silu(
        self,
        name: str,
        x: FloatArray,
        groups: int,
        epsilon: float,
        scale: FloatArray | None = None,
        shift: FloatArray | None = None,
    ) -> FloatArray:
        normal, spread = self._group_normal(x, groups, epsilon)
        learned, offset = (self.weights.vector(f"{name}.{part}") for part in ("weight", "bias"))
        gain, bias = learned[None], offset[None]
        if scale is not None:
            gain, bias = gain * (1 + scale), bias * (1 + scale)
        if shift is not None:
            bias = bias + shift
        half = normal * (gain * np.float32(0.5))[:, None, None]
        half += (bias * np.float32(0.5))[:, None, None]
        tanh = np.tanh(half)
        out: FloatArray = tanh + 1
        out *= half
        if not self._notes.live(x, *(one for one in (scale, shift) if one is not None)):
            return out

        def passing(gradient: FloatArray) -> None:
            inner = gradients.silu_slope(half, tanh)
            inner *= gradient
            back, plain, with_normal = gradients.group_norm(inner, normal, gain, spread, groups)
            self._notes.give(x, back)
            if scale is not None:
                self._notes.give(scale, with_normal * learned + plain * offset)
            if shift is not None:
                self._notes.give(shift, plain)

        return self._notes.made(out, passing)

    def layer_norm(self, name: str, x: FloatArray, epsilon: float = 1e-5) -> FloatArray:
        out = super().layer_norm(name, x, epsilon)
        gain = self.weights.vector(f"{name}.weight")
        return self._noted(out, x, lambda d: gradients.layer_norm(d, x, gain, epsilon))

    def silu(self, x: FloatArray) -> FloatArray:
        half = x * np.float32(0.5)
        return self._noted(
            super().silu(x), x, lambda d: d * gradients.silu_slope(half, np.tanh(half))
        )

    def quick_gelu(self, x: FloatArray) -> FloatArray:
        return self._noted(super().quick_gelu(x), x, lambda d: d * gradients.quick_gelu_slope(x))

    def gelu(self, x: FloatArray) -> FloatArray:
        twice = twice_normal_share(x)
        out: FloatArray = twice * x
        out *= np.float32(0.5)
        return self._noted(out, x, lambda d: d * gradients.gelu_slope(x, twice))

    def multiply(self, x: FloatArray, y: FloatArray) -> FloatArray:
        out = super().multiply(x, y)
        if not self._notes.live(x, y):
            return out

        def passing(gradient: FloatArray) -> None:
            self._notes.give(x, gradient * y)
            self._notes.give(y, gradient * x)

        return self._notes.made(out, passing)

    # --- shapes and sums ----------------------------------------------------------------------

    def add(self, x: FloatArray, y: FloatArray) -> FloatArray:
        out = super().add(x, y)
        if not self._notes.live(x, y):
            return out

        def passing(gradient: FloatArray) -> None:
            self._notes.give(x, gradient)
            self._notes.give(y, gradient)

        return self._notes.made(out, passing)

    def concatenate(self, x: FloatArray, y: FloatArray, axis: int = -1) -> FloatArray:
        out = super().concatenate(x, y, axis)
        if not self._notes.live(x, y):
            return out

        def passing(gradient: FloatArray) -> None:
            first, second = np.split(gradient, [x.shape[axis]], axis=axis)
            self._notes.give(x, first)
            self._notes.give(y, second)

        return self._notes.made(out, passing)

    def halves(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        first, second = super().halves(x)
        if self._notes.live(x):
            middle = first.shape[-1]
            self._notes.made(first, lambda d: self._notes.give(x, _beside(d, x, slice(middle))))
            self._notes.made(
                second, lambda d: self._notes.give(x, _beside(d, x, slice(middle, None)))
            )
        return first, second

    def mean_of_tokens(self, x: FloatArray) -> FloatArray:
        count = np.float32(x.shape[1])
        return self._noted(
            super().mean_of_tokens(x), x, lambda d: np.broadcast_to(d / count, x.shape)
        )

    def double(self, x: FloatArray) -> FloatArray:
        samples, height, width, channels = x.shape

        def back(gradient: FloatArray) -> FloatArray:
            blocks = gradient.reshape(samples, height, 2, width, 2, channels)
            rows = blocks[:, :, 0] + blocks[:, :, 1]
            summed: FloatArray = rows[:, :, :, 0] + rows[:, :, :, 1]
            return summed

        return self._noted(super().double(x), x, back)

    def reshape(self, x: FloatArray, *shape: int) -> FloatArray:
        return self._noted(super().reshape(x, *shape), x, lambda d: d.reshape(x.shape))

    # --- inside -------------------------------------------------------------------------------

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

    def _group_normal(
        self, x: FloatArray, groups: int, epsilon: float
    ) -> tuple[FloatArray, FloatArray]:
        """``x`` with mean 0 and spread 1 in each group; the spread (samples, channels)."""
        samples, height, width, channels = x.shape
        pixels = x.reshape(samples, height * width, channels)
        ones = np.ones((1, height * width), np.float32)
        share = group_mean(channels, groups, height * width)
        normal: FloatArray = pixels - (ones @ pixels) @ share
        variance = np.einsum("npc,npc->nc", normal, normal) @ share
        spread = np.sqrt(variance + np.float32(epsilon))
        normal /= spread[:, None]
        return normal.reshape(x.shape), spread


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


def _beside(gradient: FloatArray, x: FloatArray, place: slice) -> FloatArray:
    """A gradient of some channels among zeros for the others."""
    out = np.zeros_like(x)
    out[..., place] = gradient
    return out
