"""Codes of LoRA files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from ategnatos.train.lora import converting, merging, resizing, tagging, writing
from ategnatos.train.lora.file import LoraFile


def _file(folder: Path, name: str = "lora_unet_a") -> Path:
    path = folder / f"{name}.safetensors"
    pair = {f"{name}.lora_down.weight": (1, 4), f"{name}.lora_up.weight": (3, 1)}
    save_file({key: np.ones(shape, np.float32) for key, shape in pair.items()}, path)
    return path


CASES = {
    "lora_file": lambda folder: LoraFile(folder / "nowhere.safetensors"),
    "lora_exists": lambda folder: writing.check_free(_file(folder)),
    "lora_spelling": lambda folder: converting.convert(
        _file(folder), folder / "out.safetensors", "diffusers"
    ),
    "lora_tag": lambda folder: tagging.parse(["nothing"]),
    "lora_merge": lambda folder: merging.merge(
        [merging.Part(_file(folder), 1.0)], folder / "out.safetensors"
    ),
    "lora_resize": lambda folder: resizing.resize(_file(folder), folder / "out.safetensors"),
}
