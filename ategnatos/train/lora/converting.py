"""A LoRA in another spelling: the same numbers under the names that another program reads.

Tensors are copied as bits: whole, by rows where a layer is several there, side by side where
several are one. What cannot be said in the other spelling without changing a number is refused,
never rounded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.lora import fusing, renaming
from ategnatos.train.lora.file import Layer, LoraFile
from ategnatos.train.lora.fusing import Matrices
from ategnatos.train.lora.renaming import TARGETS, Made, UnnamedError
from ategnatos.train.lora.writing import STALE, Spool

LORA_SPELLING = ErrorCode("lora_spelling", "The LoRA cannot be said in that spelling unchanged.")

_WHO = {
    "kohya": "sd-scripts, A1111, Forge and ComfyUI",
    "diffusers": "diffusers and peft",
    "comfyui": "ComfyUI",
}
_ENDS = {"kohya": (".lora_down.weight", ".lora_up.weight")}
_PEFT = (".lora_A.weight", ".lora_B.weight")


@dataclass(frozen=True, slots=True)
class Raised:
    """A layer whose parts can only be one at a higher rank: side by side."""

    layer: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Converted:
    """What was done, or would be. ``before`` is the spelling it had; ``layers`` are those written,
    ``raised`` those of a higher rank; ``notes`` are for people.
    """

    path: Path
    before: str
    after: str
    layers: int
    raised: tuple[Raised, ...]
    notes: tuple[str, ...]


def convert(
    source: Path,
    target: Path,
    to: str,
    family: str = "",
    *,
    higher_rank: bool = False,
    write: bool = True,
) -> Converted:
    """Write ``source`` to ``target`` in the spelling ``to``. ``family`` is that of the file.

    ``higher_rank`` allows layers whose parts differ to be laid side by side. Without ``write``
    everything is looked at and no file is left. Raises StudioError (``lora_spelling``,
    ``lora_file``, ``lora_exists``).
    """
    file = LoraFile(source)
    if to not in TARGETS:
        raise _refused(source, to, "there is no spelling of that name", known=list(TARGETS))
    try:
        made = renaming.made(file.layers, to, family)
    except UnnamedError as error:
        raise _refused(source, to, str(error)) from error
    down_end, up_end = _ENDS.get(to, _PEFT)
    facts: dict[str, tuple[int, float]] = {}
    raised: list[Raised] = []
    with Spool(target) as spool:
        for one in made:
            new = _matrices(file, one, source, to)
            first = next(layer for layer in one.of if layer is not None)
            rank, scale = (first.rank, file.scale(first)) if new is None else (new.rank, new.scale)
            if rank > (most := max(layer.rank for layer in one.of if layer is not None)):
                raised.append(Raised(one.name, most, rank))
            facts[one.name] = rank, scale
            if new is None:
                _copy(file, spool, first.down, one.name + down_end)
                _copy(file, spool, first.up, one.name + up_end)
            else:
                for end, bits in ((down_end, new.down), (up_end, new.up)):
                    spool.copy(one.name + end, new.dtype, bits.shape, bits.tobytes())
            if to != "diffusers":
                _alpha(file, spool, first, one.name, rank, scale)
        if raised and not higher_rank:
            raise _higher(source, to, raised)
        if write:
            spool.finish(_metadata(file, to, facts, moved=bool(raised)))
    return Converted(
        target, file.spelling, to, len(made), tuple(raised), _notes(to, made, raised, facts)
    )


def _matrices(file: LoraFile, one: Made, source: Path, to: str) -> Matrices | None:
    """What the layer holds; None where that is a layer of the file as it is."""
    pair = one.pair
    if pair is None:
        return None
    there = [layer for layer in one.of if layer is not None]
    if len(pair.theirs) == 1:
        new = fusing.stored(file, there[0])
        columns = int(np.prod(new.down.shape[1:]))
        return fusing.halves_swapped(new) if pair.swapped and len(new.up) == 2 * columns else None
    if one.part is not None:
        parts = fusing.taken_apart(fusing.stored(file, there[0]), pair.shares)
        if parts is None or not parts[0].dtype:
            raise _refused(
                source,
                to,
                f"the rows of {there[0].name!r} are not those of {len(pair.shares)} layers",
            )
        return parts[one.part]
    laid = fusing.laid_together(
        [None if layer is None else fusing.stored(file, layer) for layer in one.of], pair.shares
    )
    if laid is None:
        raise _refused(
            source,
            to,
            f"{', '.join(layer.name for layer in there)} would be one layer there, and their sizes,"
            " precisions or strengths (alpha over rank) do not fit together",
        )
    return laid


def _copy(file: LoraFile, spool: Spool, name: str, after: str) -> None:
    entry = file.header.tensors[name]
    spool.copy(after, entry.dtype, entry.shape, file.raw(name))


def _alpha(file: LoraFile, spool: Spool, layer: Layer, name: str, rank: int, scale: float) -> None:
    if layer.alpha and rank == layer.rank:
        _copy(file, spool, layer.alpha, f"{name}.alpha")
        return
    spool.add(f"{name}.alpha", np.array(scale * rank, np.float32), "F32")


def _metadata(
    file: LoraFile, to: str, facts: Mapping[str, tuple[int, float]], *, moved: bool
) -> dict[str, str]:
    said = {
        key: value
        for key, value in file.metadata.items()
        if key not in STALE and key != "lora_adapter_metadata"
    }
    if moved and "ss_network_dim" in said:
        said["ss_network_dim"] = "Dynamic"
    if to == "diffusers":
        said["lora_adapter_metadata"] = _adapter(facts)
    return said


def _adapter(facts: Mapping[str, tuple[int, float]]) -> str:
    """peft's settings as diffusers keeps them: ranks and alphas, each network its own."""
    said: dict[str, Any] = {}
    for home in dict.fromkeys(name.partition(".")[0] for name in facts):
        inner = {
            name.partition(".")[2]: found
            for name, found in facts.items()
            if name.partition(".")[0] == home
        }
        ranks = {name: rank for name, (rank, _) in inner.items()}
        alphas = {name: _whole(scale * rank) for name, (rank, scale) in inner.items()}
        said[f"{home}.peft_type"] = "LORA"
        said[f"{home}.target_modules"] = list(inner)
        for one, many, values in (("r", "rank", ranks), ("lora_alpha", "alpha", alphas)):
            said[f"{home}.{one}"] = usual = next(iter(values.values()))
            if patterns := _patterns(values, usual):
                said[f"{home}.{many}_pattern"] = patterns
    return json.dumps(said)


