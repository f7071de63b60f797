"""A plan as musubi-tuner's two files: its own settings, and the datasets.

As in sd-scripts keys go into its namespace without a check of names or types, so every key written
here is one of the script's arguments with the right type; a test holds that against its argument
list. Source: training/parser_common.py, training/trainer_base.py, dataset/config_utils.py, 0.3.4.
"""

from __future__ import annotations

import copy
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ategnatos.trainers.kohya_ss.settings import MIXED, SAVED, SCHEDULES, learning, prompts
from ategnatos.trainers.losing import Losses

if TYPE_CHECKING:
    from ategnatos.trainers import Dataset
    from ategnatos.trainers.known import Family
    from ategnatos.trainers.plan import Plan

# What it does not know by name it imports: any class by its path.
_OPTIMIZERS = {
    "adamw": "AdamW",
    "adamw8bit": "AdamW8bit",
    "paged-adamw8bit": "bitsandbytes.optim.PagedAdamW8bit",
    "lion": "lion_pytorch.Lion",
    "lion8bit": "bitsandbytes.optim.Lion8bit",
    "prodigy": "prodigyopt.Prodigy",
    "adafactor": "Adafactor",
    "schedule-free-adamw": "schedulefree.AdamWScheduleFree",
}
# The schedules as functions, which can be told the length of the whole training.
_WHOLE = {
    "linear": "get_linear_schedule_with_warmup",
    "cosine": "get_cosine_schedule_with_warmup",
    "cosine-with-restarts": "get_cosine_with_hard_restarts_schedule_with_warmup",
    "polynomial": "get_polynomial_decay_schedule_with_warmup",
}
_NETWORKS = {"loha": "networks.loha", "lokr": "networks.lokr"}
CACHE = "cache"


def settings(
    plan: Plan, family: Family, dataset: Dataset, folder: PurePath, losses: Losses
) -> dict[str, Any]:
    """Every key of the config file by its name."""
    return {
        **_model(plan, family),
        **_output(plan, dataset, folder),
        "max_train_steps": dataset.steps,
        "gradient_accumulation_steps": plan.accumulation,
        **learning(plan, dataset, _OPTIMIZERS, losses),
        **_network(plan, family, losses),
        **_memory(plan, family, losses),
        **_noise(plan, family, losses),
        **_looks(plan, folder),
        "seed": plan.seed,
        "max_data_loader_n_workers": 2,
        "persistent_data_loader_workers": True,
        "dataset_config": str(folder / "dataset.toml"),
        "metadata_title": plan.name,
        "metadata_tags": plan.trigger or None,
    }


def datasets(plan: Plan, dataset: Dataset, folder: PurePath, losses: Losses) -> dict[str, Any]:
    """The dataset file: as it was laid out, with what the plan adds. What is encoded goes into a
    folder of the run's own; its names tell nothing of the resolution.
    """
    made: dict[str, Any] = copy.deepcopy(dataset.config)
    made["general"] |= {
        "resolution": [plan.resolution, plan.resolution],
        "batch_size": plan.batch,
        "enable_bucket": plan.buckets,
        "bucket_no_upscale": not plan.upscale,
        "caption_extension": ".txt",
    }
    for one in made["datasets"]:
        place = PurePath(one["image_directory"])
        one["cache_directory"] = str(folder / CACHE / f"{place.parent.name}-{place.name}")
    if plan.validation:
        losses.dropped("validation", "musubi-tuner measures no loss over pictures set apart")
    if plan.regularisation:
        losses.approximated(
            "regularisation",
            "trained on as the others",
            "musubi-tuner knows no prior pictures: theirs is a loss as any other",
        )
        if plan.regularisation_weight != 1:
            losses.fixed("regularisation_weight", 1.0, "every picture weighs the same there")
    return made


def saves_every(plan: Plan, dataset: Dataset) -> int:
    """After how many steps it is saved."""
    return plan.save_every_steps or plan.save_every_epochs * max(1, dataset.steps_an_epoch)


def going_on(plan: Plan, keys: dict[str, Any], dataset: Dataset, done: int) -> dict[str, Any]:
    """The settings of a run of which ``done`` steps are trained.

    Its ``--resume`` brings weights, optimizer and the place in the schedule back, and no count of
    steps: so many are trained as it is told. A schedule's length is taken from that number too,
    unless the function is named with its own.
    """
    made = {**keys, "max_train_steps": dataset.steps - done}
    if plan.schedule in _WHOLE and keys["lr_scheduler"] == SCHEDULES[plan.schedule]:
        arguments = [
            f"num_warmup_steps={keys['lr_warmup_steps']}",
            f"num_training_steps={dataset.steps}",
        ]
        if plan.schedule == "cosine-with-restarts":
            arguments.append(f"num_cycles={plan.cycles}")
        made["lr_scheduler_type"] = f"transformers.optimization.{_WHOLE[plan.schedule]}"
        made["lr_scheduler_args"] = arguments
    return made


