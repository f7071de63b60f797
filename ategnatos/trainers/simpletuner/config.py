"""A plan as SimpleTuner's two files: its options as JSON, and the data backends.

Options are real command-line options: an unknown one stops it. Keys of the data backends are not
checked by it. Source: helpers/configuration, helpers/data_backend, 4.8.0.
"""

from __future__ import annotations

import copy
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ategnatos.trainers.losing import Losses

if TYPE_CHECKING:
    from ategnatos.trainers import Dataset
    from ategnatos.trainers.known import Family, Known
    from ategnatos.trainers.plan import Plan

_OPTIMIZERS = {
    "adamw8bit": "bnb-adamw8bit",
    "paged-adamw8bit": "bnb-adamw8bit-paged",
    "lion": "optimi-lion",
    "lion8bit": "bnb-lion8bit",
    "prodigy": "prodigy",
    "adafactor": "torch-adafactor",
    "schedule-free-adamw": "adamw_schedulefree",
}
_SCHEDULES = {
    "constant": "constant",
    "constant-with-warmup": "constant_with_warmup",
    "linear": "linear",
    "cosine": "cosine",
    # Its cosine_with_restarts stays at the first rate.
    "cosine-with-restarts": "cosine",
    "polynomial": "polynomial",
}
MIXED = {"bf16": "bf16", "fp16": "fp16", "fp32": "no"}
_SCHEDULE_FREE = ("prodigy", "schedule-free-adamw")
_ALL_CHECKPOINTS = 1000
# Of a VAE: none is named. Left out, it would take (and fetch) sdxl-vae-fp16-fix instead of the
# model's own, and it drops an empty value.
_OWN = "''"
# An empty negative prompt is encoded only for caption dropout, and without it every sample fails.
_NO_NEGATIVE = ","


def options(
    plan: Plan, known: Known, dataset: Dataset, folder: PurePath, losses: Losses
) -> dict[str, Any]:
    """Every option by its name; None is not written."""
    family = known.family_of(plan)
    return {
        **_model(plan, family, losses),
        **_output(plan, dataset, folder, losses),
        **_learning(plan, dataset, losses),
        **_network(plan, known, folder, losses),
        **_memory(plan, known, family, losses),
        **_noise(plan, family, losses),
        **_looks(plan, dataset, folder, losses),
        "seed": plan.seed,
        "data_backend_config": str(folder / "multidatabackend.json"),
        "resolution": plan.resolution,
        "resolution_type": "pixel_area",
        "minimum_image_size": 0,
        "report_to": "none",
        "disable_benchmark": True,
    }


def backends(plan: Plan, dataset: Dataset, losses: Losses) -> list[dict[str, Any]]:
    """The data backends: as they were laid out, with what the plan adds."""
    made: list[dict[str, Any]] = copy.deepcopy(dataset.config)
    made = [one for one in made if one.get("dataset_type") != "eval"]
    if plan.validation:
        why = "SimpleTuner tells the loss of pictures set apart to trackers alone, not in its log"
        losses.dropped("validation", why)
    if not plan.buckets:
        for one in made:
            if "crop_aspect" in one:
                one["crop_aspect"] = "square"
    if plan.regularisation and plan.regularisation_weight != 1.0:
        losses.fixed("regularisation_weight", "1", "SimpleTuner has no weight for them")
    for field, why in (
        ("flip", "SimpleTuner mirrors no pictures"),
        ("shuffle_captions", "captions are encoded once, before the training"),
    ):
        if getattr(plan, field):
            losses.dropped(field, why)
    if not plan.upscale:
        losses.fixed("upscale", "yes", "SimpleTuner brings every picture to the resolution")
    return made


def _model(plan: Plan, family: Family, losses: Losses) -> dict[str, Any]:
    vae = plan.vae
    if vae.lower().endswith((".safetensors", ".gguf")):
        # It would take that of the family's first repository instead, without a word.
        losses.dropped("vae", "SimpleTuner reads a VAE from a folder in diffusers' layout alone")
        vae = ""
    return {
        "model_family": family.family,
        "model_flavour": family.flavours[plan.family.partition("/")[2]] or None,
        "model_type": "lora",
        "pretrained_model_name_or_path": plan.model or None,
        "pretrained_vae_model_name_or_path": vae or plan.model or _OWN,
    }


