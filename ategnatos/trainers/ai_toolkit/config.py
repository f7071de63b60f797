"""A plan as ai-toolkit's job file.

Every class of it reads what it knows and passes over the rest without a word, so every key
written here is one it reads; a test holds that against the list of what its classes read. Source:
toolkit/config_modules.py, jobs/process/BaseSDTrainProcess.py, 0.12.26.
"""

from __future__ import annotations

import copy
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ategnatos.trainers.losing import Losses

if TYPE_CHECKING:
    from ategnatos.trainers import Dataset
    from ategnatos.trainers.known import Family, Known
    from ategnatos.trainers.plan import Plan, Sample

_OPTIMIZERS = {
    "adamw": "adamw",
    "adamw8bit": "adamw8bit",
    "paged-adamw8bit": "adamw8bit",
    "lion": "lion",
    "lion8bit": "lion8bit",
    "prodigy": "prodigy",
    "adafactor": "adafactor",
    "schedule-free-adamw": "adamw",
}
_TYPES = {"bf16": "bf16", "fp16": "fp16", "fp32": "float32"}
_SAVED = {"bf16": "bf16", "fp16": "float16", "fp32": "float32"}
_NETWORKS = {"lora": "lora", "locon": "lora", "lokr": "lokr"}
_TIMESTEPS = {"uniform": "linear", "sigmoid": "sigmoid", "shift": "shift"}
_ALL_SAVES = 10_000


def job(
    plan: Plan, known: Known, dataset: Dataset, folder: PurePath, losses: Losses
) -> dict[str, Any]:
    """The whole job file."""
    family = known.family_of(plan)
    process: dict[str, Any] = {
        "type": "sd_trainer",
        "training_folder": str(folder / "output"),
        "training_seed": plan.seed,
        "network": _network(plan, losses),
        "save": _save(plan, dataset),
        "datasets": _datasets(plan, dataset, losses),
        "train": _train(plan, dataset, family, losses),
        "model": _model(plan, known, family, losses),
        "logging": {"log_every": 1, "use_ui_logger": False},
    }
    every = _sample_every(plan, dataset)
    if every:
        process["sample"] = _sample(plan, family, every)
    # Never "job: train": with it this trainer does not run at all.
    return {"job": "extension", "config": {"name": plan.name, "process": [process]}}


def _network(plan: Plan, losses: Losses) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": _NETWORKS[plan.network],
        "linear": plan.rank,
        "linear_alpha": float(plan.alpha),
    }
    if plan.conv_rank or plan.network == "locon":
        made["conv"] = plan.conv_rank or plan.rank
        made["conv_alpha"] = float(plan.conv_alpha or plan.alpha)
    if plan.network == "lokr":
        # Its own default is the full matrix, whatever the rank.
        made["lokr_full_rank"] = False
    if plan.network_dropout:
        made["dropout"] = float(plan.network_dropout)
    return made


def _save(plan: Plan, dataset: Dataset) -> dict[str, Any]:
    every = plan.save_every_steps or plan.save_every_epochs * max(1, dataset.steps_an_epoch)
    return {
        "dtype": _SAVED[plan.save_precision],
        "save_every": every,
        "max_step_saves_to_keep": plan.keep or _ALL_SAVES,
        "save_format": "safetensors",
    }


def _datasets(plan: Plan, dataset: Dataset, losses: Losses) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = copy.deepcopy(dataset.config["datasets"])
    for one in made:
        one |= {
            "buckets": plan.buckets,
            "caption_dropout_rate": float(plan.caption_dropout),
            "shuffle_tokens": plan.shuffle_captions,
            "flip_x": plan.flip,
            "cache_latents": plan.cache_latents == "memory",
            "cache_latents_to_disk": plan.cache_latents == "disk",
        }
    if plan.shuffle_captions and plan.trigger:
        losses.approximated(
            "shuffle_captions",
            "all parts, the trigger too",
            "ai-toolkit keeps none in its place: the trigger is not always first",
        )
    if plan.validation:
        losses.dropped("validation", "ai-toolkit measures no loss over pictures set apart")
    if not plan.upscale:
        losses.fixed("upscale", "by bucket", "ai-toolkit brings pictures to the resolution")
    return made


def _train(plan: Plan, dataset: Dataset, family: Family, losses: Losses) -> dict[str, Any]:
    made: dict[str, Any] = {
        "batch_size": plan.batch,
        "steps": dataset.steps,
        # Batches within one step. Its other key of this name counts each batch as a step.
        "gradient_accumulation": plan.accumulation,
        "train_unet": True,
        "train_text_encoder": plan.text_encoder,
        "gradient_checkpointing": plan.gradient_checkpointing,
        "noise_scheduler": "flowmatch" if family.flow else "ddpm",
        "optimizer": _OPTIMIZERS[plan.optimizer],
        "optimizer_params": _optimizer(plan),
        "lr": float(plan.learning_rate),
        "max_grad_norm": float(plan.max_grad_norm),
        "dtype": _TYPES[plan.precision],
        "skip_first_sample": True,
        "disable_sampling": not _sample_every(plan, dataset),
        "cache_text_embeddings": plan.cache_text,
        **_schedule(plan, dataset, losses),
        **_noise(plan, family, losses),
    }
    if plan.text_encoder and plan.text_encoder_rate:
        made["text_encoder_lr"] = float(plan.text_encoder_rate)
    if plan.regularisation:
        made["reg_weight"] = float(plan.regularisation_weight)
    if plan.ema:
        made["ema_config"] = {"use_ema": True, "ema_decay": float(plan.ema_decay)}
    if plan.optimizer == "paged-adamw8bit":
        losses.approximated("optimizer", "adamw8bit", "ai-toolkit has no paged form")
    if plan.optimizer == "schedule-free-adamw":
        losses.approximated("optimizer", "adamw", "ai-toolkit has no schedule-free form")
    if plan.optimizer == "prodigy" and plan.learning_rate < 0.1:
        losses.approximated("learning_rate", "1", "ai-toolkit raises Prodigy's rate below 0.1")
    return made


