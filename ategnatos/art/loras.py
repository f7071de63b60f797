"""A LoRA by its name: one that was registered here, with its file, trigger and weight; or a file.

A name that the studio registered is held to the hash that a person chose, to its family, and
brings its trigger into the prompt. A path is taken as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.art.inputs import LORA_WEIGHT, parse_lora
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_file

if TYPE_CHECKING:
    from ategnatos.engines import LoraUse, Request
    from ategnatos.grimoire.project import Project

LORA_UNKNOWN = ErrorCode("lora_unknown", "There is no LoRA file or registered LoRA of that name.")
LORA_CHANGED = ErrorCode("lora_changed", "A registered LoRA is not the file that was chosen.")
LORA_FAMILY = ErrorCode("lora_family", "A LoRA is of another family than the model.")

_LIMIT = 4.0


@dataclass(frozen=True, slots=True)
class Found:
    """``registered``: it has a name here, and its trigger belongs into the prompt."""

    use: LoraUse
    family: str
    registered: bool
    notes: tuple[str, ...] = ()


def find(project: Project, text: str) -> Found:
    """``FILE``, ``FILE:0.8``, ``NAME`` or ``NAME:0.8``.

    Raises StudioError: ``lora_unknown``, ``lora_changed``, ``lora_weight``, ``input_file``.
    """
    head, colon, tail = text.rpartition(":")
    name = head if colon and "/" not in tail else text
    if is_file(text):
        use = parse_lora(text)
        entry = _inventory(project).get(use.sha256, {})
        return Found(use, str(entry.get("family") or ""), registered=False)
    asked = _weight(tail, text) if colon and name == head else None
    row = _rows(project).get(name)
    if row is None:
        raise _unknown(project, name)
    weight = float(row["weight"]) if asked is None else asked
    path = Path(row["location"])
    if not path.is_file() or sha256_file(path) != row["sha256"]:
        what = "is gone" if not path.is_file() else "was changed since"
        raise StudioError(
            LORA_CHANGED,
            f"The file of the LoRA {name!r} {what} ({path}); nothing was made.",
            hint=f"Put it back with: ategnatos train register {row['plan']} --as {name}",
            lora=name,
            path=str(path),
        )
    notes = []
    low, high = float(row["weight_low"]), float(row["weight_high"])
    if not low <= weight <= high:
        notes.append(
            f"{name} was looked at from {low:g} to {high:g}; at {weight:g} nobody has seen it."
        )
    from ategnatos.engines import LoraUse

    use = LoraUse(name, str(path), weight, row["sha256"], row["trigger"])
    return Found(use, row["family"], registered=True, notes=tuple(notes))


def check_family(
    project: Project, found: Sequence[Found], engine: str, request: Request
) -> list[str]:
    """Refuse a LoRA of another family than the model that will be asked; what to know otherwise.

    Raises StudioError (``lora_family``): with those registered here that fit.
    """
    wanted = "starter" if engine == "starter" else (request.family or "").partition("/")[0]
    notes: list[str] = []
    for one in found:
        family = one.family.partition("/")[0]
        if not wanted or not family:
            if family and one.registered:
                notes.append(
                    f"{one.use.name} is for {one.family}; whether this workflow's model is, is not"
                    " known here."
                )
            continue
        if family == wanted:
            continue
        if _base_of(wanted) == _base_of(family):
            notes.append(
                f"{one.use.name} was trained on {one.family}; {wanted} shares its layers, so it"
                " loads, and may look different."
            )
            continue
        fitting = [
            name
            for name, row in _rows(project).items()
            if str(row["family"]).partition("/")[0] == wanted
        ]
        raise StudioError(
            LORA_FAMILY,
            f"The LoRA {one.use.name} is for {one.family}, and this would be made with {wanted}:"
            " it would not load, or ruin the picture. Nothing was made.",
            hint=f"For {wanted} there are: {', '.join(fitting)}."
            if fitting
            else f"No registered LoRA is for {wanted}. Make it with {one.family}: --family"
            f" {one.family}"
            + (" --engine comfyui" if family != "starter" else " is --engine starter"),
            lora=one.use.name,
            family=one.family,
            wanted=wanted,
            fitting=fitting,
        )
    return notes


def called(request: Request, found: Sequence[Found]) -> tuple[Request, list[str]]:
    """The request with the triggers of registered LoRAs in its prompt, and what was added."""
    notes = []
    prompt = request.prompt
    for one in found:
        trigger = one.use.trigger.strip()
        if one.registered and trigger and not _says(prompt, trigger) and prompt.strip():
            prompt = f"{trigger}, {prompt}"
            notes.append(f"Added the trigger of {one.use.name}, without which it does little:"
                         f" {trigger}")  # fmt: skip
    return (request if not notes else replace(request, prompt=prompt)), notes


def _says(prompt: str, trigger: str) -> bool:
    """Whether the trigger stands in the prompt as a word of its own: an owl is in no bowl."""
    return bool(re.search(rf"(?<!\w){re.escape(trigger)}(?!\w)", prompt, re.IGNORECASE))


def is_file(text: str) -> bool:
    """Whether ``FILE`` or ``FILE:0.8`` names a file, there or not, and no registered LoRA."""
    head, colon, _ = text.rpartition(":")
    named = [text, head] if colon else [text]
    return any("/" in one or one.endswith(".safetensors") or Path(one).is_file() for one in named)


def _weight(tail: str, text: str) -> float:
    try:
        weight = float(tail)
    except ValueError:
        weight = float("nan")
    if -_LIMIT <= weight <= _LIMIT:
        return weight
    raise StudioError(
        LORA_WEIGHT,
        f"{text!r} names no LoRA with a weight from -4 to 4; nothing was made.",
        hint="Write a name and a weight, like --lora owl:0.8, or leave the weight out.",
        given=text,
    )


def _rows(project: Project) -> dict[str, dict[str, Any]]:
    """Registered LoRAs by name; read without a schema where there are none."""
    from ategnatos.grimoire import documents

    if not (project.state / "loras.json").exists():
        return {}
    found = documents.as_payload(documents.read(project, "loras"))["loras"]
    return {one["name"]: one for one in found}


def _inventory(project: Project) -> dict[str, dict[str, Any]]:
    from ategnatos.grimoire import documents

    if not (project.state / "models.json").exists():
        return {}
    found = documents.as_payload(documents.read(project, "models"))["files"]
    return {one["sha256"]: one for one in found if one.get("sha256")}


def _base_of(family: str) -> str:
    """The family whose layers it has: SDXL for its fine-tunes."""
    return _bases().get(family, family)


@cache
def _bases() -> dict[str, str]:
    from ategnatos.knowledge import loader

    said = loader.read("model_signatures").content["names"]
    return {derived: base for base, by_name in said.items() for derived in by_name.values()}


def _unknown(project: Project, name: str) -> StudioError:
    known = list(_rows(project))
    return StudioError(
        LORA_UNKNOWN,
        f"There is no LoRA file and no registered LoRA called {name[:80]!r}; nothing was made.",
        hint=(f"Registered are: {', '.join(known)}. " if known else "None is registered yet. ")
        + "Or name a file, like --lora owl.safetensors:0.8",
        known=known,
    )
