"""What a training is to do, in numbers; everything that decides its result but the pictures."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ategnatos.starter.training.optimizer import Method, Shape


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of one training.

    ``convolution_rank`` 0 trains no layer of the resnets. ``text_encoder_rate`` 0 is the common
    rate. ``batch`` counts the pictures of one step. ``prior_weight`` is that of a prior picture's
    loss. ``warmup`` counts steps. ``min_snr_gamma``, ``noise_offset``, ``ema_decay`` and
    ``max_grad_norm`` of 0 are off. ``flip`` shows half of the pictures mirrored.
    """

    steps: int
    seed: int
    rank: int = 8
    alpha: float = 8.0
    convolution_rank: int = 8
    convolution_alpha: float = 8.0
    text_encoder: bool = False
    text_encoder_rate: float = 0.0
    optimizer: Method = "adamw"
    rate: float = 2e-3
    schedule: Shape = "cosine"
    warmup: int = 0
    cycles: int = 1
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    batch: int = 4
    prior_weight: float = 1.0
    caption_dropout: float = 0.0
    shuffle_captions: bool = False
    flip: bool = False
    noise_offset: float = 0.0
    min_snr_gamma: float = 0.0
    timesteps: Literal["uniform", "sigmoid"] = "uniform"
    ema_decay: float = 0.0

    def facts(self) -> dict[str, Any]:
        """The settings as JSON has them."""
        return asdict(self)
