"""Batch sampling in torch with the scheduler that the shipped model names."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from transformers import CLIPTextModel, CLIPTokenizer

from .data import to_rgba
from .network import SIDE, make_scheduler, make_unet
from .text import encode

CHUNK = 50  # prompts at once


@dataclass
class Model:
    """What sampling needs, in float32."""

    unet: UNet2DConditionModel
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    scheduler: DPMSolverMultistepScheduler

    @torch.no_grad()
    def sample(
        self, prompts: Sequence[str], steps: int = 12, guidance: float = 2.0, seed: int = 0
    ) -> np.ndarray:
        """Return one RGBA picture (32, 32, 4) uint8 for each of `prompts`, stacked."""
        generator = torch.Generator().manual_seed(seed)
        pictures = [
            self.sample_chunk(prompts[start : start + CHUNK], steps, guidance, generator)
            for start in range(0, len(prompts), CHUNK)
        ]
        return to_rgba(np.concatenate(pictures))

    def sample_chunk(
        self, prompts: Sequence[str], steps: int, guidance: float, generator: torch.Generator
    ) -> np.ndarray:
        """Return model pixels (prompts, 4, 32, 32) float32."""
        tokens = encode(self.tokenizer, [*([""] * len(prompts)), *prompts])
        text = self.text_encoder(tokens).last_hidden_state
        scheduler = copy.deepcopy(self.scheduler)
        scheduler.set_timesteps(steps)
        pixels = torch.randn(len(prompts), 4, SIDE, SIDE, generator=generator)
        for time in scheduler.timesteps:
            both = self.unet(torch.cat([pixels, pixels]), time, text).sample
            without, with_prompt = both.chunk(2)
            guided = without + guidance * (with_prompt - without)
            pixels = scheduler.step(guided, time, pixels).prev_sample
        return pixels.numpy()


def load_exported(folder: Path) -> Model:
    """Load an exported model; its fp16 weights are computed with in float32."""
    unet = UNet2DConditionModel.from_pretrained(folder / "unet").float().eval()
    unet.set_attn_processor(AttnProcessor())
    return Model(
        unet=unet,
        text_encoder=CLIPTextModel.from_pretrained(folder / "text_encoder").float().eval(),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "tokenizer"),
        scheduler=DPMSolverMultistepScheduler.from_pretrained(folder / "scheduler"),
    )


def load_run(run: Path) -> Model:
    """Load the averaged weights of a training that may still be going on."""
    unet = make_unet().eval()
    unet.load_state_dict(torch.load(run / "average.pt", weights_only=True)["average"])
    return Model(
        unet=unet,
        text_encoder=CLIPTextModel.from_pretrained(run / "text_encoder").eval(),
        tokenizer=CLIPTokenizer.from_pretrained(run / "tokenizer"),
        scheduler=make_scheduler(),
    )
