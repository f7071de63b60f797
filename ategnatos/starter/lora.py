"""LoRA files: read in the spellings that trainers write, and turned into changes of weights.

A change is ``weight * alpha / rank * up @ down``, added to a copy of the weight. Spellings:
kohya (``lora_unet_..._to_q.lora_down.weight`` with ``.alpha``), diffusers with peft
(``unet....to_q.lora_A.weight``, alpha in the file's metadata), and diffusers before peft
(``unet....to_q.lora.down.weight``). What peft saves by itself keeps its alpha in a second file
and is refused: it would be applied at a wrong strength.

Sources: kohya-ss/sd-scripts, networks/lora.py; diffusers, loaders/lora_base.py and
loaders/lora_conversion_utils.py.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ategnatos.grimoire.errors import StudioError
from ategnatos.starter.errors import STARTER_LORA
from ategnatos.starter.tensors import FloatArray, StoredArray, TensorFile

Network = Literal["unet", "text_encoder"]
Target = tuple[Network, str]

LARGEST_FILE = 256 * 1024 * 1024  # bytes; twenty times the model itself
_PARTS = {
    ".lora_down.weight": "down",
    ".lora_up.weight": "up",
    ".lora_A.weight": "down",
    ".lora_B.weight": "up",
    ".lora.down.weight": "down",
    ".lora.up.weight": "up",
    ".alpha": "alpha",
}
_HOMES: dict[str, Network] = {
    "unet.": "unet",
    "text_encoder.text_model.": "text_encoder",
    "text_encoder.": "text_encoder",
}


@dataclass(frozen=True, slots=True)
class Lora:
    """One LoRA file, matched to the model.

    ``factors`` maps a layer to (down, up, alpha / rank) with down (rank, in[, h, w]) and up
    (out, rank[, 1, 1]). ``trigger`` is the phrase that the file's metadata names, or "".
    """

    path: Path
    factors: Mapping[Target, tuple[FloatArray, FloatArray, float]]
    trigger: str

    def change(self, target: Target, shape: tuple[int, ...]) -> FloatArray:
        """What is added to the weight of ``shape`` at full strength."""
        down, up, scale = self.factors[target]
        product = up.reshape(len(up), -1) @ down.reshape(len(down), -1)
        return np.float32(scale) * product.reshape(shape)


def read_lora(path: Path, shapes: Mapping[Target, tuple[int, ...]]) -> Lora:
    """Read a LoRA file and match it to the layers of the model, given with their weights' shapes.

    Raises StudioError (``starter_lora``) when the file cannot be read, is too large, holds keys
    that match nothing in the model (all of them are named in ``details``), lacks one half of a
    pair, or has matrices that do not fit.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise ValueError(f"it has {size:,} bytes, the limit is {LARGEST_FILE:,}")
        file = TensorFile(path)
    except (OSError, ValueError) as error:
        raise _refusal(path, f"it cannot be read: {error}", "Check the path.") from error

    parts, strangers = _sorted_into_parts(file, _layers_by_spelling(shapes))
    if strangers or not parts:
        named = ", ".join(strangers[:5]) + (" ..." if len(strangers) > 5 else "")
        raise _refusal(
            path,
            f"{len(strangers)} of its {len(file)} keys match nothing in the starter model: {named}"
            if strangers
            else "it holds no LoRA",
            "Use a LoRA that was trained on the starter model, or another engine with --engine.",
            unmatched=strangers,
        )
    alphas = _AlphasOfMetadata(path, file.metadata)
    factors = {}
    for target, part in parts.items():
        if "down" not in part or "up" not in part:
            raise _refusal(path, f"{'.'.join(target)} has only one half of its pair", _RETRAIN)
        try:
            down, up = (np.asarray(file[part[half]], np.float32) for half in ("down", "up"))
            stored = file[part["alpha"]].reshape(-1) if "alpha" in part else None
        except ValueError as error:
            raise _refusal(path, str(error), "Save it as float16 or bfloat16.") from error
        _check_fit(path, target, down, up, shapes[target])
        factors[target] = down, up, alphas.scale(target, len(down), stored)
    return Lora(path, factors, file.metadata.get("modelspec.trigger_phrase", "").strip())


def changes(
    loras: Sequence[tuple[Lora, float]], network: Network, shapes: Mapping[Target, tuple[int, ...]]
) -> dict[str, FloatArray]:
    """What several LoRAs with their weights add up to in one network, by parameter name."""
    total: dict[str, FloatArray] = {}
    for lora, weight in loras:
        if weight == 0:
            continue
        for target in lora.factors:
            home, layer = target
            if home == network:
                change = np.float32(weight) * lora.change(target, shapes[target])
                name = f"{layer}.weight"
                total[name] = total[name] + change if name in total else change
    return total


