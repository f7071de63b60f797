"""Derivatives of the layers: from the gradient of a result to that of what it was made of.

Pure functions over float32 arrays with channels last, as in :mod:`ategnatos.starter.layers`.
"""

from __future__ import annotations

import math

import numpy as np

from ategnatos.starter.layers import group_mean
from ategnatos.starter.tensors import FloatArray


def attention(
    gradient: FloatArray,
    query: FloatArray,
    key: FloatArray,
    value: FloatArray,
    weights: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of query, key and value, each split (samples, heads, tokens, size).

    ``weights`` (samples, heads, tokens, others) is what the softmax gave, ``gradient`` that of
    what was read, split like the query.
    """
    of_value: FloatArray = weights.transpose(0, 1, 3, 2) @ gradient
    of_scores: FloatArray = gradient @ value.transpose(0, 1, 3, 2)
    of_scores -= np.einsum("nhqk,nhqk->nhq", of_scores, weights)[..., None]
    of_scores *= weights
    of_scores *= np.float32(1 / math.sqrt(query.shape[-1]))
    of_query: FloatArray = of_scores @ key
    of_key: FloatArray = of_scores.transpose(0, 1, 3, 2) @ query
    return of_query, of_key, of_value


def silu_slope(half: FloatArray, tanh: FloatArray) -> FloatArray:
    """The slope of SiLU at 2 * half, where ``tanh`` = tanh(half)."""
    slope: FloatArray = half * (1 - tanh)
    slope += 1
    slope *= 1 + tanh
    slope *= np.float32(0.5)
    return slope


def quick_gelu_slope(x: FloatArray) -> FloatArray:
    """The slope of ``x * sigmoid(1.702 x)``."""
    half = x * np.float32(0.851)
    return silu_slope(half, np.tanh(half))


def gelu_slope(x: FloatArray, twice_share: FloatArray) -> FloatArray:
    """The slope of ``x * Phi(x)``, where ``twice_share`` = 2 Phi(x)."""
    slope: FloatArray = np.exp(x * x * np.float32(-0.5))
    slope *= x * np.float32(1 / math.sqrt(2 * math.pi))
    slope += twice_share * np.float32(0.5)
    return slope


def layer_norm(gradient: FloatArray, x: FloatArray, gain: FloatArray, epsilon: float) -> FloatArray:
    """Of the input of a LayerNorm over the last axis."""
    centred = x - x.mean(axis=-1, keepdims=True)
    width = np.float32(x.shape[-1])
    variance = np.einsum("...c,...c->...", centred, centred)[..., None] / width
    spread = np.sqrt(variance + np.float32(epsilon))
    normal = centred / spread
    inner = gradient * gain
    shared = np.einsum("...c,...c->...", inner, normal)[..., None] / width
    inner -= inner.mean(axis=-1, keepdims=True)
    inner -= normal * shared
    inner /= spread
    return inner


def group_norm(
    gradient: FloatArray, normal: FloatArray, gain: FloatArray, spread: FloatArray, groups: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Of the input of a GroupNorm; and sums over pixels of the gradient, alone and times normal.

    ``gradient`` and ``normal`` (samples, H, W, channels) are of the result and the value before
    gain and bias; ``gain`` (samples or 1, channels), ``spread`` (samples, channels) the group's.
    """
    samples, height, width, channels = gradient.shape
    pixels = gradient.reshape(samples, height * width, channels)
    plain = (np.ones((1, height * width), np.float32) @ pixels)[:, 0]
    with_normal = np.einsum("npc,npc->nc", pixels, normal.reshape(pixels.shape))
    share = group_mean(channels, groups, height * width)
    out: FloatArray = gradient * gain[:, None, None]
    out -= ((plain * gain) @ share)[:, None, None]
    out -= normal * ((with_normal * gain) @ share)[:, None, None]
    out /= spread[:, None, None]
    return out, plain, with_normal