def _optimizer(plan: Plan) -> dict[str, Any]:
    if plan.optimizer == "prodigy":
        return {
            "weight_decay": float(plan.weight_decay),
            "decouple": True,
            "d_coef": 1.0,
            "use_bias_correction": True,
            "safeguard_warmup": bool(plan.warmup),
        }
    if plan.optimizer == "adafactor":
        # Otherwise it chooses its own rate.
        return {
            "weight_decay": float(plan.weight_decay),
            "scale_parameter": False,
            "relative_step": False,
            "warmup_init": False,
        }
    return {"weight_decay": float(plan.weight_decay)}


def _schedule(plan: Plan, dataset: Dataset, losses: Losses) -> dict[str, Any]:
    warmup = round(plan.warmup * dataset.steps)
    if plan.schedule == "constant-with-warmup":
        return {
            "lr_scheduler": "constant_with_warmup",
            "lr_scheduler_params": {"num_warmup_steps": warmup},
        }
    if warmup:
        losses.dropped("warmup", f"ai-toolkit's {plan.schedule} has none")
    if plan.schedule == "linear":
        # Its own linear rises; these make it fall to nothing.
        return {
            "lr_scheduler": "linear",
            "lr_scheduler_params": {"start_factor": 1.0, "end_factor": 0.0},
        }
    if plan.schedule == "polynomial":
        losses.approximated("schedule", "cosine", "ai-toolkit has no polynomial one")
    if plan.schedule == "cosine-with-restarts" and plan.cycles > 1:
        losses.approximated("cycles", "1", "ai-toolkit's cycle is the whole run")
    return {"lr_scheduler": "constant" if plan.schedule == "constant" else "cosine"}


def _noise(plan: Plan, family: Family, losses: Losses) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in ("noise_offset", "min_snr_gamma"):
        given = getattr(plan, name)
        if given and family.flow:
            losses.dropped(name, "it has no meaning in flow matching")
        elif given:
            made[name] = float(given)
    if plan.timesteps != "default":
        if family.flow:
            made["timestep_type"] = _TIMESTEPS[plan.timesteps]
        else:
            losses.dropped("timesteps", "noise levels are drawn evenly in this family")
    if plan.timestep_shift:
        losses.fixed("timestep_shift", "the family's own", "ai-toolkit reads it from the model")
    return made


def _model(plan: Plan, known: Known, family: Family, losses: Losses) -> dict[str, Any]:
    variant = plan.family.partition("/")[2]
    made: dict[str, Any] = {
        "name_or_path": plan.model or family.repositories[variant],
        "arch": family.arch[variant],
        "dtype": _TYPES[plan.precision],
        "quantize": plan.quantisation != "none",
        "quantize_te": plan.text_encoder_quantisation != "none",
    }
    if plan.vae:
        made["vae_path"] = plan.vae
    if variant in family.assistant:
        made["assistant_lora_path"] = family.assistant[variant]
    for field, key in (("quantisation", "qtype"), ("text_encoder_quantisation", "qtype_te")):
        wanted = getattr(plan, field)
        if wanted == "none":
            continue
        made[key] = known.quantisation.get(wanted, known.quantisation["int4"])
        if wanted not in known.quantisation:
            losses.approximated(field, "int4", "ai-toolkit has no nf4")
    if plan.block_swap:
        made["layer_offloading"] = True
        made["layer_offloading_transformer_percent"] = 1.0
        losses.approximated(
            "block_swap", "all layers", "ai-toolkit offloads by share, not by count"
        )
    return made


def _sample_every(plan: Plan, dataset: Dataset) -> int:
    if not plan.samples:
        return 0
    return plan.sample_every_steps or plan.sample_every_epochs * max(1, dataset.steps_an_epoch)


def _sample(plan: Plan, family: Family, every: int) -> dict[str, Any]:
    return {
        "sampler": "flowmatch" if family.flow else "ddpm",
        "sample_every": every,
        "width": plan.resolution,
        "height": plan.resolution,
        "samples": [_one_sample(plan, one) for one in plan.samples],
    }


def _one_sample(plan: Plan, one: Sample) -> dict[str, Any]:
    made: dict[str, Any] = {
        "prompt": one.prompt,
        "neg": one.negative,
        "seed": one.seed,
        "width": one.width or plan.resolution,
        "height": one.height or plan.resolution,
    }
    if one.steps:
        made["sample_steps"] = one.steps
    if one.cfg is not None:
        made["guidance_scale"] = float(one.cfg)
    return made
