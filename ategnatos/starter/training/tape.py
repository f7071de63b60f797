"""A network run forwards with everything kept, and then backwards.

The networks of :mod:`ategnatos.starter` are written in the methods of ``Layers`` alone. This class
overrides each, notes how the gradient of its result becomes gradients of what went in, and
``Notes.backward`` walks the notes from the last to the first.
"""

from __future__ import annotations

import math

import numpy as np

from ategnatos.starter.layers import group_mean, twice_normal_share
from ategnatos.starter.tensors import FloatArray
from ategnatos.starter.training import gradients
from ategnatos.starter.training.products import Products


class Tape(Products):
    """Layers of one network that remember; the products stand in ``Products``."""

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


def _beside(gradient: FloatArray, x: FloatArray, place: slice) -> FloatArray:
    """A gradient of some channels among zeros for the others."""
    out = np.zeros_like(x)
    out[..., place] = gradient
    return out
