"""The file that is used afterwards: kohya's key names, and what a reader wants to know.

Any program that loads kohya's LoRAs loads it, stock diffusers among them. Sources: kohya-ss
sd-scripts, networks/lora.py (keys) and train_network.py (``ss_*``); Stability AI, ModelSpec 1.0.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

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
    recipe, order = course.recipe, course.order
    subject = [one for one in course.examples if not one.prior]
    facts = {
        "ss_network_module": "networks.lora",
        "ss_network_dim": recipe.rank,
        "ss_network_alpha": recipe.alpha,
        "ss_steps": course.step,
        "ss_max_train_steps": recipe.steps,
        "ss_epoch": order.epoch(max(0, course.step - 1)) + 1,
        "ss_num_train_images": sum(one.repeats for one in subject),
        "ss_num_reg_images": len(course.examples) - len(subject),
        "ss_num_batches_per_epoch": order.steps_an_epoch,
        "ss_total_batch_size": recipe.batch,
        "ss_learning_rate": recipe.rate,
        "ss_unet_lr": recipe.rate,
        "ss_text_encoder_lr": (recipe.text_encoder_rate or recipe.rate)
        if recipe.text_encoder
        else None,
        "ss_lr_scheduler": recipe.schedule.replace("-", "_"),
        "ss_lr_warmup_steps": recipe.warmup,
        "ss_optimizer": recipe.optimizer,
        "ss_max_grad_norm": recipe.max_grad_norm,
        "ss_caption_dropout_rate": recipe.caption_dropout,
        "ss_prior_loss_weight": recipe.prior_weight,
        "ss_noise_offset": recipe.noise_offset or None,
        "ss_min_snr_gamma": recipe.min_snr_gamma or None,
        "ss_seed": recipe.seed,
        "ss_resolution": f"({course.model.unet.side}, {course.model.unet.side})",
        "ss_sd_model_hash": course.model.sha256,
        "ss_base_model_version": "ategnatos_starter",
        "ss_v2": False,
    }
    if recipe.convolution_rank:
        facts["ss_network_args"] = (
            f'{{"conv_dim": "{recipe.convolution_rank}", '
            f'"conv_alpha": "{recipe.convolution_alpha}"}}'
        )
    return {key: str(value) for key, value in facts.items()}