def _output(plan: Plan, dataset: Dataset, folder: PurePath, losses: Losses) -> dict[str, Any]:
    every = plan.save_every_steps or plan.save_every_epochs * max(1, dataset.steps_an_epoch)
    if MIXED[plan.precision] != {"fp32": "no"}.get(plan.save_precision, plan.save_precision):
        losses.fixed("save_precision", plan.precision, "SimpleTuner saves as it trains")
    return {
        "output_dir": str(folder / "output"),
        "checkpoint_step_interval": every,
        "checkpoints_total_limit": plan.keep or _ALL_CHECKPOINTS,
        "resume_from_checkpoint": "latest",
    }


def _learning(plan: Plan, dataset: Dataset, losses: Losses) -> dict[str, Any]:
    free = plan.optimizer in _SCHEDULE_FREE
    if free:
        why = "this optimizer averages instead and follows no schedule in SimpleTuner"
        if plan.schedule != "constant":
            losses.fixed("schedule", "none", why)
        if plan.warmup:
            losses.dropped("warmup", why)
    name = "constant" if free else _SCHEDULES[plan.schedule]
    warmup = 0 if free else round(plan.warmup * dataset.steps)
    if name == "cosine":
        if warmup:
            losses.dropped("warmup", "SimpleTuner's cosine has none")
        if plan.schedule == "cosine-with-restarts":
            losses.approximated("schedule", "cosine", "SimpleTuner's restarts never lower the rate")
    made: dict[str, Any] = {
        "optimizer": _optimizer(plan),
        "optimizer_config": f"weight_decay={plan.weight_decay!r}",
        "learning_rate": float(plan.learning_rate),
        "lr_scheduler": name,
        **_warmup(name, warmup, dataset.steps),
        "max_grad_norm": float(plan.max_grad_norm),
        "max_train_steps": dataset.steps,
        "num_train_epochs": 0,
        "train_batch_size": plan.batch,
        "gradient_accumulation_steps": plan.accumulation,
    }
    return made


def _warmup(schedule: str, warmup: int, steps: int) -> dict[str, Any]:
    """What a schedule is told of its steps, in a run of ``steps``."""
    if schedule == "cosine":
        # Its cosine takes the warm-up for the steps in which the rate falls, and 1000 for none.
        return {"lr_warmup_steps": steps, "lr_end": 0.0}
    return {"lr_warmup_steps": warmup, **({"lr_power": 1.0} if schedule == "polynomial" else {})}


def _optimizer(plan: Plan) -> str:
    if plan.optimizer == "adamw":
        # Its own AdamW keeps the rounding that bf16 would lose.
        return "adamw_bf16" if plan.precision == "bf16" else "torch-adamw"
    return _OPTIMIZERS[plan.optimizer]


def _network(plan: Plan, known: Known, folder: PurePath, losses: Losses) -> dict[str, Any]:
    if plan.network in ("loha", "lokr"):
        return {"lora_type": "lycoris", "lycoris_config": str(folder / "lycoris.json")}
    dora = plan.network == "dora"
    if dora and "quanto" in known.quantisation.get(plan.quantisation, ""):
        # It would switch DoRA off by itself, with a line in its log.
        losses.approximated("network", "lora", "SimpleTuner trains no DoRA over weights of quanto")
        dora = False
    if plan.alpha != plan.rank:
        losses.approximated(
            "alpha",
            float(plan.rank),
            "SimpleTuner's finished file does not say its alpha, and what loads it takes the rank;"
            " where the rate is fixed, this is like another learning_rate",
        )
    return {
        "lora_type": "standard",
        "lora_rank": plan.rank,
        "lora_alpha": float(plan.rank),
        "lora_dropout": float(plan.network_dropout),
        "use_dora": True if dora else None,
    }


def lycoris(plan: Plan) -> dict[str, Any]:
    """The file of a loha or lokr."""
    return {
        "algo": plan.network,
        "multiplier": 1.0,
        "linear_dim": plan.rank,
        "linear_alpha": float(plan.alpha),
        "dropout": float(plan.network_dropout),
        "apply_preset": {"target_module": ["Attention", "FeedForward"]},
    }


