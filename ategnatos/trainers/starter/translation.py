"""A plan in the starter trainer's words, and what it cannot say."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from ategnatos.trainers import Dataset, Loss, Translation
from ategnatos.trainers.own import losses
from ategnatos.trainers.own import translation as own
from ategnatos.trainers.own.translation import STARTER_RATE, STARTER_SIDE
from ategnatos.trainers.plan import Optimizer, Plan

_METHODS: dict[Optimizer, str] = {"lion": "lion", "lion8bit": "lion"}
_EXACT: tuple[Optimizer, ...] = ("adamw", "lion")


def translate(
    plan: Plan,
    dataset: Dataset,
    folder: PurePath,
    dry_steps: int = 0,
    resume: PurePath | None = None,
) -> Translation:
    """The order for a run in ``folder``; with ``dry_steps`` a short one of its own."""
    recipe = own.recipe(plan, dry_steps or dataset.steps, _METHODS, STARTER_RATE)
    said = own.metadata(plan, dataset, "ategnatos-starter/lora", STARTER_SIDE)
    order = {
        "model": plan.model,
        "recipe": {**recipe, "batch": plan.effective_batch},
        "save_precision": "fp32" if plan.save_precision == "fp32" else "fp16",
        "metadata": {**said, "modelspec.prediction_type": "v"},
    }
    return own.translation(
        "starter", plan, dataset, folder, dry_steps, resume, order,
        losses=_losses(plan, dataset),
        notes=("Every core is used, one thread a pair of pictures.",),
        environment={},
    )  # fmt: skip


def _losses(plan: Plan, dataset: Dataset) -> Iterable[Loss]:
    """What the plan asks for and a model of 32x32 pixels on a processor does in another way."""
    yield Loss(
        "resolution", "fixed", str(plan.resolution), str(STARTER_SIDE),
        f"the model draws {STARTER_SIDE}x{STARTER_SIDE}; larger pictures are made smaller",
    )  # fmt: skip
    yield from losses.square(plan)
    if plan.precision != "fp32":
        yield Loss("precision", "fixed", plan.precision, "fp32", "a processor computes in float32")
    if plan.optimizer not in _EXACT:
        yield losses.optimizer(
            plan,
            _METHODS.get(plan.optimizer, "adamw"),
            own.rate(plan, STARTER_RATE),
            prodigy="it finds its rate by itself; here it is the one that this model is known "
            "to like",
            other="only AdamW and Lion are built here, at the plan's rate",
        )
    if plan.save_precision == "bf16":
        yield Loss(
            "save_precision", "approximated", "bf16", "fp16", "numpy has no bfloat16 to write"
        )
    yield from losses.shift(plan, _MODEL)
    if plan.accumulation > 1:
        yield Loss(
            "accumulation", "approximated", str(plan.accumulation), f"batch {plan.effective_batch}",
            "memory is no matter here: one batch of the same size, with the same gradient",
        )  # fmt: skip
    yield from losses.convolutions(plan)
    yield from losses.unused(plan, _WHY)
    yield from losses.validation(plan, dataset)
    yield from losses.masks(dataset)


_MODEL = "this one predicts the velocity"
_NO_NEED = "it saves memory, and this model needs less than 1 GB"
_WHY = {
    "quantisation": _NO_NEED,
    "text_encoder_quantisation": _NO_NEED,
    "block_swap": _NO_NEED,
    "gradient_checkpointing": _NO_NEED,
    "cache_latents": _NO_NEED,
    "cache_text": _NO_NEED,
    "timestep_shift": f"{losses.SHIFT}; {_MODEL}",
    "network_dropout": "no part of a pair is ever left out",
    "vae": "the model draws pixels; its own autoencoder changes nothing",
    "parts": "the model is one folder and needs no other file",
}
