"""How the weights move: AdamW or Lion over one flat array, and the rate at each step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ategnatos.starter.tensors import FloatArray

Method = Literal["adamw", "lion"]
Shape = Literal[
    "constant", "constant-with-warmup", "linear", "cosine", "cosine-with-restarts", "polynomial"
]

_EPSILON = 1e-8
_BETAS: dict[Method, tuple[float, float]] = {"adamw": (0.9, 0.999), "lion": (0.9, 0.99)}
_POLYNOMIAL_POWER, _POLYNOMIAL_END = 1.0, 1e-7  # as diffusers' get_polynomial_decay_schedule


@dataclass(frozen=True, slots=True)
class Schedule:
    """The learning rate over ``steps``: ``warmup`` of them rise from 0, then the shape follows.

    ``cycles`` counts for cosine-with-restarts. Source: diffusers, optimization.py.
    """

    rate: float
    steps: int
    shape: Shape = "constant"
    warmup: int = 0
    cycles: int = 1

    def at(self, step: int) -> float:
        """The rate of a step, counted from 0."""
        if self.shape == "constant":
            return self.rate
        if step < self.warmup:
            return self.rate * step / max(1, self.warmup)
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        if self.shape == "constant-with-warmup":
            return self.rate
        if self.shape == "linear":
            return self.rate * max(0.0, 1 - done)
        if self.shape == "cosine":
            return self.rate * max(0.0, 0.5 * (1 + math.cos(math.pi * done)))
        if self.shape == "cosine-with-restarts":
            place = 1.0 if done >= 1 else (self.cycles * done) % 1
            return self.rate * max(0.0, 0.5 * (1 + math.cos(math.pi * place)))
        if done >= 1:
            return _POLYNOMIAL_END
        above = self.rate - _POLYNOMIAL_END
        return above * math.pow(1 - done, _POLYNOMIAL_POWER) + _POLYNOMIAL_END


class Optimizer:
    """AdamW (Loshchilov and Hutter, arXiv 1711.05101) or Lion (arXiv 2302.06675).

    ``mean`` and ``square`` (n,) are the running means of the gradient and of its square; Lion
    has no second one and leaves it 0.
    """

    def __init__(self, method: Method, size: int, decay: float) -> None:
        self._method, self._decay = method, decay
        self.mean: FloatArray = np.zeros(size, np.float32)
        self.square: FloatArray = np.zeros(size, np.float32)

    def move(
        self, parameters: FloatArray, gradient: FloatArray, rate: FloatArray, step: int
    ) -> None:
        """Move ``parameters`` (n,) in place; ``rate`` (n,) or (1,), ``step`` counted from 0."""
        first, second = _BETAS[self._method]
        parameters *= 1 - rate * np.float32(self._decay)
        if self._method == "lion":
            direction = np.float32(first) * self.mean + np.float32(1 - first) * gradient
            parameters -= rate * np.sign(direction)
            self.mean *= np.float32(second)
            self.mean += np.float32(1 - second) * gradient
            return
        self.mean *= np.float32(first)
        self.mean += np.float32(1 - first) * gradient
        self.square *= np.float32(second)
        self.square += np.float32(1 - second) * gradient * gradient
        spread = np.sqrt(self.square)
        spread *= np.float32(1 / math.sqrt(1 - second ** (step + 1)))
        spread += np.float32(_EPSILON)
        parameters -= rate * np.float32(1 / (1 - first ** (step + 1))) * (self.mean / spread)


def clipped(gradient: FloatArray, largest: float) -> FloatArray:
    """The gradient, shortened where its norm is above ``largest``; 0 never shortens."""
    if largest == 0:
        return gradient
    norm = math.sqrt(float(gradient.astype(np.float64) @ gradient.astype(np.float64)))
    return gradient * np.float32(largest / (norm + 1e-6)) if norm > largest else gradient
