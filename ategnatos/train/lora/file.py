"""A LoRA file, opened: its layers with their parts, read one tensor at a time.

Header and ranges are checked before anything else (``tensor_header``); no tensor is read until it
is asked for, and then only its own bytes.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.tensor_header import Header, read_header

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

LORA_FILE = ErrorCode("lora_file", "The file is no LoRA that can be worked with.")

# The end of a tensor's name: which part of a layer's pair it is, and the spelling it belongs to.
ENDINGS = {
    ".lora_down.weight": ("down", "kohya"),
    ".lora_up.weight": ("up", "kohya"),
    ".lora_mid.weight": ("mid", "kohya"),
    ".lora_A.default.weight": ("down", "peft"),
    ".lora_B.default.weight": ("up", "peft"),
    ".lora_A.weight": ("down", "peft"),
    ".lora_B.weight": ("up", "peft"),
    ".lora.down.weight": ("down", "old"),
    ".lora.up.weight": ("up", "old"),
    ".alpha": ("alpha", ""),
}
# What else trainers write: no plain pair of matrices.
_OTHER_KINDS = {
    "dora_scale": "DoRA",
    "lora_magnitude_vector": "DoRA",
    "hada_": "LoHa",
    "lokr_": "LoKr",
    "oft_": "OFT",
    "lora_mid": "LoRA with a middle (CP decomposition)",
    "diff": "full weights",
}
_READ: dict[str, np.dtype[Any]] = {
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "BF16": np.dtype("<u2"),
}
PRECISIONS = {"fp16": "F16", "bf16": "BF16", "fp32": "F32"}


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer that the LoRA changes. ``name`` is as the file has it, without the ending.

    ``down`` (rank, in[, h, w]) and ``up`` (out, rank[, 1, 1]) are tensor names; ``alpha`` is one,
    or "". ``rank`` is from the header.
    """

    name: str
    down: str
    up: str
    alpha: str
    rank: int


