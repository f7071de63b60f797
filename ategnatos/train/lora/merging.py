"""Several LoRAs as one: their weighted sum, exact, by laying their matrices side by side.

``w1 s1 B1 A1 + w2 s2 B2 A2`` is one product of ``[w1 s1 B1, w2 s2 B2]`` and ``[A1; A2]``: the ranks
add up and nothing is lost but what the file's precision rounds. ``resizing`` makes it smaller.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_file
from ategnatos.train.lora import crossing, renaming, spelling
from ategnatos.train.lora.file import LoraFile
from ategnatos.train.lora.writing import STALE, Spool, check_free

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

LORA_MERGE = ErrorCode("lora_merge", "These LoRAs cannot be added up.")

_ORDER = ("F16", "BF16", "F32")


@dataclass(frozen=True, slots=True)
class Part:
    """One LoRA and how much of it; ``family`` is what it was recognised as, or ""."""

    path: Path
    weight: float
    family: str = ""


@dataclass(frozen=True, slots=True)
class Merged:
    """``ranks`` by layer. ``error`` is the most that storing rounded, against the largest number
    of a tensor.
    """

    path: Path
    ranks: dict[str, int]
    precision: str
    error: float


def merge(
    parts: Sequence[Part], target: Path, precision: str = "", *, write: bool = True
) -> Merged:
    """Write the weighted sum. ``precision`` (F16, BF16, F32): default the widest of the files.
    Without ``write`` everything is computed and no file is left.

    Raises StudioError (``lora_merge``, ``lora_file``, ``lora_exists``).
    """
    check_free(target)
    if len(parts) < 2:
        raise _refused("there are not two of them", parts)
    families = {one.family.partition("/")[0] for one in parts if one.family}
    if len(families) > 1:
        said = "; ".join(f"{one.path.name} is of {one.family or 'an unknown one'}" for one in parts)
        raise _refused(f"they are of different families ({said})", parts)
    files = [LoraFile(one.path) for one in parts]
    if len({_base(file) for file in files} - {""}) > 1 and not families:
        raise _refused("they say that they are for different base models", parts)
    _same_names(parts, files, next(iter(families), ""))
    layers: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for number, file in enumerate(files):
        for name in file.layers:
            layers.setdefault(spelling.matched(name), []).append((number, name))
    if not any(len(found) > 1 for found in layers.values()):
        raise _refused("they have no layer in common, so they are for different models", parts)
    wide = precision or max((_precision(file) for file in files), key=_ORDER.index)
    ranks: dict[str, int] = {}
    worst = 0.0
    style = "kohya" if files[0].spelling == "kohya" else "peft"
    with Spool(target) as spool:
        for found in layers.values():
            name = found[0][1]
            down, up = _joined(parts, files, found)
            ranks[name] = len(down)
            for error in (
                spool.add(f"{name}{_END[style][0]}", down, wide),
                spool.add(f"{name}{_END[style][1]}", up, wide),
            ):
                worst = max(worst, error)
            spool.add(f"{name}.alpha", np.array(len(down), np.float32), "F32")
        if not np.isfinite(worst):
            raise _refused("a number is too large for fp16", parts, "Add --precision fp32.")
        if write:
            spool.finish(_metadata(parts, files, ranks))
    return Merged(target, ranks, wide, worst)


def _same_names(parts: Sequence[Part], files: Sequence[LoraFile], family: str) -> None:
    """Refuse where one file has the names of the authors and another those of diffusers: laid
    together they would be layers twice, and no program reads both.
    """
    sides = [renaming.sides(file.layers, family) for file in files]
    if len(set().union(*sides)) > 1:
        said = "; ".join(
            f"{one.path.name}: {' and '.join(sorted(found)) or 'neither'}"
            for one, found in zip(parts, sides, strict=True)
        )
        first = sorted(sides[0]) or [crossing.DIFFUSERS]
        other = next(
            (one for one, found in zip(parts, sides, strict=True) if found - {first[0]}), parts[0]
        )
        to = "diffusers" if first[0] == crossing.DIFFUSERS else "comfyui"
        raise _refused(
            f"their layers have the names of diffusers in one and of {family}'s authors in another"
            f" ({said})",
            parts,
            f"Give them the same names first: ategnatos train lora convert {other.path} --to {to}"
            " --out NEW.safetensors",
        )


_END = {
    "kohya": (".lora_down.weight", ".lora_up.weight"),
    "peft": (".lora_A.weight", ".lora_B.weight"),
}


def _joined(
    parts: Sequence[Part], files: Sequence[LoraFile], found: Sequence[tuple[int, str]]
) -> tuple[Floats, Floats]:
    """The matrices of one layer side by side, weights and scales in the second."""
    downs: list[Floats] = []
    ups: list[Floats] = []
    for number, name in found:
        down, up, scale = files[number].factors(files[number].layers[name])
        if downs and (down.shape[1:] != downs[0].shape[1:] or len(up) != len(ups[0])):
            raise _refused(f"{name} has another shape in {files[number].path.name}", parts)
        downs.append(down)
        ups.append(np.float32(parts[number].weight * scale) * up)
    return np.concatenate(downs), np.concatenate(ups, axis=1)


def _metadata(
    parts: Sequence[Part], files: Sequence[LoraFile], ranks: dict[str, int]
) -> dict[str, str]:
    """What is true of the sum: what all say alike, and what it was made of."""
    first = files[0].metadata
    kept = {
        key: value
        for key, value in first.items()
        if key not in STALE
        and key != "lora_adapter_metadata"
        and all(file.metadata.get(key) == value for file in files)
    }
    triggers = [file.metadata.get("modelspec.trigger_phrase", "") for file in files]
    said = ", ".join(dict.fromkeys(one for one in triggers if one))
    several = sorted(set(ranks.values()))
    rank = str(several[0]) if len(several) == 1 else "Dynamic"
    made_of: list[dict[str, Any]] = [
        {"name": one.path.stem, "weight": one.weight, "sha256": sha256_file(one.path)}
        for one in parts
    ]
    return {
        **kept,
        **({"modelspec.trigger_phrase": said} if said else {}),
        "ss_network_dim": rank,
        "ss_network_alpha": rank,
        "ategnatos.merged_from": json.dumps(made_of),
        "format": "pt",
    }


def _base(file: LoraFile) -> str:
    return file.metadata.get("ss_base_model_version", "")


def _precision(file: LoraFile) -> str:
    found = {file.header.tensors[one.down].dtype for one in file.layers.values()}
    return max((one if one in _ORDER else "F32" for one in found), key=_ORDER.index)


def _refused(why: str, parts: Sequence[Part], hint: str = "") -> StudioError:
    return StudioError(
        LORA_MERGE,
        f"The LoRAs were not merged: {why}. Nothing was written.",
        hint=hint
        or "Merge LoRAs of one family; 'ategnatos train lora show FILE' says which it is.",
        files=[str(one.path) for one in parts],
    )
