"""A plan as an order file: what both programs read in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from ategnatos.trainers import Dataset, Loss, Translation
from ategnatos.trainers.plan import Optimizer, Plan

ORDER_VERSION = 1
STARTER = "starter"
STARTER_SIDE = 32  # pixels of the square that the starter model draws
# What a rate of 1, which Prodigy is given, means for AdamW on the starter model.
STARTER_RATE = 2e-3


def translation(
    trainer: str,
    plan: Plan,
    dataset: Dataset,
    folder: PurePath,
    dry_steps: int,
    resume: PurePath | None,
    own: Mapping[str, Any],
    *,
    losses: Iterable[Loss],
    notes: tuple[str, ...],
    environment: Mapping[str, str],
) -> Translation:
    """The order for a run in ``folder``, with the fields that are the trainer's ``own``.

    With ``dry_steps`` it is a short run in a folder of its own, with ``resume`` it goes on.
    """
    output = "dry-run" if dry_steps else "output"
    name = "dry-run.json" if dry_steps else "resume.json" if resume else f"{trainer}.json"
    order = {
        "version": ORDER_VERSION,
        "name": plan.name,
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
        **own,
    }
    return Translation(
        # A path with an umlaut stays as it is: who moves the folder finds it.
        files={
            name: (json.dumps(order, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
        },
        command=("{python}", "-u", "-m", f"ategnatos.trainers.{trainer}", str(folder / name)),
        output=output,
        steps=dry_steps or dataset.steps,
        environment=environment,
        losses=tuple(losses),
        notes=notes,
    )


def recipe(
    plan: Plan, steps: int, methods: Mapping[Optimizer, str], usual_rate: float
) -> dict[str, Any]:
    """The settings of ``ategnatos.starter.training.recipe.Recipe``, which both recipes have.

    ``methods`` says which optimizers are not AdamW; ``usual_rate`` is the model's, for Prodigy.
    """
    return {
        "steps": steps,
        "seed": plan.seed,
        "rank": plan.rank,
        "alpha": plan.alpha,
        "convolution_rank": plan.conv_rank if plan.network == "locon" else 0,
        "convolution_alpha": plan.conv_alpha or float(plan.conv_rank),
        "text_encoder": plan.text_encoder,
        "text_encoder_rate": plan.text_encoder_rate,
        "optimizer": methods.get(plan.optimizer, "adamw"),
        "rate": rate(plan, usual_rate),
        "schedule": plan.schedule,
        "warmup": round(plan.warmup * steps),
        "cycles": plan.cycles,
        "weight_decay": plan.weight_decay,
        "max_grad_norm": plan.max_grad_norm,
        "batch": plan.batch,
        "prior_weight": plan.regularisation_weight,
        "caption_dropout": plan.caption_dropout,
        "shuffle_captions": plan.shuffle_captions,
        "flip": plan.flip,
        "noise_offset": plan.noise_offset,
        "min_snr_gamma": plan.min_snr_gamma,
        "timesteps": "sigmoid" if plan.timesteps == "sigmoid" else "uniform",
        "ema_decay": plan.ema_decay if plan.ema else 0.0,
    }


def rate(plan: Plan, usual_rate: float) -> float:
    """The plan's rate; Prodigy's is a factor of the model's ``usual_rate``."""
    return plan.learning_rate * (usual_rate if plan.optimizer == "prodigy" else 1)


def metadata(plan: Plan, dataset: Dataset, architecture: str, side: int) -> dict[str, str]:
    """What a LoRA file says of its plan: ``ss_*`` as sd-scripts writes it, and ModelSpec."""
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
        "modelspec.architecture": architecture,
        "modelspec.implementation": "diffusers",
        "modelspec.title": plan.name,
        "modelspec.resolution": f"{side}x{side}",
    }
    if plan.trigger:
        said["modelspec.trigger_phrase"] = plan.trigger
    return said


def _steps(steps: int, epochs: int, dataset: Dataset) -> int:
    return steps or epochs * dataset.steps_an_epoch