class LoraFile:
    """One file. Raises StudioError (``header_invalid``, ``lora_file``) where it is none."""

    def __init__(self, path: Path) -> None:
        try:
            self.header: Header = read_header(path)
        except OSError as error:
            raise refused(
                path, f"it cannot be read ({error.strerror or error})", "Check the file's name."
            ) from error
        self.path = path

    @property
    def metadata(self) -> dict[str, str]:
        """What the header says beside the tensors."""
        return self.header.metadata

    @cached_property
    def other_kind(self) -> str:
        """ "" for pairs of matrices alone, else what it is (``LoKr``, ``DoRA``, ...)."""
        for name in self.header.tensors:
            for mark, kind in _OTHER_KINDS.items():
                if any(one.startswith(mark) for one in name.split(".")[1:]):
                    return kind
        return ""

    @cached_property
    def spelling(self) -> str:
        """How its parts are called: kohya, peft or old; ``mixed`` where more than one way."""
        found = {style for name in self.header.tensors if (style := _ending(name)[1])}
        return found.pop() if len(found) == 1 else "mixed"

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """The layers by name, in the order of the file. Raises StudioError (``lora_file``)."""
        if self.other_kind:
            raise refused(self.path, f"it is a {self.other_kind}, and not pairs of matrices alone")
        parts: dict[str, dict[str, str]] = {}
        strangers = []
        for name in self.header.tensors:
            part, _, ending = _ending(name)
            if not part:
                strangers.append(name)
                continue
            parts.setdefault(name.removesuffix(ending), {})[part] = name
        if strangers or not parts:
            shown = ", ".join(strangers[:4]) + (" ..." if len(strangers) > 4 else "")
            why = f"it holds tensors of no known kind: {shown}" if strangers else "it holds none"
            raise refused(self.path, why)
        return {name: self._layer(name, found) for name, found in parts.items()}

    def read(self, name: str) -> Floats:
        """One tensor in float32, in its own shape. Raises StudioError (``lora_file``)."""
        entry = self.header.tensors[name]
        raw = self.raw(name)
        if entry.dtype not in _READ:
            raise refused(self.path, f"{name} has numbers of the type {entry.dtype}")
        stored = np.frombuffer(raw, _READ[entry.dtype])
        if entry.dtype == "BF16":  # the upper half of a float32
            values = (stored.astype(np.uint32) << np.uint32(16)).view(np.float32)
        else:
            values = stored.astype(np.float32)
        if not np.isfinite(values).all():
            raise refused(self.path, f"{name} holds numbers that are not finite")
        shaped: Floats = values.reshape(entry.shape)
        return shaped

    def raw(self, name: str) -> bytes:
        """The bytes of one tensor as they are stored."""
        entry = self.header.tensors[name]
        with self.path.open("rb") as file:
            file.seek(entry.begin)
            raw = file.read(entry.end - entry.begin)
        if len(raw) != entry.end - entry.begin:
            raise refused(self.path, "it became shorter while it was read")
        return raw

    def scale(self, layer: Layer) -> float:
        """What the product is multiplied with at full strength: alpha over rank.

        An alpha in the file counts, then diffusers' adapter metadata, else it is the rank.
        """
        if layer.alpha:
            return float(self.read(layer.alpha).reshape(-1)[0]) / layer.rank
        return _stated_scale(self._settings, layer)

    @cached_property
    def has_alphas(self) -> bool:
        """Whether alphas stand in the file as tensors."""
        return any(name.endswith(".alpha") for name in self.header.tensors)

    def factors(self, layer: Layer) -> tuple[Floats, Floats, float]:
        """``down`` (rank, in[, h, w]), ``up`` (out, rank[, 1, 1]) and the scale."""
        return self.read(layer.down), self.read(layer.up), self.scale(layer)

    def change(self, layer: Layer) -> Floats:
        """What is added to the weight, (out, in * h * w), at full strength."""
        down, up, scale = self.factors(layer)
        return np.float32(scale) * (up.reshape(len(up), -1) @ down.reshape(len(down), -1))

    def norm(self, layer: Layer) -> float:
        """The Frobenius norm of :meth:`change`, without making it."""
        down, up, scale = self.factors(layer)
        flat, tall = down.reshape(len(down), -1), up.reshape(len(up), -1)
        square = float(((tall.T @ tall) * (flat @ flat.T)).sum())
        return abs(scale) * math.sqrt(max(0.0, square))

    def _layer(self, name: str, found: dict[str, str]) -> Layer:
        if "down" not in found or "up" not in found:
            raise refused(self.path, f"{name} has only one half of its pair")
        down, up = (self.header.tensors[found[part]].shape for part in ("down", "up"))
        rank = down[0] if down else 0
        if len(down) < 2 or len(up) != len(down) or rank < 1 or up[1] != rank:
            raise refused(self.path, f"the matrices of {name}, {up} and {down}, make no product")
        if math.prod(up[2:]) != 1:
            raise refused(self.path, f"the second matrix of {name} is no 1x1 convolution")
        return Layer(name, found["down"], found["up"], found.get("alpha", ""), rank)

    @cached_property
    def _settings(self) -> dict[str, Any]:
        try:
            said = json.loads(self.metadata.get("lora_adapter_metadata", "{}"))
        except ValueError as error:
            raise refused(self.path, f"its adapter metadata is no JSON ({error})") from error
        if not isinstance(said, dict):
            raise refused(self.path, "its adapter metadata is no JSON object")
        return said


def refused(path: Path, why: str, hint: str = "") -> StudioError:
    """The refusal of a file that cannot be worked with."""
    return StudioError(
        LORA_FILE,
        f"{path.name} cannot be worked with: {why}. Nothing was written.",
        hint=hint or f"See what is in it: ategnatos train lora show {path}",
        path=str(path),
    )


def _ending(name: str) -> tuple[str, str, str]:
    """Part, spelling and ending of a tensor's name; "" where it is none of ours."""
    for ending, (part, style) in ENDINGS.items():
        if name.endswith(ending):
            return part, style, ending
    return "", "", ""


def _stated_scale(settings: dict[str, Any], layer: Layer) -> float:
    home, _, inner = layer.name.partition(".")
    alpha = settings.get(f"{home}.lora_alpha", layer.rank)
    for key, value in (settings.get(f"{home}.alpha_pattern") or {}).items():
        # peft's rule: the layer's name, or the end of it; after ^ the name alone.
        if inner == key.removeprefix("^") or inner.endswith(f".{key}"):
            alpha = value
            break
    root = bool(settings.get(f"{home}.use_rslora"))
    return float(alpha) / (math.sqrt(layer.rank) if root else layer.rank)
