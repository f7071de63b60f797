"""Sample pictures on the way, by diffusers' own pipelines around the networks that train."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ategnatos.trainers.accelerate.course import Course

_STEPS, _CFG = 25, 7.0


def draw(course: Course, sample: dict[str, Any]) -> bytes:
    """A PNG of one sample with the pairs as they stand. Raises what the pipeline raises."""
    import torch
    from PIL import Image

    model = course.model
    pipeline = _pipeline(course)
    side = 32 if model.pipeline == "starter" else course.examples[0].bucket[0]
    model.unet.eval()
    generator = torch.Generator().manual_seed(sample["seed"])
    # The starter model's autoencoder is of no effect, and its pixels have an alpha.
    small = model.pipeline == "starter"
    with torch.no_grad():
        made = pipeline(
            sample["prompt"],
            negative_prompt=sample["negative"] or None,
            width=side if small else sample["width"] or side,
            height=side if small else sample["height"] or side,
            num_inference_steps=sample["steps"] or _STEPS,
            guidance_scale=_CFG if sample["cfg"] is None else sample["cfg"],
            generator=generator,
            output_type="np",
        ).images[0]
    model.unet.train()
    pixels = np.asarray(made)
    if small:
        from ategnatos.starter.canvas import to_sprite

        drawn = to_sprite(pixels.astype(np.float32) * 2 - 1)
    else:
        drawn = (pixels.clip(0, 1) * 255).round().astype(np.uint8)
    raw = io.BytesIO()
    Image.fromarray(drawn).save(raw, "PNG")
    return raw.getvalue()


def _pipeline(course: Course) -> Any:
    import diffusers

    model = course.model
    parts: dict[str, Any] = {"unet": model.unet, "text_encoder": model.texts[0]}
    if model.vae is not None:
        parts["vae"] = model.vae
    kind = diffusers.StableDiffusionPipeline
    if model.pipeline == "sdxl":
        kind = diffusers.StableDiffusionXLPipeline
        parts["text_encoder_2"] = model.texts[1]
    else:
        parts |= {"safety_checker": None, "requires_safety_checker": False}
    made = kind.from_pretrained(model.folder, use_safetensors=True, **parts)
    made.set_progress_bar_config(disable=True)
    return made.to(model.device)