def _memory(plan: Plan, known: Known, family: Family, losses: Losses) -> dict[str, Any]:
    made: dict[str, Any] = {
        "mixed_precision": MIXED[plan.precision],
        "gradient_checkpointing": plan.gradient_checkpointing,
    }
    if plan.quantisation != "none":
        made["base_model_precision"] = known.quantisation[plan.quantisation]
        # Quantised on the card, the whole model would have to lie there first.
        made["quantize_via"] = "cpu"
    if plan.text_encoder_quantisation != "none":
        for number in range(1, family.text_encoders + 1):
            said = known.quantisation[plan.text_encoder_quantisation]
            made[f"text_encoder_{number}_precision"] = said
    if plan.block_swap:
        if family.swap:
            made["musubi_blocks_to_swap"] = min(plan.block_swap, family.swap)
            if plan.block_swap > family.swap:
                losses.approximated("block_swap", family.swap, "more blocks cannot wait")
        else:
            losses.dropped("block_swap", "SimpleTuner swaps no blocks of this family")
    if plan.cache_latents != "disk":
        losses.fixed("cache_latents", "disk", "SimpleTuner encodes pictures once, to the disk")
    if not plan.cache_text:
        losses.fixed("cache_text", "yes", "SimpleTuner encodes captions once, to the disk")
    return made


def _noise(plan: Plan, family: Family, losses: Losses) -> dict[str, Any]:
    made: dict[str, Any] = {
        "caption_dropout_probability": float(plan.caption_dropout),
        "use_ema": plan.ema,
        "ema_decay": float(plan.ema_decay) if plan.ema else None,
        "noise_offset": 0.0,
    }
    for name in ("noise_offset", "min_snr_gamma"):
        if getattr(plan, name) and family.flow:
            losses.dropped(name, "it has no meaning in flow matching")
    if not family.flow:
        if plan.noise_offset:
            # Its own default leaves three batches of four without.
            made |= {
                "offset_noise": True,
                "noise_offset": float(plan.noise_offset),
                "noise_offset_probability": 1.0,
            }
        if plan.min_snr_gamma:
            made["snr_gamma"] = max(1, round(plan.min_snr_gamma))
            if made["snr_gamma"] != plan.min_snr_gamma:
                losses.approximated("min_snr_gamma", made["snr_gamma"], "whole numbers alone")
        if plan.timesteps != "default":
            losses.dropped("timesteps", "noise levels are drawn evenly in this family")
        return made
    if plan.timesteps == "uniform":
        made["flow_use_uniform_schedule"] = True
    if plan.timesteps == "sigmoid":
        made["flow_schedule_shift"] = 0.0
    if plan.timesteps == "shift" or plan.timestep_shift:
        made["flow_schedule_shift"] = float(plan.timestep_shift or 3.0)
    return made


def _looks(plan: Plan, dataset: Dataset, folder: PurePath, losses: Losses) -> dict[str, Any]:
    epoch = max(1, dataset.steps_an_epoch)
    every = plan.sample_every_steps or plan.sample_every_epochs * epoch
    if not (plan.samples and every):
        return {"validation_disable": True}
    first = plan.samples[0]
    if any(one.model_copy(update={"prompt": first.prompt}) != first for one in plan.samples):
        losses.approximated(
            "samples",
            "all with the size, seed, steps, cfg and negative prompt of the first",
            "SimpleTuner has one setting for all prompts",
        )
    negative = first.negative or ("" if plan.caption_dropout else _NO_NEGATIVE)
    width, height = first.width or plan.resolution, first.height or plan.resolution
    return {
        "user_prompt_library": str(folder / "samples.json"),
        # It draws a picture of no prompt as well, and one of 'validation_prompt' besides.
        "validation_disable_unconditional": True,
        "validation_negative_prompt": negative,
        "validation_step_interval": every,
        "validation_resolution": f"{width}x{height}",
        "validation_seed": first.seed,
        "validation_num_inference_steps": first.steps or None,
        "validation_guidance": None if first.cfg is None else float(first.cfg),
    }


def samples(plan: Plan) -> dict[str, str]:
    """The prompts by a short name."""
    return {f"sample_{number}": one.prompt for number, one in enumerate(plan.samples, 1)}
