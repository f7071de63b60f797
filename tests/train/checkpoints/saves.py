"""What each trainer leaves in its output folder, with real bytes: small and whole."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from ategnatos.trainers import Checkpoint


def tensors(seed: int = 0, fill: float | None = None, kind: type = np.float16) -> bytes:
    """A LoRA of two layers as a safetensors file; ``fill`` puts that number into one tensor."""
    draw = np.random.default_rng(seed)
    made = {}
    for layer in ("lora_unet_down_0", "lora_unet_up_0"):
        made[f"{layer}.lora_down.weight"] = draw.normal(0, 0.1, (4, 16)).astype(kind)
        made[f"{layer}.lora_up.weight"] = draw.normal(0, 0.1, (16, 4)).astype(kind)
        made[f"{layer}.alpha"] = np.array(4, kind)
    if fill is not None:
        made["lora_unet_up_0.lora_up.weight"][3, 2] = fill
    return save(made, {"ss_steps": "8", "format": "pt"})


def numbers(seed: int) -> bytes:
    """What an optimizer remembers."""
    return np.random.default_rng(seed).bytes(2048)


def torch_file(seed: int = 0) -> bytes:
    """A file as torch.save writes it: a zip whose parts are stored, not packed."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_STORED) as archive:
        # A pickle that would run a program if anybody loaded it.
        archive.writestr(
            "archive/data.pkl", b"\x80\x02cos\nsystem\nq\x00X\x04\x00\x00\x00exitq\x01\x85R."
        )
        archive.writestr("archive/data/0", numbers(seed))
        archive.writestr("archive/version", b"3\n")
    return raw.getvalue()


def kohya(output: Path, name: str = "owl", epoch: int | None = 1, seed: int = 0) -> Checkpoint:
    """``owl-000001.safetensors`` and ``owl-000001-state/``; None is the end of the training."""
    stem = name if epoch is None else f"{name}-{epoch:06d}"
    output.mkdir(parents=True, exist_ok=True)
    weights, state = output / f"{stem}.safetensors", output / f"{stem}-state"
    weights.write_bytes(tensors(seed))
    state.mkdir(exist_ok=True)
    (state / "train_state.json").write_text(json.dumps({"current_epoch": epoch}))
    (state / "model.safetensors").write_bytes(tensors(seed))
    for file in ("optimizer.bin", "scheduler.bin", "random_states_0.pkl"):
        (state / file).write_bytes(torch_file(seed))
    return Checkpoint(weights, state, None, epoch, final=epoch is None)


def simpletuner(output: Path, step: int = 4, seed: int = 0) -> Checkpoint:
    """``checkpoint-4/`` with all that SimpleTuner 4.8 writes; the guard last."""
    folder = output / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    (folder / "pytorch_lora_weights.safetensors").write_bytes(tensors(seed))
    for file in ("optimizer.bin", "scheduler.bin", "random_states_0.pkl"):
        (folder / file).write_bytes(torch_file(seed))
    (folder / "training_state.json").write_text(json.dumps({"global_step": step}))
    files = sorted(one.name for one in folder.iterdir())
    said = {"version": 1, "checkpoint": folder.name, "files": files, "metadata": {}}
    (folder / "checkpoint_manifest.json").write_text(json.dumps(said))
    (folder / ".guard").write_text("complete\n")
    return Checkpoint(folder / "pytorch_lora_weights.safetensors", folder, step, None)


def ai_toolkit(output: Path, name: str = "owl", step: int = 4, seed: int = 0) -> Checkpoint:
    """``owl_000000004.safetensors`` and the one ``optimizer.pt``."""
    output.mkdir(parents=True, exist_ok=True)
    weights = output / f"{name}_{step:09d}.safetensors"
    weights.write_bytes(tensors(seed))
    (output / "optimizer.pt").write_bytes(torch_file(step))
    return Checkpoint(weights, output / "optimizer.pt", step, None)


def starter(output: Path, name: str = "owl", step: int = 12, seed: int = 0) -> Checkpoint:
    """``owl-000012.safetensors`` and ``state-000012.safetensors``."""
    output.mkdir(parents=True, exist_ok=True)
    weights, state = (
        output / f"{name}-{step:06d}.safetensors",
        output / f"state-{step:06d}.safetensors",
    )
    weights.write_bytes(tensors(seed))
    state.write_bytes(tensors(seed + 1, kind=np.float32))
    return Checkpoint(weights, state, step, None)
