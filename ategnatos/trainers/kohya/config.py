"""A plan as kohya's two files: its own settings, and the datasets.

Keys go straight into kohya's namespace without a check of names or types, so every key written
here is one of its arguments with the right type; a test holds that against its argument list.
Source: library/train_util.py, train_network.py and their siblings, sd-scripts 0.10.1.
"""

from __future__ import annotations

import copy
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ategnatos.trainers.kohya_ss.settings import MIXED, SAVED, learning, prompts
from ategnatos.trainers.losing import Losses

if TYPE_CHECKING:
    from ategnatos.trainers import Dataset
    from ategnatos.trainers.known import Family
    from ategnatos.trainers.plan import Plan

_OPTIMIZERS = {
    "adamw": "AdamW",
    "adamw8bit": "AdamW8bit",
    "paged-adamw8bit": "PagedAdamW8bit",
    "lion": "Lion",
    "lion8bit": "Lion8bit",
    "prodigy": "Prodigy",
    "adafactor": "Adafactor",
    "schedule-free-adamw": "AdamWScheduleFree",
}
_LYCORIS = {"loha": "loha", "lokr": "lokr", "dora": "lora"}


def settings(
    plan: Plan, family: Family, dataset: Dataset, folder: PurePath, losses: Losses
) -> dict[str, Any]:
    """Every key of the config file by its name."""
    return {
        **_model(plan, family),
        **_output(plan, dataset, folder, losses),
        **_length(plan, dataset),
        **_learning(plan, dataset, losses),
        **_network(plan, losses, family),
        **_memory(plan, family, losses),
        **_noise(plan, family, losses),
        **_looks(plan, dataset, folder),
        "seed": plan.seed,
        "max_data_loader_n_workers": 2,
        "persistent_data_loader_workers": True,
        "dataset_config": str(folder / "dataset.toml"),
        "metadata_title": plan.name,
        "metadata_trigger_phrase": plan.trigger or None,
        "prior_loss_weight": plan.regularisation_weight if plan.regularisation else None,
    }


def datasets(plan: Plan, dataset: Dataset, losses: Losses) -> dict[str, Any]:
    """The dataset file: as it was laid out, with what the plan adds."""
    made: dict[str, Any] = copy.deepcopy(dataset.config)
    made["general"] |= {
        "caption_extension": ".txt",
        "enable_bucket": plan.buckets,
        "shuffle_caption": plan.shuffle_captions,
        "keep_tokens": 1 if plan.trigger else 0,
        "caption_dropout_rate": float(plan.caption_dropout),
        "flip_aug": plan.flip,
    }
    apart = [one for one in made["datasets"] if "validation_split" in one]
    if not plan.validation:
        made["datasets"] = [one for one in made["datasets"] if one not in apart]
    elif not apart:
        losses.dropped("validation", "the dataset sets no picture apart; see 'train dataset split'")
    if plan.flip and plan.cache_latents != "none":
        losses.approximated("flip", "half of all showings", "both forms of a picture are cached")
    return made


def epoch_saves(plan: Plan, dataset: Dataset) -> int:
    """After how many epochs it is saved; 0 where the plan's steps are less than one epoch."""
    if plan.save_every_epochs:
        return plan.save_every_epochs
    return plan.save_every_steps // max(1, dataset.steps_an_epoch)


def _model(plan: Plan, family: Family) -> dict[str, Any]:
    made: dict[str, Any] = {
        "pretrained_model_name_or_path": plan.model or family.repository,
        "vae": plan.vae or None,
        **{name: plan.parts.get(name) for name in family.parts},
        **family.fixed,
    }
    if plan.vae and "vae" in family.parts:
        made["vae"] = plan.vae
    return made


def _output(plan: Plan, dataset: Dataset, folder: PurePath, losses: Losses) -> dict[str, Any]:
    made: dict[str, Any] = {
        "output_dir": str(folder / "output"),
        "output_name": plan.name,
        "logging_dir": str(folder / "output" / "logs"),
        "save_model_as": "safetensors",
        "save_precision": SAVED[plan.save_precision],
        "save_state": True,
    }
    epochs = epoch_saves(plan, dataset)
    if epochs:
        made["save_every_n_epochs"] = epochs
        if plan.keep:
            made["save_last_n_epochs"] = plan.keep
        if plan.save_every_steps:
            losses.approximated(
                "save_every_steps",
                f"every {epochs} epochs ({epochs * dataset.steps_an_epoch} steps)",
                "kohya counts steps from 0 after a resume and would overwrite its earlier saves",
            )
        return made
    made["save_every_n_steps"] = plan.save_every_steps
    if plan.keep:
        made["save_last_n_steps"] = plan.keep * plan.save_every_steps
    return made


def _length(plan: Plan, dataset: Dataset) -> dict[str, Any]:
    made: dict[str, Any] = {
        "train_batch_size": plan.batch,
        "gradient_accumulation_steps": plan.accumulation,
    }
    if plan.epochs:
        return {**made, "max_train_epochs": plan.epochs}
    return {**made, "max_train_steps": plan.steps}


