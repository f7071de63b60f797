"""What a plan and its trainer need on a machine: packages, files, repositories. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from ategnatos.train.placing import is_path, named

if TYPE_CHECKING:
    from ategnatos.trainers.plan import Plan


TOKENIZER = "a tokenizer"
SETTINGS = "the model's settings"


class TrainerNeeds(BaseModel):
    """One trainer of ``training_needs.json``. ``gpu``: it trains on nothing else. ``with_torch``:
    packages of the same build as PyTorch. ``single_files``: by family, what a model of one file
    takes its settings from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gpu: bool = False
    watched: tuple[str, ...] = ()
    optimizers: dict[str, str] = Field(default_factory=dict)
    networks: dict[str, str] = Field(default_factory=dict)
    tokenizers: dict[str, dict[str, str]] = Field(default_factory=dict)
    with_torch: tuple[str, ...] = ()
    single_files: dict[str, str] = Field(default_factory=dict)
    repository: str = ""
    install: tuple[str, ...] = ()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    trainers: dict[str, TrainerNeeds]


@dataclass(frozen=True, slots=True)
class Needs:
    """What is looked for. ``modules``: why each is needed. ``files``: what each path is.
    ``repositories``: one file of each that must be in the cache; ``what`` says what it is for.
    """

    gpu: bool
    watched: tuple[str, ...]
    modules: Mapping[str, str]
    files: Mapping[str, str]
    repositories: Mapping[str, str]
    what: Mapping[str, str] = field(default_factory=dict)
    with_torch: tuple[str, ...] = ()


@cache
def known() -> Mapping[str, TrainerNeeds]:
    """Every trainer's needs. Raises StudioError as :func:`ategnatos.knowledge.loader.load`."""
    from ategnatos.knowledge import loader

    return loader.load("training_needs", _File).trainers


def of(plan: Plan, trainer: str) -> Needs:
    """What the plan needs with that trainer; its files as the plan names them.

    Of a trainer that the data do not know, only what the plan says itself is looked for.
    """
    said = known().get(trainer, TrainerNeeds(watched=("torch", "safetensors")))
    modules: dict[str, str] = {}
    if plan.optimizer in said.optimizers:
        modules[said.optimizers[plan.optimizer]] = f"the optimizer {plan.optimizer}"
    if plan.network in said.networks:
        modules[said.networks[plan.network]] = f"the network {plan.network}"
    files: dict[str, str] = {}
    repositories: dict[str, str] = {}
    what: dict[str, str] = {}
    for name, place in (*named(plan), *_base(plan, trainer)):
        if is_path(place):
            files[place] = name
        else:
            repositories[place] = "model_index.json"
            what[place] = name
    for repository, file in said.tokenizers.get(plan.base_family, {}).items():
        repositories[repository] = file
        what[repository] = TOKENIZER
    settings = said.single_files.get(plan.base_family, "")
    if settings and plan.model.lower().endswith(".safetensors"):
        repositories[settings] = "model_index.json"
        what[settings] = SETTINGS
    return Needs(said.gpu, said.watched, modules, files, repositories, what, said.with_torch)


def _base(plan: Plan, trainer: str) -> list[tuple[str, str]]:
    """The repository that the trainer loads by itself where the plan names no model."""
    from ategnatos.trainers import known as trainers

    if plan.model or trainer not in ("kohya", "ai-toolkit", "accelerate"):
        return []
    family = trainers.trainer(trainer).families.get(plan.base_family)
    if family is None:
        return []
    variant = plan.family.partition("/")[2]
    found = family.repository or family.repositories.get(variant, "")
    return [("base model", found)] if found else []
