"""One real way to provoke each error of ``ategnatos.starter``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ategnatos.starter.model import load_model
from ategnatos.starter.planning import plan
from ategnatos.starter.request import LoraWeight, StarterRequest

CASES: dict[str, Callable[[Path], None]] = {
    "starter_request": lambda folder: plan(StarterRequest("a red potion", seed=1, steps=0)),
    "starter_weights": lambda folder: load_model(folder / "no model here"),
    "starter_lora": lambda folder: plan(
        StarterRequest("a red potion", seed=1, loras=(LoraWeight(folder / "gone.safetensors"),))
    ),
}