def _model(plan: Plan, family: Family) -> dict[str, Any]:
    named = {**plan.parts, **({"vae": plan.vae} if plan.vae else {})}
    return {
        "dit": plan.model,
        **{name: named.get(name) for name in family.parts},
        **family.fixed,
        **family.versions.get(plan.family.partition("/")[2], {}),
    }


def _output(plan: Plan, dataset: Dataset, folder: PurePath) -> dict[str, Any]:
    every = saves_every(plan, dataset)
    return {
        "output_dir": str(folder / "output"),
        "output_name": plan.name,
        "save_precision": SAVED[plan.save_precision],
        "save_state": True,
        "save_every_n_steps": every,
        # It keeps what is at most so many steps older than the newest.
        "save_last_n_steps": (plan.keep - 1) * every if plan.keep else None,
    }


def _network(plan: Plan, family: Family, losses: Losses) -> dict[str, Any]:
    made: dict[str, Any] = {
        "network_module": _NETWORKS.get(plan.network, family.network_module),
        "network_dim": plan.rank,
        "network_alpha": float(plan.alpha),
    }
    if plan.network_dropout:
        made["network_dropout"] = float(plan.network_dropout)
    if plan.conv_rank:
        losses.dropped("conv_rank", "the family has no convolutions to train")
    return made


def _memory(plan: Plan, family: Family, losses: Losses) -> dict[str, Any]:
    precision = plan.precision if plan.precision in family.precisions else family.precisions[0]
    if precision != plan.precision:
        losses.fixed("precision", precision, "the network of this family computes in nothing else")
    made: dict[str, Any] = {
        "mixed_precision": MIXED[precision],
        "gradient_checkpointing": plan.gradient_checkpointing,
        "sdpa": True,
    }
    if plan.cache_latents != "disk":
        losses.fixed("cache_latents", "disk", "musubi-tuner encodes every picture before it")
    if not plan.cache_text:
        losses.fixed("cache_text", True, "musubi-tuner encodes every caption before it")
    _captions(plan, losses)
    most = family.most_blocks(plan.family)
    if plan.block_swap:
        made["blocks_to_swap"] = min(plan.block_swap, most)
        if plan.block_swap > most:
            losses.approximated("block_swap", most, "more blocks cannot wait")
    return {**made, **_quantised(plan, family, losses)}


def _captions(plan: Plan, losses: Losses) -> None:
    """What would have to happen to captions and pictures while they are shown."""
    if plan.shuffle_captions:
        losses.dropped("shuffle_captions", "captions are encoded once")
    if plan.caption_dropout:
        losses.dropped("caption_dropout", "captions are encoded once")
    if plan.flip:
        losses.dropped("flip", "pictures are encoded once")


def _quantised(plan: Plan, family: Family, losses: Losses) -> dict[str, Any]:
    made: dict[str, Any] = {}
    wanted, text = plan.quantisation, plan.text_encoder_quantisation
    if wanted != "none" and not family.quantised:
        losses.fixed("quantisation", "as the file is", "this family's weights come in fp8 alone")
    elif wanted != "none":
        if wanted != "fp8":
            losses.approximated("quantisation", "fp8", "musubi-tuner knows fp8 alone")
        # One without the other is refused by some families, and casts norms too in others.
        made |= {"fp8_base": True, "fp8_scaled": True}
    if text != "none" and not family.fp8_text:
        losses.dropped("text_encoder_quantisation", "musubi-tuner has no switch for it here")
    elif text != "none":
        if text != "fp8":
            losses.approximated("text_encoder_quantisation", "fp8", "musubi-tuner knows fp8 alone")
        made[family.fp8_text] = True
    return made


def _noise(plan: Plan, family: Family, losses: Losses) -> dict[str, Any]:
    made: dict[str, Any] = {"weighting_scheme": "none"}
    for name in ("noise_offset", "min_snr_gamma"):
        if getattr(plan, name):
            losses.dropped(name, "it has no meaning in flow matching")
    if plan.ema:
        losses.dropped("ema", "musubi-tuner keeps no running average while it trains")
    if plan.timesteps != "default":
        made["timestep_sampling"] = plan.timesteps
    drawn = made.get("timestep_sampling", family.fixed.get("timestep_sampling"))
    if plan.timestep_shift and drawn == "shift":
        made[family.shift] = float(plan.timestep_shift)
    elif plan.timestep_shift:
        losses.dropped("timestep_shift", f"it has no place where noise is drawn by {drawn}")
    return made


def _looks(plan: Plan, folder: PurePath) -> dict[str, Any]:
    if not (plan.samples and (plan.sample_every_epochs or plan.sample_every_steps)):
        return {}
    return {
        "sample_prompts": str(folder / "samples.json"),
        "sample_every_n_epochs": plan.sample_every_epochs or None,
        "sample_every_n_steps": plan.sample_every_steps or None,
    }


def samples(plan: Plan, family: Family) -> list[dict[str, Any]]:
    """The prompts as its JSON has them."""
    return prompts(plan, family.guidance)
