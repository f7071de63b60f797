"""The noise that a picture starts from: the same for the same seed, on any machine."""

from __future__ import annotations

import math

import numpy as np

from ategnatos.starter.tensors import FloatArray


def noise(seed: int, side: int, channels: int) -> FloatArray:
    """Standard normal noise (side, side, channels) for a seed of 0 or more.

    The bits come from PCG64, whose stream numpy promises to keep (NEP 19); numpy's own normal
    numbers may change between versions, so they are made here, by Box and Muller.
    """
    pairs = side * side * channels // 2
    bits = np.random.PCG64(seed).random_raw(2 * pairs) >> np.uint64(11)
    uniform = (bits.astype(np.float64) + 0.5) * 2.0**-53
    radius = np.sqrt(-2 * np.log(uniform[:pairs]))
    angle = 2 * math.pi * uniform[pairs:]
    values = np.concatenate((radius * np.cos(angle), radius * np.sin(angle)))
    return values.astype(np.float32).reshape(side, side, channels)