def _learning(plan: Plan, dataset: Dataset, losses: Losses) -> dict[str, Any]:
    made = {
        **learning(plan, dataset, _OPTIMIZERS, losses),
        "unet_lr": float(plan.learning_rate),
    }
    if plan.text_encoder:
        made["text_encoder_lr"] = [float(plan.text_encoder_rate or plan.learning_rate)]
    return made


def _network(plan: Plan, losses: Losses, family: Family) -> dict[str, Any]:
    made: dict[str, Any] = {
        "network_module": family.network_module,
        "network_dim": plan.rank,
        "network_alpha": float(plan.alpha),
        "network_train_unet_only": not plan.text_encoder,
    }
    if plan.network_dropout:
        made["network_dropout"] = float(plan.network_dropout)
    arguments = []
    if plan.network in _LYCORIS:
        made["network_module"] = "lycoris.kohya"
        arguments.append(f"algo={_LYCORIS[plan.network]}")
        if plan.network == "dora":
            arguments.append("dora_wd=True")
    if plan.conv_rank or plan.network == "locon":
        arguments += [
            f"conv_dim={plan.conv_rank or plan.rank}",
            f"conv_alpha={plan.conv_alpha or plan.alpha:g}",
        ]
    if plan.conv_rank and family.flow:
        arguments = [one for one in arguments if not one.startswith("conv_")]
        losses.dropped("conv_rank", "the family has no convolutions to train")
    return {**made, "network_args": arguments or None}


def _memory(plan: Plan, family: Family, losses: Losses) -> dict[str, Any]:
    made: dict[str, Any] = {
        "mixed_precision": MIXED[plan.precision],
        "gradient_checkpointing": plan.gradient_checkpointing,
        "sdpa": True,
        "cache_latents": plan.cache_latents != "none",
        "cache_latents_to_disk": plan.cache_latents == "disk",
    }
    if plan.cache_text:
        if family.cache_text:
            made["cache_text_encoder_outputs"] = True
            made["cache_text_encoder_outputs_to_disk"] = plan.cache_latents == "disk"
        else:
            losses.dropped("cache_text", "kohya keeps no captions of this family")
    if plan.block_swap:
        if family.swap:
            made["blocks_to_swap"] = min(plan.block_swap, family.swap)
            if plan.block_swap > family.swap:
                losses.approximated("block_swap", family.swap, "more blocks cannot wait")
        else:
            losses.dropped("block_swap", "kohya swaps no blocks of this family")
    return {**made, **_quantised(plan, family, losses)}


def _quantised(plan: Plan, family: Family, losses: Losses) -> dict[str, Any]:
    wanted, text = plan.quantisation, plan.text_encoder_quantisation
    if wanted == "none":
        if text != "none":
            losses.dropped("text_encoder_quantisation", "kohya quantises both or neither")
        return {}
    if not family.quantised or plan.precision == "fp32":
        why = (
            "this family is not quantised by kohya"
            if not family.quantised
            else ("kohya quantises under fp16 or bf16 alone")
        )
        losses.dropped("quantisation", why)
        if text != "none":
            losses.dropped("text_encoder_quantisation", why)
        return {}
    if wanted != "fp8":
        losses.approximated("quantisation", "fp8", "kohya knows fp8 alone; it takes more memory")
    if text == "none":
        return {"fp8_base_unet": True}
    if text != "fp8":
        losses.approximated("text_encoder_quantisation", "fp8", "kohya knows fp8 alone")
    return {"fp8_base": True}


def _noise(plan: Plan, family: Family, losses: Losses) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in ("noise_offset", "min_snr_gamma"):
        given = getattr(plan, name)
        if given and family.flow:
            losses.dropped(name, "it has no meaning in flow matching")
        elif given:
            made[name] = float(given)
    if plan.ema:
        losses.dropped("ema", "kohya keeps no running average")
    if plan.timesteps == "default":
        if plan.timestep_shift and family.shift:
            made[family.shift] = float(plan.timestep_shift)
        return made
    if not family.flow:
        losses.dropped("timesteps", "noise levels are drawn evenly in this family")
    elif family.timesteps:
        made["timestep_sampling"] = plan.timesteps
    elif plan.timesteps == "sigmoid":
        made["weighting_scheme"] = "logit_normal"
    elif plan.timesteps == "uniform":
        made["weighting_scheme"] = "uniform"
    if plan.timesteps == "shift" and plan.timestep_shift and family.shift:
        made[family.shift] = float(plan.timestep_shift)
    return made


def _looks(plan: Plan, dataset: Dataset, folder: PurePath) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if plan.samples and (plan.sample_every_epochs or plan.sample_every_steps):
        made["sample_prompts"] = str(folder / "samples.json")
        made["sample_every_n_epochs"] = plan.sample_every_epochs or None
        made["sample_every_n_steps"] = plan.sample_every_steps or None
        made["sample_sampler"] = "euler_a"
    if plan.validation and any(one.validation for one in dataset.subsets):
        made["validate_every_n_epochs"] = plan.validation_every_epochs
    return made


def samples(plan: Plan, family: Family) -> list[dict[str, Any]]:
    """The prompts as kohya's JSON has them."""
    guided = family.network_module == "networks.lora_flux"
    return prompts(plan, "guidance_scale" if guided else "scale")
