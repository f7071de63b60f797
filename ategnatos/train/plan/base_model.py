"""The base model of a plan that names only a family: taken from the studio's own inventory.

What is taken becomes a version of the plan, so that the gates, a run and whoever repeats it speak
of one file. Where several would do nobody guesses: the choices are named.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire import documents
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.plan import store
from ategnatos.train.plan.presets import STARTER
from ategnatos.trainers import load_trainer

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.schemas.models import ModelFile
    from ategnatos.train.plan.store import Kept
    from ategnatos.trainers.plan import Plan

MODEL_AMBIGUOUS = ErrorCode(
    "model_ambiguous", "Several model files of the plan's family are there, and it names none."
)

_BASES = ("checkpoint", "diffusion_model")
# What loads from one file in every trainer; the newer families are folders but for these two.
_ONE_FILE = ("sd15", "sdxl", "pony", "illustrious", "noobai")
_TAKES_ANY = ("kohya", "musubi")


def settled(
    project: Project,
    kept: Kept,
    trainer: str,
    *,
    actor: str,
    now: datetime,
    keep: bool = True,
) -> tuple[Kept, str]:
    """The plan with its base model, and what was taken and why ("": it was said already, or the
    inventory has none and the trainer fetches its own). ``keep`` False writes nothing.

    Raises StudioError (``model_ambiguous``).
    """
    if kept.plan.model or kept.plan.base_family == STARTER:
        return kept, ""
    found = fitting(project, kept.plan, trainer)
    if not found:
        return kept, ""
    if len(found) > 1:
        raise StudioError(
            MODEL_AMBIGUOUS,
            f"The plan {kept.name!r} names no base model, and {len(found)} files of"
            f" {kept.plan.family} are in the inventory: "
            + ", ".join(one.name for one in found[:5])
            + ". None was taken.",
            hint=f"ategnatos train plan set {kept.name} model={found[0].path}",
            plan=kept.name,
            choices=[one.path for one in found],
        )
    one = found[0]
    why = f"the only {kept.plan.family} in the inventory of models"
    values = {"model": one.path, "model_sha256": one.sha256}
    said = f"The base model is {one.path}: {why}."
    if not keep:
        return replace(kept, plan=store.changed(kept.plan, values)), said
    made = store.change(project, kept.name, values, actor=actor, because=why, now=now)
    return made, f"{said} That is version {made.number} of the plan."


def fitting(project: Project, plan: Plan, trainer: str) -> list[ModelFile]:
    """The whole files of the plan's family that the trainer loads, the same bytes once.

    A file that tells its variant comes before those that tell only the family.
    """
    if trainer not in _TAKES_ANY and plan.base_family not in _ONE_FILE:
        return []
    files = [
        one
        for one in documents.read(project, "models").files
        if one.kind in _BASES and not one.problem and Path(one.path).is_file()
    ]
    chosen = load_trainer(trainer)
    files = [one for one in files if not chosen.trains(plan.change(model=one.path))]
    exact = [one for one in files if one.family == plan.family]
    near = [one for one in files if one.family == plan.base_family]
    found: dict[str, ModelFile] = {}
    for one in exact or near:
        found.setdefault(one.sha256 or one.path, one)
    return list(found.values())
