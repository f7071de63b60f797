"""The LoRA file of the torch trainer: kohya's key names, ``ss_*`` and ModelSpec beside them."""

from __future__ import annotations

from ategnatos.starter.training.lora_file import in_order
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
    recipe, epochs = course.recipe, course.epochs
    subject = [one for one in course.examples if not one.prior]
    kind = {"v_prediction": "v", "sample": "sample"}.get(course.model.prediction, "epsilon")
    said = {
        "ss_network_module": "networks.lora",
        "ss_network_dim": recipe.rank,
        "ss_network_alpha": recipe.alpha,
        "ss_network_dropout": recipe.dropout or None,
        "ss_steps": course.step,
        "ss_max_train_steps": recipe.steps,
        "ss_epoch": epochs.epoch(max(0, course.step - 1)) + 1,
        "ss_num_train_images": sum(one.repeats for one in subject),
        "ss_num_reg_images": len(course.examples) - len(subject),
        "ss_num_batches_per_epoch": epochs.batches_an_epoch,
        "ss_batch_size_per_device": recipe.batch,
        "ss_gradient_accumulation_steps": recipe.accumulation,
        "ss_total_batch_size": recipe.batch * recipe.accumulation,
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
        "ss_mixed_precision": course.accelerator.mixed_precision,
        "ss_seed": recipe.seed,
        "modelspec.prediction_type": kind,
    }
    if recipe.convolution_rank:
        said["ss_network_args"] = (
            f'{{"conv_dim": "{recipe.convolution_rank}", '
            f'"conv_alpha": "{recipe.convolution_alpha}"}}'
        )
    return {key: str(value) for key, value in said.items()}
