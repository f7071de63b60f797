"""A plan in the starter trainer's words, and what it cannot say."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from ategnatos.trainers import Dataset, Loss, Translation
from ategnatos.trainers.plan import Optimizer, Plan

ORDER_VERSION = 1
SIDE = 32
# What a rate of 1, which Prodigy is given, means for AdamW on this model.
_USUAL_RATE = 2e-3
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
    output = "dry-run" if dry_steps else "output"
    steps = dry_steps or dataset.steps
    name = "dry-run.json" if dry_steps else "resume.json" if resume else "starter.json"
    order = {
        "version": ORDER_VERSION,
        "name": plan.name,
        "model": plan.model,
        "recipe": _recipe(plan, steps),
        "folders": [
            {
                "path": str(dataset.root / one.folder),
                "repeats": one.repeats,
                "prior": one.regularisation,
                "validation": one.validation,
            }
            for one in dataset.subsets
        ],
        "output": str(folder / output),
        "trigger": plan.trigger,
        "save_precision": "fp32" if plan.save_precision == "fp32" else "fp16",
        "keep": plan.keep,
        "save_every": dry_steps or _steps(plan.save_every_steps, plan.save_every_epochs, dataset),
        "sample_every": 0
        if dry_steps
        else _steps(plan.sample_every_steps, plan.sample_every_epochs, dataset),
        "validate_every": plan.validation_every_epochs * dataset.steps_an_epoch
        if plan.validation and not dry_steps
        else 0,
        "samples": [one.model_dump(mode="json") for one in plan.samples],
        "resume": "" if resume is None else str(resume),
        "metadata": _metadata(plan, dataset),
    }
    return Translation(
        files={name: (json.dumps(order, indent=1, sort_keys=True) + "\n").encode()},
        command=("{python}", "-u", "-m", "ategnatos.trainers.starter", str(folder / name)),
        output=output,
        steps=steps,
        environment={},
        losses=tuple(_losses(plan, dataset)),
        notes=("Every core is used, one thread a pair of pictures.",),
    )


def _steps(steps: int, epochs: int, dataset: Dataset) -> int:
    return steps or epochs * dataset.steps_an_epoch


def _recipe(plan: Plan, steps: int) -> dict[str, Any]:
    """The values of ``ategnatos.starter.training.recipe.Recipe``."""
    rate = plan.learning_rate * (_USUAL_RATE if plan.optimizer == "prodigy" else 1)
    return {
        "steps": steps,
        "seed": plan.seed,
        "rank": plan.rank,
        "alpha": plan.alpha,
        "convolution_rank": plan.conv_rank if plan.network == "locon" else 0,
        "convolution_alpha": plan.conv_alpha or float(plan.conv_rank),
        "text_encoder": plan.text_encoder,
        "text_encoder_rate": plan.text_encoder_rate,
        "optimizer": _METHODS.get(plan.optimizer, "adamw"),
        "rate": rate,
        "schedule": plan.schedule,
        "warmup": round(plan.warmup * steps),
        "cycles": plan.cycles,
        "weight_decay": plan.weight_decay,
        "max_grad_norm": plan.max_grad_norm,
        "batch": plan.effective_batch,
        "prior_weight": plan.regularisation_weight,
        "caption_dropout": plan.caption_dropout,
        "shuffle_captions": plan.shuffle_captions,
        "flip": plan.flip,
        "noise_offset": plan.noise_offset,
        "min_snr_gamma": plan.min_snr_gamma,
        "timesteps": "sigmoid" if plan.timesteps == "sigmoid" else "uniform",
        "ema_decay": plan.ema_decay if plan.ema else 0.0,
    }


def _metadata(plan: Plan, dataset: Dataset) -> dict[str, str]:
    said = {
        "ss_output_name": plan.name,
        "ss_session_id": plan.digest()[:16],
        "ss_training_comment": f"plan {plan.digest()}",
        "ss_dataset_dirs": json.dumps(
            {
                one.folder: {"n_repeats": one.repeats, "img_count": one.pictures}
                for one in dataset.subsets
                if not (one.regularisation or one.validation)
            }
        ),
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.architecture": "ategnatos-starter/lora",
        "modelspec.implementation": "diffusers",
        "modelspec.title": plan.name,
        "modelspec.resolution": f"{SIDE}x{SIDE}",
        "modelspec.prediction_type": "v",
    }
    if plan.trigger:
        said["modelspec.trigger_phrase"] = plan.trigger
    return said


def _losses(plan: Plan, dataset: Dataset) -> Iterable[Loss]:
    """What the plan asks for and a model of 32x32 pixels on a processor does in another way."""
    yield Loss(
        "resolution", "fixed", str(plan.resolution), str(SIDE),
        f"the model draws {SIDE}x{SIDE}; larger pictures are made smaller",
    )  # fmt: skip
    if plan.buckets:
        yield Loss(
            "buckets", "fixed", "on", "one square",
            "a picture that is not square gets transparent margins",
        )  # fmt: skip
    if plan.precision != "fp32":
        yield Loss("precision", "fixed", plan.precision, "fp32", "a processor computes in float32")
    if plan.optimizer not in _EXACT:
        yield _optimizer_loss(plan)
    if plan.save_precision == "bf16":
        yield Loss(
            "save_precision", "approximated", "bf16", "fp16", "numpy has no bfloat16 to write"
        )
    if plan.timesteps == "shift":
        yield Loss(
            "timesteps", "approximated", "shift", "uniform",
            "a shift is for models of rectified flow; this one predicts the velocity",
        )  # fmt: skip
    if plan.accumulation > 1:
        yield Loss(
            "accumulation", "approximated", str(plan.accumulation), f"batch {plan.effective_batch}",
            "memory is no matter here: one batch of the same size, with the same gradient",
        )  # fmt: skip
    if plan.network == "lora" and plan.conv_rank:
        yield Loss(
            "conv_rank", "dropped", str(plan.conv_rank), "linear layers alone",
            "the resnets are trained with network=locon",
        )  # fmt: skip
    unused = {
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
    for field, asked in unused.items():
        if asked:
            yield Loss(field, "dropped", str(asked), "nothing", _WHY.get(field, _NO_NEED))
    if any(one.masks for one in dataset.subsets):
        yield Loss("masks", "dropped", "on", "whole pictures", "masks are not read")


_NO_NEED = "it saves memory, and this model needs less than 1 GB"
_WHY = {
    "timestep_shift": "a shift is for models of rectified flow; this one predicts the velocity",
    "network_dropout": "no part of a pair is ever left out",
    "vae": "the model draws pixels; its own autoencoder changes nothing",
    "parts": "the model is one folder and needs no other file",
}


def _optimizer_loss(plan: Plan) -> Loss:
    gets = _METHODS.get(plan.optimizer, "adamw")
    if plan.optimizer.endswith("8bit"):
        why = "the same rule with its memory in 32 bits instead of 8"
    elif plan.optimizer == "prodigy":
        gets = f"adamw at {_USUAL_RATE * plan.learning_rate:g}"
        why = "it finds its rate by itself; here it is the one that this model is known to like"
    else:
        why = "only AdamW and Lion are built here, at the plan's rate"
    return Loss("optimizer", "approximated", plan.optimizer, gets, why)
