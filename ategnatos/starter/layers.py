"""The arithmetic of the networks: what a layer does to an array, bound to one set of weights.

Everything is float32 with channels last. A leading axis runs over samples, and each sample is
computed by calls of the same shape whatever stands beside it, so that a picture does not depend
on the batch it was made in: BLAS rounds differently when a matrix has more rows.

The networks are written in terms of these methods alone. A class that overrides each of them
and keeps its inputs can therefore run the networks backwards; this one keeps nothing.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ategnatos.starter.tensors import FloatArray
from ategnatos.starter.weights import Weights


class Layers:
    """Layers of one network for one thread: scratch memory is reused between calls."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self._bordered: dict[tuple[int, ...], FloatArray] = {}
        self._memory: FloatArray = np.empty(0, np.float32)

    # --- products -----------------------------------------------------------------------------

    def linear(self, name: str, x: FloatArray) -> FloatArray:
        """``x`` (samples, tokens, in) to (samples, tokens, out); the bias is optional.

        A convolution of 1x1 is one too, with pixels for tokens.
        """
        out: FloatArray = x @ self.weights.matrix(f"{name}.weight")
        if f"{name}.bias" in self.weights:
            out += self.weights.vector(f"{name}.bias")
        return out

    def convolution(self, name: str, x: FloatArray, stride: int = 1) -> FloatArray:
        """3x3, zero border of one pixel: (samples, H, W, in) to (samples, H/stride, W/stride, out).

        Each sample is unrolled into a matrix with one row of nine pixels for each result, in
        scratch memory small enough to stay in the cache, and multiplied once.
        """
        matrix = self.weights.matrix(f"{name}.weight")
        bias = self.weights.vector(f"{name}.bias")
        samples, height, width, channels = x.shape
        rows, columns = height // stride, width // stride
        # Only the inside is ever written, so the border stays zero from use to use.
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
        for sample, result in zip(x, out, strict=True):
            padded[1:-1, 1:-1] = sample
            np.copyto(window_rows, windows)
            np.matmul(unrolled, matrix, out=result)
            result += bias
        return out.reshape(samples, rows, columns, -1)

    def attention(
        self,
        query: FloatArray,
        key: FloatArray,
        value: FloatArray,
        heads: int,
        causal: bool = False,
    ) -> FloatArray:
        """Scaled dot-product attention.

        ``query`` (samples, tokens, heads * size); ``key`` and ``value`` (samples, others,
        heads * size). With ``causal`` a token sees itself and what stands before it.
        """
        samples, tokens, width = query.shape
        size = width // heads

        def split(x: FloatArray) -> FloatArray:
            return x.reshape(samples, -1, heads, size).transpose(0, 2, 1, 3)

        scores: FloatArray = split(query) @ split(key).transpose(0, 1, 3, 2)
        scores *= np.float32(1 / math.sqrt(size))
        if causal:
            scores += np.triu(np.full(scores.shape[-2:], -np.inf, np.float32), 1)
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        read: FloatArray = scores @ split(value)
        return read.transpose(0, 2, 1, 3).reshape(samples, tokens, width)

    # --- norms and activations ----------------------------------------------------------------

    def group_norm(self, name: str, x: FloatArray, groups: int, epsilon: float) -> FloatArray:
        """GroupNorm of ``x`` (samples, H, W, channels) with its learned gain and bias."""
        gain, bias = self._group_affine(name, x, groups, epsilon)
        out = x * gain[:, None, None]
        out += bias[:, None, None]
        return out

    def group_norm_silu(
        self,
        name: str,
        x: FloatArray,
        groups: int,
        epsilon: float,
        scale: FloatArray | None = None,
        shift: FloatArray | None = None,
    ) -> FloatArray:
        """GroupNorm, then ``y * (1 + scale) + shift`` where given, then SiLU.

        ``x`` (samples, H, W, channels); ``scale`` and ``shift`` (samples, channels). Norm, scale
        and shift are one gain and one bias a channel, and SiLU is h * (1 + tanh(h)) with h half
        of its argument, so five passes over memory do it all, and no exponential can overflow.
        """
        gain, bias = self._group_affine(name, x, groups, epsilon)
        if scale is not None:
            gain *= 1 + scale
            bias *= 1 + scale
        if shift is not None:
            bias += shift
        gain *= 0.5
        bias *= 0.5
        out = np.empty_like(x)
        half = self._scratch(*x.shape[1:])
        for index, result in enumerate(out):  # one sample at a time stays in the cache
            np.multiply(x[index], gain[index], out=half)
            half += bias[index]
            np.tanh(half, out=result)
            result += 1
            result *= half
        return out

    def layer_norm(self, name: str, x: FloatArray, epsilon: float = 1e-5) -> FloatArray:
        """LayerNorm over the last axis, with its learned gain and bias."""
        out: FloatArray = x - x.mean(axis=-1, keepdims=True)
        variance = np.einsum("...c,...c->...", out, out)[..., None] / np.float32(x.shape[-1])
        out /= np.sqrt(variance + np.float32(epsilon))
        out *= self.weights.vector(f"{name}.weight")
        out += self.weights.vector(f"{name}.bias")
        return out

    def silu(self, x: FloatArray) -> FloatArray:
        """``x * sigmoid(x)``, as h * (1 + tanh(h)) with h = x / 2."""
        half = x * np.float32(0.5)
        out: FloatArray = np.tanh(half)
        out += 1
        out *= half
        return out

    def quick_gelu(self, x: FloatArray) -> FloatArray:
        """``x * sigmoid(1.702 x)``, the activation of CLIP."""
        out: FloatArray = np.tanh(x * np.float32(0.851))
        out += 1
        out *= x * np.float32(0.5)
        return out

    def gelu(self, x: FloatArray) -> FloatArray:
        """``x * Phi(x)`` with the exact normal distribution, as torch computes it by default.

        numpy has no error function; see ``twice_normal_share``.
        """
        out = twice_normal_share(x)
        out *= x
        out *= np.float32(0.5)
        return out

    def multiply(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Product, element by element."""
        return x * y

    # --- shapes and sums ----------------------------------------------------------------------

    def add(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Sum, element by element, with broadcasting over samples."""
        return x + y

    def concatenate(self, x: FloatArray, y: FloatArray, axis: int = -1) -> FloatArray:
        """One array after the other along ``axis``: channels unless told."""
        return np.concatenate((x, y), axis=axis)

    def halves(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The first and the second half of the channels."""
        middle = x.shape[-1] // 2
        return x[..., :middle], x[..., middle:]

    def mean_of_tokens(self, x: FloatArray) -> FloatArray:
        """(samples, tokens, channels) to (samples, 1, channels)."""
        mean: FloatArray = x.mean(axis=1, keepdims=True)
        return mean

    def double(self, x: FloatArray) -> FloatArray:
        """Every pixel as two by two: (samples, H, W, channels) to (samples, 2H, 2W, channels)."""
        samples, height, width, channels = x.shape
        out = np.empty((samples, height, 2, width, 2, channels), np.float32)
        out[...] = x[:, :, None, :, None, :]
        return out.reshape(samples, 2 * height, 2 * width, channels)

    def reshape(self, x: FloatArray, *shape: int) -> FloatArray:
        """The same numbers in another shape."""
        return x.reshape(shape)

    # --- inside -------------------------------------------------------------------------------

    def _group_affine(
        self, name: str, x: FloatArray, groups: int, epsilon: float
    ) -> tuple[FloatArray, FloatArray]:
        """Gain and bias, each (samples, channels), that normalise ``x`` and apply the weights."""
        samples, height, width, channels = x.shape
        pixels = x.reshape(samples, height * width, channels)
        ones = np.ones((1, height * width), np.float32)
        sums = np.empty((samples, 2, channels), np.float32)
        np.matmul(ones, pixels, out=sums[:, :1])
        np.einsum("npc,npc->nc", pixels, pixels, out=sums[:, 1])
        means = sums @ group_mean(channels, groups, height * width)
        variance = means[:, 1] - means[:, 0] * means[:, 0]
        np.maximum(variance, 0, out=variance)
        variance += np.float32(epsilon)
        gain = self.weights.vector(f"{name}.weight") / np.sqrt(variance)
        bias = self.weights.vector(f"{name}.bias") - means[:, 0] * gain
        return gain, bias

    def _padded(self, *shape: int) -> FloatArray:
        """Memory for one padded sample, zero at first and reused for the same shape."""
        if shape not in self._bordered:
            self._bordered[shape] = np.zeros(shape, np.float32)
        return self._bordered[shape]

    def _scratch(self, *shape: int) -> FloatArray:
        """Memory of a shape with anything in it, the same memory in every call."""
        size = math.prod(shape)
        if self._memory.size < size:
            self._memory = np.empty(size, np.float32)
        return self._memory[:size].reshape(shape)


def twice_normal_share(x: FloatArray) -> FloatArray:
    """Twice the normal distribution Phi(x), which is 1 + erf(x / sqrt 2); a fresh array.

    Abramowitz and Stegun 7.1.26, whose error of 1.5e-7 is below what float32 keeps of a gelu.
    """
    magnitude = np.abs(x)
    magnitude *= np.float32(math.sqrt(0.5))
    t = 1 / (1 + np.float32(0.3275911) * magnitude)
    series = np.full_like(t, 1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series *= t
        series += np.float32(coefficient)
    series *= t
    series *= np.exp(-magnitude * magnitude)
    out: FloatArray = np.copysign(1 - series, x)
    out += 1
    return out


@cache
def group_mean(channels: int, groups: int, pixels: int) -> FloatArray:
    """A matrix (channels, channels) that turns sums over pixels into means over a group.

    Each channel gets the mean of its group: one small product instead of sum, divide, repeat.
    """
    spread = channels // groups
    block = np.full((spread, spread), 1 / (spread * pixels), np.float32)
    return np.kron(np.eye(groups, dtype=np.float32), block)
