"""kohya sd-scripts over random weights in the shape of SD 1.5: 860 million, in 16 bits.

Its loader knows the original layout alone, and its U-Net has one size; so the model is made by its
own code, in its own Python.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from benchmarks.real.trainer import Made, cannot_run, cut_newest_state

_MODEL = """
import sys, torch
sys.path.insert(0, sys.argv[1])
from diffusers import AutoencoderKL
from transformers import CLIPTextConfig, CLIPTextModel
from library import model_util
from library.original_unet import UNet2DConditionModel
torch.manual_seed(1)
torch.set_default_dtype(torch.float32)
unet = UNet2DConditionModel(**model_util.create_unet_diffusers_config(False)).half()
vae = AutoencoderKL(**model_util.create_vae_diffusers_config()).half()
text = CLIPTextModel(CLIPTextConfig(
    vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
    num_attention_heads=12, max_position_embeddings=77, hidden_act="quick_gelu",
    layer_norm_eps=1e-05, projection_dim=768, pad_token_id=1, bos_token_id=0, eos_token_id=2,
)).half()
model_util.save_stable_diffusion_checkpoint(
    False, sys.argv[2], text, unet, None, 0, 0, None, torch.float16, vae)
"""


class Kohya:
    """sd-scripts, LoRA over SD 1.5 at 64 pixels."""

    name = "kohya"
    family = "sd15"
    pictures = 6
    steps = 8
    every = 2

    def missing(self, home: Path, python: Path) -> str:
        """As :meth:`benchmarks.real.trainer.Real.missing`."""
        if not (home / "train_network.py").is_file():
            return f"{home} is no checkout of kohya's sd-scripts: it has no train_network.py."
        code = "import torch, diffusers, accelerate, transformers, voluptuous, toml"
        return cannot_run(python, code)

    def make(self, folder: Path, home: Path, python: Path) -> Made:
        """As :meth:`benchmarks.real.trainer.Real.make`."""
        model = folder / "random-sd15.safetensors"
        hub = folder / "hub"
        if not model.is_file():
            part = folder / "part.safetensors"
            environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
            subprocess.run(
                [python, "-c", _MODEL, str(home), str(part)], env=environment, check=True
            )
            tokenizer(hub / "models--openai--clip-vit-large-patch14")
            part.rename(model)
        return Made(
            {
                "model": str(model),
                "epochs": str(self.steps // self.every),
                "save_every_epochs": "1",
                "batch": "3",
                "resolution": "64",
                "rank": "4",
                "optimizer": "adamw",
                "learning_rate": "0.0001",
                "precision": "fp32",
                "save_precision": "fp16",
                "repeats": "1",
                "gradient_checkpointing": "false",
                "cache_latents": "disk",
            },
            {"HF_HUB_CACHE": str(hub), "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"},
            weights=model,
        )

    def break_newest(self, output: Path) -> str:
        """Cut its optimizer off in the middle, as a full disk or a power cut does."""
        return cut_newest_state(output)


def tokenizer(repository: Path) -> None:
    """A tokenizer of CLIP's kind in the layout of the cache: every byte is a word, none longer."""
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    signs = letters()
    words = [*signs, *(f"{one}</w>" for one in signs), "<|startoftext|>", "<|endoftext|>"]
    (snapshot / "vocab.json").write_text(json.dumps({w: n for n, w in enumerate(words)}))
    (snapshot / "merges.txt").write_text("#version: 0.2\n")
    start, end = "<|startoftext|>", "<|endoftext|>"
    about = {
        "model_max_length": 77,
        "tokenizer_class": "CLIPTokenizer",
        "bos_token": start,
        "eos_token": end,
        "unk_token": end,
        "pad_token": end,
        "do_lower_case": True,
    }
    (snapshot / "tokenizer_config.json").write_text(json.dumps(about))
    tokens = {"bos_token": start, "eos_token": end, "unk_token": end, "pad_token": end}
    (snapshot / "special_tokens_map.json").write_text(json.dumps(tokens))
    (snapshot / "config.json").write_text(json.dumps({"model_type": "clip"}))


def letters() -> list[str]:
    """The 256 characters that stand for bytes in CLIP's vocabulary."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [256 + number for number in range(256 - len(plain))]
    return [chr(one) for one in (*plain, *others)]
