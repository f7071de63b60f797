"""A plan as an order for the torch program, and what it cannot say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from ategnatos.trainers import Dataset, Loss, Translation, known
from ategnatos.trainers.plan import Optimizer, Plan

ORDER_VERSION = 1
STARTER = "starter"
# What a rate of 1, which Prodigy is given, means for AdamW.
_USUAL_RATE = {STARTER: 2e-3}
_USUAL_ELSEWHERE = 1e-4
_METHODS: Mapping[Optimizer, str] = {
    "lion": "lion",
    "lion8bit": "lion",
    "adafactor": "adafactor",
}
_EXACT: tuple[Optimizer, ...] = ("adamw", "lion", "adafactor")


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
    name = "dry-run.json" if dry_steps else "resume.json" if resume else "accelerate.json"
    pipeline = pipeline_of(plan)
    order = {
        "version": ORDER_VERSION,
        "name": plan.name,
        "pipeline": pipeline,
        "model": _model(plan),
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
        "buckets": {
            str(dataset.root / name): list(size)
            for name, size in (dataset.config or {}).get("buckets", {}).items()
        },
        "output": str(folder / output),
        "trigger": plan.trigger,
        "save_precision": plan.save_precision,
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
        "metadata": _metadata(plan, dataset, pipeline),
    }
    return Translation(
        files={name: (json.dumps(order, indent=1, sort_keys=True) + "\n").encode()},
        command=("{python}", "-u", "-m", "ategnatos.trainers.accelerate", str(folder / name)),
        output=output,
        steps=steps,
        # Buckets of many sizes leave gaps in a GPU's memory otherwise.
        environment={"PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True"}
        if pipeline != STARTER
        else {},
        losses=tuple(_losses(plan, dataset, pipeline)),
        notes=("Without a GPU it computes in fp32, whatever precision the plan says.",)
        if pipeline != STARTER
        else (),
    )


def pipeline_of(plan: Plan) -> str:
    """Which networks the program loads: ``starter``, ``sd`` or ``sdxl``."""
    if plan.base_family == STARTER:
        return STARTER
    return known.trainer("accelerate").family_of(plan).pipeline


def _model(plan: Plan) -> str:
    if plan.model or plan.base_family == STARTER:
        return plan.model
    from ategnatos.grimoire.errors import StudioError
    from ategnatos.trainers import TRAINER_CANNOT

    repository = known.trainer("accelerate").family_of(plan).repository
    if repository:
        return repository
    raise StudioError(
        TRAINER_CANNOT,
        f"accelerate cannot train the plan {plan.name!r}: it names no model, and {plan.family}"
        " has no common one. Nothing was written.",
        hint=f"ategnatos train plan set {plan.name} model=FOLDER (in diffusers' layout)",
        trainer="accelerate",
        plan=plan.name,
    )


def _steps(steps: int, epochs: int, dataset: Dataset) -> int:
    return steps or epochs * dataset.steps_an_epoch


def _recipe(plan: Plan, steps: int) -> dict[str, Any]:
    """The values of :class:`ategnatos.trainers.accelerate.order.Recipe`."""
    return {
        "steps": steps,
        "seed": plan.seed,
        "rank": plan.rank,
        "alpha": plan.alpha,
        "convolution_rank": plan.conv_rank if plan.network == "locon" else 0,
        "convolution_alpha": plan.conv_alpha or float(plan.conv_rank),
        "dropout": plan.network_dropout,
        "text_encoder": plan.text_encoder,
        "text_encoder_rate": plan.text_encoder_rate,
        "optimizer": _METHODS.get(plan.optimizer, "adamw"),
        "rate": _rate(plan),
        "schedule": plan.schedule,
        "warmup": round(plan.warmup * steps),
        "cycles": plan.cycles,
        "weight_decay": plan.weight_decay,
        "max_grad_norm": plan.max_grad_norm,
        "batch": plan.batch,
        "accumulation": plan.accumulation,
        "prior_weight": plan.regularisation_weight,
        "caption_dropout": plan.caption_dropout,
        "shuffle_captions": plan.shuffle_captions,
        "flip": plan.flip,
        "noise_offset": plan.noise_offset,
        "min_snr_gamma": plan.min_snr_gamma,
        "timesteps": "sigmoid" if plan.timesteps == "sigmoid" else "uniform",
        "ema_decay": plan.ema_decay if plan.ema else 0.0,
        "precision": "fp32" if plan.base_family == STARTER else plan.precision,
        "gradient_checkpointing": plan.gradient_checkpointing and plan.base_family != STARTER,
    }


def _rate(plan: Plan) -> float:
    if plan.optimizer != "prodigy":
        return plan.learning_rate
    return plan.learning_rate * _USUAL_RATE.get(plan.base_family, _USUAL_ELSEWHERE)


# By pipeline: ModelSpec's architecture and sd-scripts' name of the base.
_SPEC = {
    STARTER: ("ategnatos-starter/lora", "ategnatos_starter"),
    "sd": ("stable-diffusion-v1/lora", "sd_v1"),
    "sdxl": ("stable-diffusion-xl-v1-base/lora", "sdxl_base_v1-0"),
}


def _metadata(plan: Plan, dataset: Dataset, pipeline: str) -> dict[str, str]:
    architecture, base = _SPEC[pipeline]
    side = 32 if pipeline == STARTER else plan.resolution
    said = {
        "ss_output_name": plan.name,
        "ss_session_id": plan.digest()[:16],
        "ss_training_comment": f"plan {plan.digest()}",
        "ss_base_model_version": base,
        "ss_resolution": f"({side}, {side})",
        "ss_sd_model_name": PurePath(plan.model).name if plan.model else base,
        "ss_v2": "False",
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


def _losses(plan: Plan, dataset: Dataset, pipeline: str) -> Iterable[Loss]:
    """What the plan asks for and this program does in another way, or not."""
    small = pipeline == STARTER
    if small:
        yield Loss(
            "resolution", "fixed", str(plan.resolution), "32",
            "the starter model draws 32x32; larger pictures are made smaller",
        )  # fmt: skip
    if small and plan.buckets:
        yield Loss(
            "buckets", "fixed", "on", "one square",
            "a picture that is not square gets transparent margins",
        )  # fmt: skip
    if not small and not plan.buckets:
        yield Loss(
            "buckets", "fixed", "off", "on", "pictures keep their shape as near as buckets go"
        )
    if small and plan.precision != "fp32":
        yield Loss(
            "precision", "fixed", plan.precision, "fp32", "so that it does what starter does"
        )
    if plan.optimizer not in _EXACT:
        yield _optimizer_loss(plan)
    if plan.timesteps == "shift":
        yield Loss(
            "timesteps", "approximated", "shift", "uniform",
            "a shift is for models of rectified flow; these are not",
        )  # fmt: skip
    if plan.network == "lora" and plan.conv_rank:
        yield Loss(
            "conv_rank", "dropped", str(plan.conv_rank), "linear layers alone",
            "the resnets are trained with network=locon",
        )  # fmt: skip
    if not small and plan.cache_latents != "memory":
        yield Loss(
            "cache_latents", "approximated", plan.cache_latents, "memory",
            "every picture is encoded once and kept in main memory",
        )  # fmt: skip
    unused = {
        "quantisation": plan.quantisation != "none" and plan.quantisation,
        "text_encoder_quantisation": plan.text_encoder_quantisation != "none"
        and plan.text_encoder_quantisation,
        "block_swap": plan.block_swap,
        "timestep_shift": plan.timestep_shift,
        "vae": plan.vae,
        "parts": ", ".join(plan.parts),
        "gradient_checkpointing": small and plan.gradient_checkpointing and "on",
    }
    for field, asked in unused.items():
        if asked:
            yield Loss(field, "dropped", str(asked), "nothing", _WHY[field])
    if any(one.masks for one in dataset.subsets):
        yield Loss("masks", "dropped", "on", "whole pictures", "masks are not read")


_WHY = {
    "quantisation": "the frozen weights stay in the plan's precision",
    "text_encoder_quantisation": "the frozen weights stay in the plan's precision",
    "block_swap": "every block stays where it is; take gradient_checkpointing or a smaller batch",
    "timestep_shift": "a shift is for models of rectified flow; these are not",
    "vae": "the model's own folder vae/ is used",
    "parts": "the model is one folder and needs no other file",
    "gradient_checkpointing": "it saves memory, and this model needs less than 1 GB",
}


def _optimizer_loss(plan: Plan) -> Loss:
    gets = _METHODS.get(plan.optimizer, "adamw")
    if plan.optimizer.endswith("8bit"):
        why = "the same rule with its memory in 32 bits instead of 8"
    elif plan.optimizer == "prodigy":
        gets = f"adamw at {_rate(plan):g}"
        why = "it finds its rate by itself; here it is the usual one of such models"
    else:
        why = "AdamW, Lion and Adafactor are here, at the plan's rate"
    return Loss("optimizer", "approximated", plan.optimizer, gets, why)
