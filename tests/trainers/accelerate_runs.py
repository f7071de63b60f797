"""What the tests of the torch trainer share: its plans, datasets, and tiny models of real kind."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from ategnatos.starter.description import SHIPPED
from ategnatos.trainers import Dataset
from ategnatos.trainers.plan import Plan
from tests.trainers.starter_runs import owls

NEEDED = "the torch trainer needs torch, accelerate, diffusers, transformers and peft"
MODULES = ("torch", "accelerate", "diffusers", "transformers", "peft")


def sized(dataset: Dataset, *sizes: tuple[int, int]) -> Dataset:
    """The dataset as the layout ``accelerate`` has it, its pictures in these buckets in turn."""
    root = Path(dataset.root)
    files = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    buckets = {name: list(sizes[n % len(sizes)]) for n, name in enumerate(files)}
    return replace(dataset, layout="accelerate", config={"buckets": buckets})


def small_owls(root: Path, plan: Plan) -> Dataset:
    """Some owls for the starter model."""
    return sized(owls(root, plan), (32, 32))


def tiny_model(folder: Path, *, second: bool) -> Path:
    """A model of a few thousand random numbers in the layout of SD 1.5, or of SDXL."""
    import torch
    from diffusers import (
        AutoencoderKL,
        DDPMScheduler,
        StableDiffusionPipeline,
        StableDiffusionXLPipeline,
        UNet2DConditionModel,
    )
    from transformers import (
        CLIPTextConfig,
        CLIPTextModel,
        CLIPTextModelWithProjection,
        CLIPTokenizer,
    )

    torch.manual_seed(1)
    tokenizer = CLIPTokenizer.from_pretrained(SHIPPED, subfolder="tokenizer")
    text = CLIPTextConfig(
        vocab_size=962, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=32, projection_dim=16,
        bos_token_id=960, eos_token_id=961, pad_token_id=961,
    )  # fmt: skip
    kind: dict[str, Any] = {"cross_attention_dim": 16}
    if second:
        kind = {
            "cross_attention_dim": 32, "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 6 * 8 + 16,
            "use_linear_projection": True,
        }  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1,
        block_out_channels=(16, 32), norm_num_groups=8, attention_head_dim=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **kind,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8), norm_num_groups=4, latent_channels=4,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    parts: dict[str, Any] = {
        "unet": unet, "vae": vae, "tokenizer": tokenizer, "text_encoder": CLIPTextModel(text),
        "scheduler": DDPMScheduler(
            beta_schedule="scaled_linear", steps_offset=1, clip_sample=False
        ),
    }  # fmt: skip
    if second:
        made: Any = StableDiffusionXLPipeline(
            **parts, text_encoder_2=CLIPTextModelWithProjection(text), tokenizer_2=tokenizer
        )
    else:
        made = StableDiffusionPipeline(
            **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )
    shutil.rmtree(folder, ignore_errors=True)
    made.save_pretrained(folder)
    return folder


def order_in(folder: Path, files: Any) -> Path:
    """The order file of a translation, written."""
    folder.mkdir(parents=True, exist_ok=True)
    (name, raw), *_ = files.items()
    json.loads(raw)
    (folder / name).write_bytes(raw)
    return folder / name
