"""Writing the averaged weights as a diffusers folder in fp16."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

from .card import write_card
from .network import save_model
from .sampler import load_run
from .train import TRAINING_FILE

READABLE = 0o644  # safetensors files are born readable by their owner alone


def export(run: Path, folder: Path) -> None:
    """Write the averaged weights of `run` to `folder`, one file at a time, each whole."""
    model = load_run(run)
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    save_model(part, model.unet, model.text_encoder, run / "tokenizer")
    progress = torch.load(run / "average.pt", weights_only=True)["progress"]
    (part / TRAINING_FILE).write_text(json.dumps(progress, indent=2) + "\n", encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    for source in sorted(part.rglob("*")):
        if source.is_dir():
            continue
        target = folder / source.relative_to(part)
        target.parent.mkdir(parents=True, exist_ok=True)
        source.chmod(READABLE)
        total += source.stat().st_size
        source.replace(target)
    shutil.rmtree(part)
    write_card(run, folder)
    print(f"{folder}: {total / 1e6:.1f} MB")
