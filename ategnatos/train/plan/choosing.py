"""Which family a plan is for, and which trainers could train it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge import families
from ategnatos.train.plan.presets import PRESET_UNKNOWN, STARTER, known
from ategnatos.trainers import installed_trainers, load_trainer

if TYPE_CHECKING:
    from ategnatos.trainers.plan import Plan

# The starter needs nothing, kohya runs most of what there is; others follow by name.
_USUAL = ("starter", "kohya", "simpletuner", "ai-toolkit")


def family(text: str, dataset: str = "") -> str:
    """A family's key with its variant; ``starter`` is the model in this package.

    Raises StudioError: ``family_unknown``; ``preset_unknown`` where there is none named.
    """
    said = text.strip().lower()
    if not said:
        raise StudioError(
            PRESET_UNKNOWN,
            f"No model family is named, and the dataset {dataset!r} names none; nothing was made.",
            hint=f"Say --family; families with presets are: {', '.join(known().families)}.",
            known=list(known().families),
        )
    if said.partition("/")[0] == STARTER:
        return STARTER
    return families.find(said).key


def trainers_for(plan: Plan) -> dict[str, str]:
    """Every installed trainer with "" where it can train the plan, else with why not; the one
    that a person would take first, first.
    """
    found: dict[str, str] = {}
    usual = {name: place for place, name in enumerate(_USUAL)}
    for name in sorted(installed_trainers(), key=lambda one: (usual.get(one, len(usual)), one)):
        try:
            found[name] = load_trainer(name).trains(plan)
        except StudioError as error:
            found[name] = error.message
    return found


def first_able(plan: Plan) -> str:
    """The first installed trainer that can train the plan, else kohya."""
    able = [name for name, why in trainers_for(plan).items() if not why]
    return able[0] if able else "kohya"


def warnings(plan: Plan, able: dict[str, str]) -> list[str]:
    """What a person should know about the choice of the base."""
    told = []
    if able and all(able.values()):
        told.append(
            f"No installed trainer trains {plan.family}: "
            + "; ".join(f"{name}: {why}" for name, why in able.items())
        )
    if plan.family == STARTER:
        return told
    variant = families.find(plan.family)
    base = variant.lora.train_on if variant.lora else ""
    if variant.kind in ("turbo", "distilled") and base and base != variant.title:
        told.append(
            f"{variant.title} is a {variant.kind} model; LoRAs for it are trained on: {base}."
        )
    return told
