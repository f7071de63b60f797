"""What the studio knows of its models in words: the tables that the rooms read before they plan.

What a person wrote stays; only what is empty is filled in.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.models import ModelFile
    from ategnatos.grimoire.schemas.studio import Lora, Model

_BASES = frozenset({"checkpoint", "diffusion_model"})


def record(
    project: Project,
    entries: Iterable[ModelFile],
    *,
    good_for: str = "",
    settings: str = "",
    weight_range: str = "",
) -> list[str]:
    """Put models and LoRAs into the studio document; names of what was added or filled in.

    The texts apply to every entry. Raises StudioError as
    :func:`ategnatos.grimoire.documents.edit`.
    """
    from ategnatos.grimoire import documents
    from ategnatos.grimoire.schemas.studio import Lora, Model

    touched = []
    with documents.edit(project, "studio") as studio:
        for entry in entries:
            if entry.problem:
                continue
            name = Path(entry.name).stem
            if entry.kind in _BASES:
                model = next((one for one in studio.models if one.name == name), None)
                if model is None:
                    model = Model(name=name)
                    studio.models.append(model)
                asked = settings or _settings(entry)
                own = {"type": entry.kind, "base": entry.family, "location": entry.path}
                if _fill(model, {**own, "good_for": good_for, "settings": asked}):
                    touched.append(name)
            elif entry.kind == "lora":
                lora = next((one for one in studio.loras if one.name == name), None)
                if lora is None:
                    lora = Lora(name=name)
                    studio.loras.append(lora)
                own = {
                    "trigger": ", ".join(entry.triggers),
                    "trained_on": entry.facts.get("base_model") or entry.family,
                    "location": entry.path,
                    "weight_range": weight_range,
                }
                if _fill(lora, own):
                    touched.append(name)
    return touched


def _fill(part: Model | Lora, values: dict[str, str]) -> bool:
    """Set what is empty; the place of a file is always that of today."""
    changed = False
    for key, value in values.items():
        if value and getattr(part, key) != value and (key == "location" or not getattr(part, key)):
            setattr(part, key, value)
            changed = True
    return changed


def _settings(entry: ModelFile) -> str:
    """What works well with its family, in words; "" where the family is not known."""
    from ategnatos.knowledge import families

    if not entry.family:
        return ""
    try:
        variant = families.find(entry.family)
    except StudioError:
        return ""
    return f"{variant.steps} steps, CFG {variant.cfg:g}, {variant.sampler}/{variant.scheduler}"
