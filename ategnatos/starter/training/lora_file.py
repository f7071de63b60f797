"""The file that is used afterwards: kohya's key names, and what a reader wants to know.

Any program that loads kohya's LoRAs loads it, stock diffusers among them. Sources: kohya-ss
sd-scripts, networks/lora.py (keys) and train_network.py (``ss_*``); Stability AI, ModelSpec 1.0.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save

from ategnatos.starter.lora import Target
from ategnatos.starter.training.course import Course

Precision = type[np.float16] | type[np.float32]


def contents(course: Course, metadata: Mapping[str, str], precision: Precision) -> bytes:
    """The bytes of the LoRA file as the course stands, with ``metadata`` beside our own."""
    tensors: dict[str, npt.NDArray[np.floating]] = {}
    flat = course.weights()
    for target, adapter in course.adapters.items():
        down, up = adapter.pair(flat)
        name = kohya_name(target)
        tensors[f"{name}.lora_down.weight"] = down.astype(precision)
        tensors[f"{name}.lora_up.weight"] = up.astype(precision)
        tensors[f"{name}.alpha"] = np.array(course.layers[target].alpha, precision)
    said = {"format": "pt", **training_facts(course), **metadata}
    return in_order(save(tensors, said))


def in_order(raw: bytes) -> bytes:
    """A safetensors file with the keys of its header sorted: the library leaves them to chance.

    The same training then gives the same file to the byte.
    """
    length = int.from_bytes(raw[:8], "little")
    header = json.dumps(json.loads(raw[8 : 8 + length]), sort_keys=True, separators=(",", ":"))
    data = header.encode()
    data += b" " * (-len(data) % 8)
    return len(data).to_bytes(8, "little") + data + raw[8 + length :]


def kohya_name(target: Target) -> str:
    """A layer's name as sd-scripts writes it."""
    network, layer = target
    if network == "unet":
        return "lora_unet_" + layer.replace(".", "_")
    return "lora_te_text_model_" + layer.removeprefix("text_model.").replace(".", "_")


def training_facts(course: Course) -> dict[str, str]:
    """What the course itself knows of the training, in the keys that sd-scripts uses."""
    side = course.model.unet.side
    return {
        **common_facts(
            course.recipe.facts(),
            course.examples,
            step=course.step,
            epoch=course.epoch(max(0, course.step - 1)) + 1,
            pictures_a_step=course.recipe.batch,
            batches_an_epoch=course.order.steps_an_epoch,
        ),
        "ss_resolution": f"({side}, {side})",
        "ss_sd_model_hash": course.model.sha256,
        "ss_base_model_version": "ategnatos_starter",
        "ss_v2": "False",
    }


# sd-scripts' keys for the settings of a recipe that are written as they stand.
_SETTINGS = {
    "ss_network_dim": "rank",
    "ss_network_alpha": "alpha",
    "ss_max_train_steps": "steps",
    "ss_learning_rate": "rate",
    "ss_unet_lr": "rate",
    "ss_lr_warmup_steps": "warmup",
    "ss_optimizer": "optimizer",
    "ss_max_grad_norm": "max_grad_norm",
    "ss_caption_dropout_rate": "caption_dropout",
    "ss_prior_loss_weight": "prior_weight",
    "ss_seed": "seed",
}
# The same for those of which 0 is written as None.
_SETTINGS_OR_NONE = {"ss_noise_offset": "noise_offset", "ss_min_snr_gamma": "min_snr_gamma"}


class Counted(Protocol):
    """A picture as it is counted."""

    @property
    def repeats(self) -> int:
        """How often an epoch shows it."""

    @property
    def prior(self) -> bool:
        """Whether it is of what the model shall not forget."""


def common_facts(
    settings: Mapping[str, Any],
    examples: Sequence[Counted],
    *,
    step: int,
    epoch: int,
    pictures_a_step: int,
    batches_an_epoch: int,
) -> dict[str, str]:
    """What sd-scripts says of any training, ours in torch among them.

    ``settings`` are those of a :class:`ategnatos.starter.training.recipe.Recipe`, and may be more.
    """
    subject = [one for one in examples if not one.prior]
    facts = {key: settings[name] for key, name in _SETTINGS.items()}
    facts |= {key: settings[name] or None for key, name in _SETTINGS_OR_NONE.items()}
    facts |= {
        "ss_network_module": "networks.lora",
        "ss_steps": step,
        "ss_epoch": epoch,
        "ss_num_train_images": sum(one.repeats for one in subject),
        "ss_num_reg_images": len(examples) - len(subject),
        "ss_num_batches_per_epoch": batches_an_epoch,
        "ss_total_batch_size": pictures_a_step,
        "ss_text_encoder_lr": (settings["text_encoder_rate"] or settings["rate"])
        if settings["text_encoder"]
        else None,
        "ss_lr_scheduler": settings["schedule"].replace("-", "_"),
    }
    if settings["convolution_rank"]:
        facts["ss_network_args"] = (
            f'{{"conv_dim": "{settings["convolution_rank"]}", '
            f'"conv_alpha": "{settings["convolution_alpha"]}"}}'
        )
    return {key: str(value) for key, value in facts.items()}
