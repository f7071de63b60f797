"""A LoRA in another spelling: the same numbers under the names that another program reads.

Tensors are copied as bytes. What cannot be said in the other spelling without changing a number
is refused, never rounded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.lora import spelling
from ategnatos.train.lora.file import Layer, LoraFile
from ategnatos.train.lora.spelling import Address
from ategnatos.train.lora.writing import STALE, Spool

LORA_SPELLING = ErrorCode("lora_spelling", "The LoRA cannot be said in that spelling unchanged.")

TARGETS = ("kohya", "diffusers", "comfyui")
_WHO = {
    "kohya": "sd-scripts, A1111, Forge and ComfyUI",
    "diffusers": "diffusers and peft",
    "comfyui": "ComfyUI",
}


@dataclass(frozen=True, slots=True)
class Converted:
    """What was done. ``before`` is the spelling it had; ``notes`` are for people."""

    path: Path
    before: str
    after: str
    layers: int
    notes: tuple[str, ...]


def convert(source: Path, target: Path, to: str, family: str = "") -> Converted:
    """Write ``source`` to ``target`` in the spelling ``to``. ``family`` is that of the file.

    Raises StudioError (``lora_spelling``, ``lora_file``, ``lora_exists``).
    """
    file = LoraFile(source)
    names = names_for(source, to, family, file)
    notes = [f"Tensors are the same bytes; {_WHO[to]} read them under these names."]
    metadata = {
        key: value
        for key, value in file.metadata.items()
        if key not in STALE and key != "lora_adapter_metadata"
    }
    scales = {name: file.scale(layer) for name, layer in file.layers.items()}
    if to == "diffusers":
        metadata["lora_adapter_metadata"] = _adapter(file, names, scales)
        notes.append(
            "Alphas stand in the metadata, where diffusers 0.33 and later looks; older versions"
            " take them to be the rank."
            if any(one != 1 for one in scales.values())
            else "Every alpha is the rank, so that nothing is lost where metadata are not read."
        )
    with Spool(target) as spool:
        down, up = (
            (".lora_down.weight", ".lora_up.weight")
            if to == "kohya"
            else (".lora_A.weight", ".lora_B.weight")
        )
        for name, layer in file.layers.items():
            _copy(file, spool, layer.down, names[name] + down)
            _copy(file, spool, layer.up, names[name] + up)
            if to != "diffusers":
                _alpha(file, spool, layer, names[name], scales[name])
        spool.finish(metadata)
    return Converted(target, file.spelling, to, len(names), tuple(notes))


def names_for(
    source: Path, to: str, family: str = "", file: LoraFile | None = None
) -> dict[str, str]:
    """Every layer's name in the spelling ``to``. Raises StudioError as :func:`convert`."""
    if to not in TARGETS:
        raise _refused(source, to, "there is no spelling of that name", known=list(TARGETS))
    layers = (file or LoraFile(source)).layers
    places = {name: _told(source, to, name) for name in layers}
    homes = {one.home for one in places.values()}
    return {name: _named(source, to, one, homes, family) for name, one in places.items()}


def _told(source: Path, to: str, layer: str) -> Address:
    found = spelling.address(layer)
    if found is None:
        raise _refused(
            source, to, f"where the dots of {layer!r} were cannot be told with certainty"
        )
    return found


def _named(source: Path, to: str, one: Address, homes: set[str], family: str) -> str:
    """The layer's name in the other spelling."""
    home = one.home
    same = family.partition("/")[0] in spelling.names().same_names
    if to == "kohya":
        first = "lora_te1_" if "text_encoder_2" in homes else "lora_te_"
        prefixes = {
            "unet": "lora_unet_",
            "sgm": "lora_unet_",
            "diffusion_model": "lora_unet_",
            "text_encoder": first,
            "text_encoder_2": "lora_te2_",
            "text_encoder_3": "lora_te3_",
        }
        if same:
            prefixes["transformer"] = "lora_unet_"
        if home in prefixes:
            return spelling.kohya(prefixes, one)
    elif to == "diffusers":
        if home in ("unet", "transformer") or home.startswith("text_encoder"):
            return f"{home}.{one.name}"
        if home == "diffusion_model" and same:
            return f"transformer.{one.name}"
    elif home == "diffusion_model" or (home == "transformer" and same):
        return f"diffusion_model.{one.name}"
    raise _refused(
        source,
        to,
        f"{one.name!r} is called otherwise there: its network ({home}) has other layers under"
        " those names, so more than the spelling would change",
    )


def _copy(file: LoraFile, spool: Spool, name: str, after: str) -> None:
    entry = file.header.tensors[name]
    spool.copy(after, entry.dtype, entry.shape, file.raw(name))


def _alpha(file: LoraFile, spool: Spool, layer: Layer, name: str, scale: float) -> None:
    if layer.alpha:
        _copy(file, spool, layer.alpha, f"{name}.alpha")
        return
    spool.add(f"{name}.alpha", np.array(scale * layer.rank, np.float32), "F32")


def _adapter(file: LoraFile, names: Mapping[str, str], scales: Mapping[str, float]) -> str:
    """peft's settings as diffusers keeps them: ranks and alphas, each network its own."""
    said: dict[str, Any] = {}
    for name, layer in file.layers.items():
        home, _, inner = names[name].partition(".")
        said.setdefault(f"{home}.peft_type", "LORA")
        modules = said.setdefault(f"{home}.target_modules", [])
        modules.append(inner)
        first = said.setdefault(f"{home}.r", layer.rank)
        if layer.rank != first:
            said.setdefault(f"{home}.rank_pattern", {})[inner] = layer.rank
        alpha = scales[name] * layer.rank
        whole = int(alpha) if alpha == int(alpha) else alpha
        usual = said.setdefault(f"{home}.lora_alpha", whole)
        if whole != usual:
            said.setdefault(f"{home}.alpha_pattern", {})[inner] = whole
    return json.dumps(said, sort_keys=True)


def _refused(source: Path, to: str, why: str, **details: Any) -> StudioError:
    return StudioError(
        LORA_SPELLING,
        f"{source.name} was not converted to {to[:40]!r}: {why}. Nothing was written.",
        hint="The spellings are: "
        + "; ".join(f"{name} ({who})" for name, who in _WHO.items())
        + ". Most programs read kohya's as it is.",
        path=str(source),
        **details,
    )
