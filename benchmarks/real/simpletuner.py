"""SimpleTuner over a tiny SDXL of random weights in diffusers' layout, tokenizers and all.

The U-Net has the parts of SDXL (two text encoders, sizes as conditions) and a thousandth of its
width, so a step on a processor takes a second and the whole walk some minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from benchmarks.real import faults, kohya, processes
from benchmarks.real.held import Held, hold
from benchmarks.real.studio import Studio
from benchmarks.real.trainer import Made, cannot_run, cut

_NEEDS = "torch, diffusers, accelerate, transformers, peft, trainingsample, skrample, simpletuner"
_MODEL = """
import sys, torch
from diffusers import (
    AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer
folder, words = sys.argv[1], sys.argv[2]
torch.manual_seed(1)
unet = UNet2DConditionModel(
    block_out_channels=(32, 64), layers_per_block=2, sample_size=8, in_channels=4, out_channels=4,
    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), attention_head_dim=(2, 4),
    use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=8,
    transformer_layers_per_block=(1, 2), projection_class_embeddings_input_dim=80,
    cross_attention_dim=64)
vae = AutoencoderKL(
    block_out_channels=[16, 16, 32, 32], in_channels=3, out_channels=3, latent_channels=4,
    down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
    norm_num_groups=8, sample_size=64, scaling_factor=0.13025)
about = CLIPTextConfig(
    vocab_size=514, hidden_size=32, intermediate_size=37, num_hidden_layers=3,
    num_attention_heads=4, max_position_embeddings=77, hidden_act="gelu", projection_dim=32,
    bos_token_id=512, eos_token_id=513, pad_token_id=513)
tokenizers = [CLIPTokenizer.from_pretrained(words) for _ in range(2)]
StableDiffusionXLPipeline(
    vae=vae, text_encoder=CLIPTextModel(about), text_encoder_2=CLIPTextModelWithProjection(about),
    tokenizer=tokenizers[0], tokenizer_2=tokenizers[1], unet=unet,
    scheduler=EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1,
        timestep_spacing="leading")).save_pretrained(folder)
"""

# It pins every batch in memory for the GPU, asks nothing before, and fails where there is none.
_UNPINNED = """
import importlib.abc, importlib.machinery, sys


class Loader(importlib.abc.Loader):
    def __init__(self, real): self.real = real
    def __getattr__(self, name): return getattr(self.real, name)
    def create_module(self, spec): return self.real.create_module(spec)
    def exec_module(self, module):
        self.real.exec_module(module)
        if not module.cuda.is_available():
            module.Tensor.pin_memory = lambda self, *device: self


class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "torch":
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None:
            spec.loader = Loader(spec.loader)
        return spec


sys.meta_path.insert(0, Finder())
"""


class SimpleTuner:
    """SimpleTuner, LoRA over the tiny SDXL at 64 pixels."""

    name = "simpletuner"
    family = "sdxl"
    pictures = 16
    steps = 16
    every = 4

    def missing(self, home: Path, python: Path) -> str:
        """As :meth:`benchmarks.real.trainer.Real.missing`."""
        if not (home / "simpletuner" / "train.py").is_file():
            return f"{home} is no checkout of SimpleTuner: it has no simpletuner/train.py."
        return cannot_run(python, f"import {_NEEDS}")

    def make(self, folder: Path, home: Path, python: Path) -> Made:
        """As :meth:`benchmarks.real.trainer.Real.make`."""
        model = folder / "tiny-sdxl"
        if not (model / "model_index.json").is_file():
            words = folder / "words"
            if not words.is_dir():
                kohya.tokenizer(words)
            environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
            command = [
                python,
                "-c",
                _MODEL,
                str(folder / "part"),
                str(words / "snapshots" / ("0" * 40)),
            ]
            subprocess.run(command, env=environment, check=True, capture_output=True)
            (folder / "part").rename(model)
        unpinned = folder / "unpinned"
        unpinned.mkdir(exist_ok=True)
        (unpinned / "sitecustomize.py").write_text(_UNPINNED)
        return Made(
            {
                "model": str(model),
                "epochs": str(self.steps // self.every),
                "save_every_epochs": "1",
                "batch": "4",
                "resolution": "64",
                "rank": "4",
                "optimizer": "adamw",
                "learning_rate": "0.0001",
                "precision": "fp32",
                "save_precision": "fp32",
                "repeats": "1",
                "samples": '[{"prompt": "an owl", "width": 64, "height": 64, "steps": 2}]',
                "sample_every_epochs": "2",
            },
            {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONPATH": str(unpinned)},
            weights=model / "unet" / "diffusion_pytorch_model.safetensors",
        )

    def break_newest(self, output: Path) -> str:
        """Cut its optimizer off in the middle, as a full disk or a power cut does."""
        newest = _newest(output)
        cut(newest / "optimizer.bin")
        return newest.name

    def own_faults(self, studio: Studio, folder: Path, held: Held) -> None:
        """A save whose manifest is missing, what is done already, captions that are missing."""
        name = folder.name
        with held.step("a save without its manifest is passed over", goes_on=True):
            studio.wait(name, lambda one: one["checkpoints"]["whole"] >= 2, "two saves")
            processes.kill(folder)
            studio.wait(name, lambda one: one["state"] == "failed", "the end")
            newest = _newest(folder / "output")
            (newest / "checkpoint_manifest.json").unlink()
            told = studio.do("train", "resume", name, "--dry-run").data
            hold(told["from_step"] < int(newest.name[11:]), json.dumps(told))
            studio.do("train", "resume", name)
            done = studio.wait(name, lambda one: one["state"] == "finished", "its end")
            hold(done["step"] == self.steps, f"{done['step']} of {self.steps}")
            drawn = list((folder / "output").rglob("step_*.png"))
            hold(drawn, "it drew no sample")
            held.note(f"{newest.name} was left out; {len(drawn)} samples")
        with held.step("what is finished is not gone on with", goes_on=True):
            refused = studio.ask("train", "resume", name)
            hold(refused.code == 1, f"it ended with {refused.code}: {refused.text}")
            held.note(str(refused.error.get("message")))
        with held.step("a caption is missing: it stops, and the run says why", goes_on=True):
            other = faults.launched(studio, self)
            for caption in (other / "dataset").rglob("*.txt"):
                caption.unlink()
            ended = faults.ended(studio, other.name)
            hold(ended["state"] == "failed", f"the run {ended['says']}: {ended['why']}")
            held.note(ended["why"])


def _newest(output: Path) -> Path:
    return max(output.glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
