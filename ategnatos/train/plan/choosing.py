"""Which family a plan is for, and which trainers could train it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge import families
from ategnatos.train.plan.presets import PRESET_UNKNOWN, STARTER, known, values
from ategnatos.trainers import installed_trainers, load_trainer, losing

if TYPE_CHECKING:
    from ategnatos.trainers import Trainer
    from ategnatos.trainers.plan import Plan

# The starter needs nothing, kohya runs most of what there is; others follow by name.
_USUAL = ("starter", "kohya", "simpletuner", "ai-toolkit")


def family(text: str, dataset: str = "") -> str:
    """A family's key with its variant; ``starter`` is the model in this package. A family without
    a variant means its usual one, or the nearest to it that can be trained.

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
    key = families.find(said).key
    return key if "/" in said else _trainable(key)


def _trainable(key: str) -> str:
    """The variant itself, else of those that a trainer takes the one that is called most like it,
    else itself again: why nobody takes it is told with the plan.
    """
    from difflib import SequenceMatcher

    base = key.partition("/")[0]
    if base not in known().families or _taken(key):
        return key
    others = sorted(one.key for one in families.family(base).variants.values() if one.key != key)
    others.sort(key=lambda other: -SequenceMatcher(None, key, other).ratio())
    return next((one for one in others if _taken(one)), key)


def _taken(key: str) -> bool:
    from ategnatos.trainers.plan import read

    base = {"name": "-", "family": key, "dataset": "-", "dataset_version": 1, "dataset_digest": ""}
    return any(not why for why in trainers_for(read({**base, **values(key, "quick")})).values())


def usual_variant(text: str, key: str) -> str:
    """Why ``key`` was taken for what was said, where that means another variant; "" else."""
    said = text.strip().lower()
    if not said or "/" in said or key == STARTER:
        return ""
    usual = families.find(said).key
    if usual == key:
        return ""
    return (
        f"No trainer trains {usual}, so the plan is for {key};"
        f" '--family {key.partition('/')[0]}/VARIANT' takes another."
    )


# What is given in one of two ways.
_PAIRS = (("epochs", "steps"), ("save_every_epochs", "save_every_steps"))


def moved(plan: Plan, chosen: tuple[str, ...], family: str) -> dict[str, Any]:
    """What changes along where the plan goes to another family: the preset's values for it, save
    those that somebody chose. Empty where family or preset are not known.
    """
    from ategnatos.trainers.plan import Plan as Fields

    try:
        before, after = values(plan.family, plan.preset), values(family, plan.preset)
    except StudioError:
        return {}
    kept = {*chosen, *(other for pair in _PAIRS for other in pair if {*pair} & {*chosen})}
    plain = {name: Fields.model_fields[name].default for name in before}
    return {name: value for name, value in {**plain, **after}.items() if name not in kept}


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


def check(trainer: Trainer, plan: Plan) -> None:
    """Refuse a plan that the trainer does not know, before anything is laid out for it: else the
    first thing that does not fit would be told as the reason.

    Raises StudioError (``trainer_cannot``) with those that can.
    """
    why = trainer.trains(plan)
    if why:
        able = [name for name, reason in trainers_for(plan).items() if not reason]
        raise losing.cannot(
            trainer,
            plan,
            why,
            f"It can be trained by: {', '.join(able)} (--trainer {able[0]})."
            if able
            else f"ategnatos train plan show {plan.name} --explain",
        )


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
