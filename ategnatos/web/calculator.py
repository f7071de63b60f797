"""How much of a GPU's memory a training takes, for values that a person plays with on the page.

The estimate is that of ``ategnatos train vram``; what is given here is a plan that is never kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from ategnatos.commands.train import vram
from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge import gpus
from ategnatos.knowledge.vram import knowledge
from ategnatos.train.plan import choosing, presets, store
from ategnatos.train.vram.estimate import PARTS
from ategnatos.trainers import plan as plans

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ategnatos.grimoire.project import Project
    from ategnatos.trainers.plan import Plan

_NUMBERS = ("rank", "batch", "resolution")
_CHOICES = {
    "network": get_args(plans.Network),
    "optimizer": get_args(plans.Optimizer),
    "precision": get_args(plans.Precision),
    "quantisation": get_args(plans.Quantisation),
}
_PRESET = "standard"
_GPU = "RTX 4090"


def choices(project: Project) -> dict[str, Any]:
    """What the form offers."""
    try:
        kept = [one.name for one in store.every(project)]
    except StudioError:
        # A record of plans that cannot be read is told of on Today; the calculator needs none.
        kept = []
    return {
        "plans": kept,
        "families": [one for one in presets.known().families if _known(one)],
        "gpus": [one.name for one in gpus.gpus()],
        "gpu": gpus.find(_GPU).name,
        "fields": _CHOICES,
    }


def reckon(project: Project, asked: Mapping[str, str]) -> dict[str, Any]:
    """The estimate with its parts in words, and the verdict for a GPU.

    Raises StudioError (``plan_invalid``, ``plan_unknown``, ``gpu_unknown``, ``vram_family``).
    """
    given = _given(project, asked)
    trainer = choosing.first_able(given)
    found = vram.reckon(
        project, given, trainer, gpu=asked.get("gpu", ""), memory=0.0, machine="local"
    )
    top = max(found["high"], float(found.get("memory") or 0.0), 1.0)
    return {
        **found,
        "plan": given,
        "words": [(PARTS[part], size) for part, size in found["parts"].items()],
        "top": round(top, 2),
    }


def _given(project: Project, asked: Mapping[str, str]) -> Plan:
    name = asked.get("plan", "")
    if name:
        return store.load(project, name).plan
    family = asked.get("family") or "sdxl"
    values: dict[str, Any] = {
        key: asked[key] for key in _CHOICES if asked.get(key) in _CHOICES[key]
    }
    for key in _NUMBERS:
        if asked.get(key):
            # Left as it was typed where it is no number, so that the plan's own check says so.
            values[key] = int(asked[key]) if asked[key].isdecimal() else asked[key]
    if asked.get("shown"):
        values["gradient_checkpointing"] = bool(asked.get("gradient_checkpointing"))
    return store.draft(
        "calculator",
        family=family,
        preset=_PRESET,
        dataset=("none", 1, "0" * 64),
        values=values,
    )


def _known(family: str) -> bool:
    try:
        knowledge().network(family)
    except StudioError:
        return False
    return True
