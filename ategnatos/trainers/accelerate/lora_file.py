"""The LoRA file of the torch trainer: kohya's key names, ``ss_*`` and ModelSpec beside them."""

from __future__ import annotations

from ategnatos.starter.training.lora_file import common_facts, in_order
from ategnatos.trainers.accelerate.course import Course
from ategnatos.trainers.accelerate.order import Order


def contents(course: Course, order: Order) -> bytes:
    """The bytes of the LoRA file as the course stands."""
    import torch
    from safetensors.torch import save

    kinds = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32}
    tensors = course.pairs.tensors(course.weights(), kinds[order.save_precision])
    return in_order(save(tensors, {"format": "pt", **facts(course), **order.metadata}))


def facts(course: Course) -> dict[str, str]:
    """What the course itself knows of the training, in the keys that sd-scripts uses."""
    recipe = course.recipe
    kind = {"v_prediction": "v", "sample": "sample"}.get(course.model.prediction, "epsilon")
    return {
        **common_facts(
            recipe.facts(),
            course.examples,
            step=course.step,
            epoch=course.epoch(max(0, course.step - 1)) + 1,
            pictures_a_step=recipe.batch * recipe.accumulation,
            batches_an_epoch=course.epochs.batches_an_epoch,
        ),
        "ss_network_dropout": str(recipe.dropout or None),
        "ss_batch_size_per_device": str(recipe.batch),
        "ss_gradient_accumulation_steps": str(recipe.accumulation),
        "ss_mixed_precision": str(course.accelerator.mixed_precision),
        "modelspec.prediction_type": kind,
    }