def _patterns(values: Mapping[str, float], usual: float) -> dict[str, float]:
    """What peft is told of layers that are not as usual. It takes the first that a layer's name
    ends with: so the longest stand first, and a layer that ends like one of them is told too.
    """
    apart = [name for name, value in values.items() if value != usual]
    ends = tuple(f".{name}" for name in apart)
    told = [name for name in values if values[name] != usual or name.endswith(ends)]
    return {name: values[name] for name in sorted(told, key=lambda one: (-len(one), one))}


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value


def _notes(
    to: str,
    made: list[Made],
    raised: list[Raised],
    facts: Mapping[str, tuple[int, float]],
) -> tuple[str, ...]:
    cut = len({one.of for one in made if one.part is not None})
    joined = sum(len(one.of) > 1 for one in made)
    moved = (f"{cut} layers were taken apart by rows. " if cut else "") + (
        f"{joined} layers are made of several. " if joined else ""
    )
    same = "Every number is the same" if moved else "Tensors are the same bytes"
    notes = [f"{moved}{same}; {_WHO[to]} read them under these names."]
    if raised:
        notes.append(
            f"{len(raised)} of them have a higher rank, up to"
            f" {max(one.after for one in raised)}: their parts lie side by side, exactly. 'resize'"
            " makes it smaller."
        )
    if to == "diffusers":
        notes.append(
            "Alphas stand in the metadata, where diffusers 0.33 and later looks; older versions"
            " take them to be the rank."
            if any(scale != 1 for _, scale in facts.values())
            else "Every alpha is the rank, so that nothing is lost where metadata are not read."
        )
    return tuple(notes)


def _higher(source: Path, to: str, raised: list[Raised]) -> StudioError:
    one = max(raised, key=lambda found: found.after)
    return StudioError(
        LORA_SPELLING,
        f"{source.name} was not converted to {to!r}: {len(raised)} layers are one there whose parts"
        f" differ here, so that they fit together only at a higher rank ({one.layer}: {one.after}"
        f" instead of {one.before}). Nothing was written.",
        hint="Add --higher-rank: it does exactly the same, in a larger file.",
        path=str(source),
        ranks={found.layer: [found.before, found.after] for found in raised},
    )


def _refused(source: Path, to: str, why: str, **details: Any) -> StudioError:
    return StudioError(
        LORA_SPELLING,
        f"{source.name} was not converted to {to[:40]!r}: {why}. Nothing was written.",
        hint="The spellings are: "
        + "; ".join(f"{name} ({who})" for name, who in _WHO.items())
        + ". Where the file does not tell its family, say it: --family sdxl. Most programs read"
        " kohya's as it is.",
        path=str(source),
        **details,
    )
