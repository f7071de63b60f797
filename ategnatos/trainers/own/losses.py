"""What a plan loses in both of our own trainers, each a row of its own or none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ategnatos.trainers import Dataset, Loss
from ategnatos.trainers.plan import Plan

SHIFT = "a shift is for models of rectified flow"


def square(plan: Plan) -> Iterable[Loss]:
    """The starter model has no buckets."""
    if plan.buckets:
        yield Loss(
            "buckets", "fixed", "on", "one square",
            "a picture that is not square gets transparent margins",
        )  # fmt: skip


def shift(plan: Plan, instead: str) -> Iterable[Loss]:
    """Times of rectified flow; ``instead`` says what the model at hand is."""
    if plan.timesteps == "shift":
        yield Loss("timesteps", "approximated", "shift", "uniform", f"{SHIFT}; {instead}")


def convolutions(plan: Plan) -> Iterable[Loss]:
    """A rank of layers that the plan's network leaves alone."""
    if plan.network == "lora" and plan.conv_rank:
        yield Loss(
            "conv_rank", "dropped", str(plan.conv_rank), "linear layers alone",
            "the resnets are trained with network=locon",
        )  # fmt: skip


def optimizer(plan: Plan, method: str, rate: float, *, prodigy: str, other: str) -> Loss:
    """An optimizer that is not here: ``method`` at ``rate`` in its place, and why."""
    gets = method
    if plan.optimizer.endswith("8bit"):
        why = "the same rule with its memory in 32 bits instead of 8"
    elif plan.optimizer == "prodigy":
        gets, why = f"adamw at {rate:g}", prodigy
    else:
        why = other
    return Loss("optimizer", "approximated", plan.optimizer, gets, why)


def unused(plan: Plan, why: Mapping[str, str]) -> Iterable[Loss]:
    """Every field of the table that the plan asks something of; ``why`` it is of no use here."""
    asked = {
        "quantisation": plan.quantisation != "none" and plan.quantisation,
        "text_encoder_quantisation": plan.text_encoder_quantisation != "none"
        and plan.text_encoder_quantisation,
        "block_swap": plan.block_swap,
        "gradient_checkpointing": plan.gradient_checkpointing and "on",
        "cache_latents": plan.cache_latents != "none" and plan.cache_latents,
        "cache_text": plan.cache_text and "on",
        "timestep_shift": plan.timestep_shift,
        "network_dropout": plan.network_dropout,
        "vae": plan.vae,
        "parts": ", ".join(plan.parts),
    }
    for field, reason in why.items():
        if asked[field]:
            yield Loss(field, "dropped", str(asked[field]), "nothing", reason)


def validation(plan: Plan, dataset: Dataset) -> Iterable[Loss]:
    """A loss of pictures set apart, where none is."""
    if plan.validation and not any(one.validation for one in dataset.subsets):
        yield Loss(
            "validation", "dropped", "on", "nothing",
            "the dataset sets no picture apart; see 'train dataset split'",
        )  # fmt: skip


def masks(dataset: Dataset) -> Iterable[Loss]:
    """Pictures of which only a part was to count."""
    if any(one.masks for one in dataset.subsets):
        yield Loss("masks", "dropped", "on", "whole pictures", "masks are not read")
