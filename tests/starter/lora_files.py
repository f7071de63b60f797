"""LoRA files made by hand, in the spellings of the trainers that write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from ategnatos.starter.model import StarterModel, load_model
from ategnatos.starter.tensors import FloatArray
from ategnatos.starter.training import lora_file
from ategnatos.starter.training.course import Course
from ategnatos.starter.training.draws import Draws
from ategnatos.starter.training.examples import Example
from ategnatos.starter.training.recipe import Recipe

RANK, ALPHA = 4, 6.0
LAYERS = {
    "unet": [
        "to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out",
        "time_emb_proj", "conv1", "conv2", "conv_shortcut",
    ],
    "text_encoder": ["q_proj", "v_proj", "fc1"],
}  # fmt: skip
KOHYA_ROOTS = {"unet": "lora_unet", "text_encoder": "lora_te"}

Pairs = dict[tuple[str, str], tuple[FloatArray, FloatArray]]


def random_pairs(
    model: StarterModel, networks: tuple[str, ...], seed: int = 0, only: str = ""
) -> Pairs:
    """(down, up) for each layer that trainers train, by (network, layer)."""
    random = np.random.default_rng(seed)
    pairs: Pairs = {}
    for (network, layer), shape in model.lora_targets.items():
        trained = layer.endswith(tuple(LAYERS[network])) and not layer.startswith("add_embedding")
        if network not in networks or not trained or only not in layer:
            continue
        scale = np.float32(0.3 / np.sqrt(np.prod(shape[1:])))
        down = random.standard_normal((RANK, *shape[1:]), np.float32) * scale
        up = random.standard_normal((shape[0], RANK, *(1 for _ in shape[2:])), np.float32)
        pairs[network, layer] = down, up
    return pairs


def write_kohya(path: Path, pairs: Pairs, metadata: Mapping[str, str] | None = None) -> Path:
    """As kohya-ss writes it: flat names, the alpha as a tensor of its own."""
    tensors: dict[str, Any] = {}
    for (network, layer), (down, up) in pairs.items():
        name = f"{KOHYA_ROOTS[network]}_{_level(network)}{layer}".replace(".", "_")
        tensors[f"{name}.lora_down.weight"] = down
        tensors[f"{name}.lora_up.weight"] = up
        tensors[f"{name}.alpha"] = np.array(ALPHA, np.float32)
    save_file(tensors, path, {"format": "pt", **(metadata or {})})
    return path


def write_trained(path: Path, pairs: Pairs) -> Path:
    """As our own trainer writes it; the pairs are its own, moved by chance, and not ``pairs``."""
    recipe = Recipe(steps=1, seed=1, rank=RANK, alpha=ALPHA, convolution_rank=2)
    pixels = np.zeros((32, 32, 4), np.float32)
    course = Course(load_model(), recipe, [Example(pixels, "a red potion")])
    noise = Draws(len(pairs)).normal(len(course.adapters.parameters))
    course.adapters.parameters += noise * np.float32(0.08)
    path.write_bytes(lora_file.contents(course, {}, np.float32))
    return path


def write_peft(path: Path, pairs: Pairs) -> Path:
    """As diffusers saves a peft adapter: dotted names, the alpha in the metadata."""
    tensors: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for (network, layer), (down, up) in pairs.items():
        tensors[f"{network}.{_level(network)}{layer}.lora_A.weight"] = down
        tensors[f"{network}.{_level(network)}{layer}.lora_B.weight"] = up
        settings[f"{network}.r"] = RANK
        settings[f"{network}.lora_alpha"] = ALPHA
        settings[f"{network}.target_modules"] = LAYERS[network]
    save_file(tensors, path, {"format": "pt", "lora_adapter_metadata": json.dumps(settings)})
    return path


def _level(network: str) -> str:
    """Names of the text encoder have one more level in LoRA files than in transformers 5."""
    return "text_model." if network == "text_encoder" else ""