_RETRAIN = "The file is damaged: download or train it again."


class _AlphasOfMetadata:
    """Alphas as diffusers saves them: a JSON text of peft settings in the file's metadata."""

    def __init__(self, path: Path, metadata: Mapping[str, str]) -> None:
        self._path = path
        text = metadata.get("lora_adapter_metadata", "{}")
        try:
            settings = json.loads(text)
        except ValueError as error:
            raise _refusal(path, f"its adapter metadata is no JSON: {error}", _RETRAIN) from error
        if not isinstance(settings, dict):
            raise _refusal(path, "its adapter metadata is no JSON object", _RETRAIN)
        if any(settings.get(f"{home}.use_dora") for home in ("unet", "text_encoder")):
            raise _refusal(path, "it is a DoRA, which is not supported", "Train a plain LoRA.")
        self._settings = settings

    def scale(self, target: Target, rank: int, stored: StoredArray | None) -> float:
        """Alpha over rank; without any alpha 1, which is alpha equal to the rank.

        ``stored`` is the alpha that stands in the file as a tensor; it counts before any other.
        """
        home, layer = target
        pattern = self._settings.get(f"{home}.alpha_pattern") or {}
        stabilised = bool(self._settings.get(f"{home}.use_rslora"))
        alpha: Any = self._settings.get(f"{home}.lora_alpha", rank)
        try:
            alpha = next((pattern[key] for key in pattern if _names(key, layer)), alpha)
            alpha = float(alpha if stored is None else stored[0])
        except (TypeError, ValueError, IndexError):
            alpha = math.nan
        if not math.isfinite(alpha):
            raise _refusal(self._path, f"the alpha of {layer} is not a number", _RETRAIN)
        return float(alpha) / (math.sqrt(rank) if stabilised else rank)


def _names(key: str, layer: str) -> bool:
    """Whether peft's pattern key means this layer: the layer's name or the end of it."""
    return layer == key or layer.endswith(f".{key}")


def _layers_by_spelling(shapes: Collection[Target]) -> dict[str, Target]:
    """Every spelling of a layer's name that the known trainers use."""
    spelled: dict[str, Target] = {}
    for target in shapes:
        network, layer = target
        plain = layer.removeprefix("text_model.")
        flat = plain.replace(".", "_")
        if network == "unet":
            spelled[f"lora_unet_{flat}"] = target
        else:
            spelled[f"lora_te_text_model_{flat}"] = target
            spelled[f"lora_te_{flat}"] = target
        for prefix, home in _HOMES.items():
            if home == network:
                spelled[f"{prefix}{plain}"] = target
    return spelled


def _sorted_into_parts(
    keys: Collection[str], layers: Mapping[str, Target]
) -> tuple[dict[Target, dict[str, str]], list[str]]:
    """Keys by layer and part (down, up, alpha), and the keys that fit nowhere."""
    parts: dict[Target, dict[str, str]] = {}
    strangers = []
    for key in keys:
        ending = next((ending for ending in _PARTS if key.endswith(ending)), None)
        target = layers.get(key.removesuffix(ending)) if ending else None
        if ending is None or target is None:
            strangers.append(key)
        else:
            parts.setdefault(target, {})[_PARTS[ending]] = key
    return parts, strangers


def _check_fit(
    path: Path, target: Target, down: FloatArray, up: FloatArray, shape: tuple[int, ...]
) -> None:
    product = (*up.shape[:1], *down.shape[1:])
    fits = down.size > 0 and up.size == math.prod(up.shape[:1]) * math.prod(down.shape[:1])
    if not fits or product[:2] != shape[:2] or math.prod(product) != math.prod(shape):
        raise _refusal(
            path,
            f"its matrices for {'.'.join(target)}, {up.shape} and {down.shape}, do not make the "
            f"layer's {shape}",
            "Use a LoRA that was trained on the starter model.",
        )
    if not (np.isfinite(down).all() and np.isfinite(up).all()):
        raise _refusal(path, f"{'.'.join(target)} holds numbers that are not finite", _RETRAIN)


def _refusal(path: Path, reason: str, hint: str, **details: Any) -> StudioError:
    return StudioError(
        STARTER_LORA,
        f"The LoRA {path.name} was not applied, and nothing was made: {reason}.",
        hint=hint,
        file=str(path),
        **details,
    )
