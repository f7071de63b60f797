"""The low-rank pairs that are trained: peft's layers, begun and named as the starter trainer's."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ategnatos.starter.training.adapters import Layer, trained_layers
from ategnatos.starter.training.chance import Purpose
from ategnatos.starter.training.draws import Draws

if TYPE_CHECKING:
    from ategnatos.trainers.accelerate.model import Model
    from ategnatos.trainers.accelerate.order import Recipe

_ADAPTER = "default"


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair: ``name`` as sd-scripts writes it, ``down`` (rank, in[, h, w]) and ``up``
    (out, rank[, 1, 1]) as torch's parameters, whether it is a text encoder's.
    """

    name: str
    down: Any
    up: Any
    alpha: float
    text: bool


class Pairs:
    """Every trained pair, in the order of the layers' names, the UNet's first."""

    def __init__(self, model: Model, recipe: Recipe) -> None:
        networks = [("lora_unet_", model.unet, False)]
        if recipe.text_encoder:
            marks = ("lora_te_",) if len(model.texts) == 1 else ("lora_te1_", "lora_te2_")
            networks += [(mark, text, True) for mark, text in zip(marks, model.texts, strict=True)]
        self._pairs = [pair for network in networks for pair in _put_into(*network, recipe=recipe)]
        self.begin(Draws(recipe.seed, Purpose.BEGIN))

    def __len__(self) -> int:
        return len(self._pairs)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._pairs)

    @property
    def parameters(self) -> list[Any]:
        """Down and up of each pair, in order."""
        return [part for one in self._pairs for part in (one.down, one.up)]

    def count(self) -> int:
        """How many numbers are trained."""
        return sum(part.numel() for part in self.parameters)

    def groups(self, recipe: Recipe) -> list[dict[str, Any]]:
        """Parameters for an optimizer, with the share of the common rate that each learns at."""
        own = recipe.text_encoder_rate / recipe.rate if recipe.text_encoder_rate else 1.0
        groups = []
        for text, share in ((False, 1.0), (True, own)):
            members = [one for one in self._pairs if one.text == text]
            parts = [part for one in members for part in (one.down, one.up)]
            if parts:
                groups.append({"params": parts, "share": share})
        return groups

    def begin(self, draws: Draws) -> None:
        """Start values: down uniform in +-1/sqrt(inputs) as torch's layers are, up zero."""
        import torch

        with torch.no_grad():
            for one in self._pairs:
                rank, inputs, *window = one.down.shape
                rows = inputs * math.prod(window)
                bound = np.float32(1 / math.sqrt(rows))
                uniform = draws.uniform(rows * rank).astype(np.float32)
                down = ((2 * uniform - 1) * bound).reshape(-1, inputs, rank).transpose(2, 1, 0)
                down = np.ascontiguousarray(down).reshape(tuple(one.down.shape))
                one.down.copy_(torch.from_numpy(down))
                one.up.zero_()

    def tensors(self, values: Sequence[Any], dtype: Any) -> dict[str, Any]:
        """The LoRA file's tensors from ``values``, one for each of :attr:`parameters`."""
        import torch

        made = {}
        for n, one in enumerate(self._pairs):
            made[f"{one.name}.lora_down.weight"] = values[2 * n].detach().to("cpu", dtype)
            made[f"{one.name}.lora_up.weight"] = values[2 * n + 1].detach().to("cpu", dtype)
            made[f"{one.name}.alpha"] = torch.tensor(one.alpha, dtype=dtype)
        return {name: tensor.contiguous() for name, tensor in made.items()}


def _put_into(mark: str, network: Any, text: bool, recipe: Recipe) -> list[Pair]:
    import torch
    from peft import LoraConfig, inject_adapter_in_model

    home = "text_encoder" if text else "unet"
    shapes = {
        (home, name): tuple(module.weight.shape)
        for name, module in sorted(network.named_modules())
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d)
    }
    size = (recipe.convolution_rank, recipe.convolution_alpha) if recipe.convolution_rank else None
    layers = {
        name: layer
        for (_, name), layer in trained_layers(
            shapes,  # type: ignore[arg-type]
            recipe.rank,
            recipe.alpha,
            size,
            text,
        ).items()
    }
    settings = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules="|".join(map(re.escape, layers)),
        rank_pattern={re.escape(name): layer.rank for name, layer in layers.items()},
        alpha_pattern={re.escape(name): layer.alpha for name, layer in layers.items()},
    )
    inject_adapter_in_model(settings, network, _ADAPTER)
    return [_pair(mark, network, name, layer, text) for name, layer in layers.items()]


def _pair(mark: str, network: Any, name: str, layer: Layer, text: bool) -> Pair:
    import torch

    module = network.get_submodule(name)
    down, up = module.lora_A[_ADAPTER], module.lora_B[_ADAPTER]
    for part in (down, up):
        # What is trained is kept in full precision, whatever the frozen weights are in.
        part.to(torch.float32)
        part.requires_grad_(True)
    plain = name.replace(".", "_")
    if text:
        plain = "text_model_" + plain.removeprefix("text_model_")
    return Pair(mark + plain, down.weight, up.weight, layer.alpha, text)
