"""How strong a save is, and what of it learned nothing."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from ategnatos.train.checkpoints import health, ledger
from tests.train.checkpoints import saves
from tests.train.checkpoints.runs import LATER


def lora(path: Path, ups: dict[str, float], alpha: float = 4.0) -> Path:
    made: dict[str, np.ndarray] = {}
    for name, value in ups.items():
        made[f"{name}.lora_down.weight"] = np.eye(4, 16, dtype=np.float32)
        made[f"{name}.lora_up.weight"] = np.eye(16, 4, dtype=np.float32) * np.float32(value)
        made[f"{name}.alpha"] = np.array(alpha, np.float32)
    path.write_bytes(save(made))
    return path


def test_the_strength_is_the_norm_of_all_that_is_added(tmp_path: Path) -> None:
    found = health.look(lora(tmp_path / "x.safetensors", {"lora_unet_a": 3.0, "lora_unet_b": 4.0}))
    assert found["strength"] == pytest.approx(math.sqrt(4 * 9 + 4 * 16))
    assert (found["layers"], found["dead"], found["says"]) == (2, 0, [])
    assert found["strongest"] == "lora_unet_b"
    half = health.look(
        lora(tmp_path / "y.safetensors", {"lora_unet_a": 3.0, "lora_unet_b": 4.0}, alpha=2.0)
    )
    assert half["strength"] == pytest.approx(found["strength"] / 2)


def test_layers_that_learned_nothing_and_jumps_are_said(tmp_path: Path) -> None:
    nothing = health.look(lora(tmp_path / "a.safetensors", {"lora_unet_a": 0.0}))
    assert "changes nothing" in nothing["says"][0]
    some = health.look(lora(tmp_path / "b.safetensors", {"lora_unet_a": 0.0, "lora_unet_b": 0.1}))
    assert some["dead_names"] == ["lora_unet_a"]
    assert "1 of 2 layers" in some["says"][0]
    many = {f"lora_unet_{number}": 0.1 for number in range(12)}
    usual = health.look(lora(tmp_path / "c.safetensors", many))
    grown = health.look(lora(tmp_path / "d.safetensors", dict.fromkeys(many, 0.9)), usual)
    assert "9 times as strong" in grown["says"][0]
    burnt = health.look(lora(tmp_path / "e.safetensors", {**many, "lora_unet_3": 5.0}))
    assert burnt["says"][-1].startswith("More than half")


def test_numbers_beyond_measure_are_said_and_do_no_harm(tmp_path: Path) -> None:
    found = health.look(lora(tmp_path / "x.safetensors", {"lora_unet_a": 1e38}))
    assert found["strength"] is None
    assert "beyond all measure" in found["says"][0]


def test_what_is_no_pair_of_matrices_has_no_figures(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(save({"lora_unet_a.lokr_w1": np.ones((2, 2), np.float32)}))
    assert health.look(path) == {}
    path.write_bytes(save({"model.weight": np.ones((2, 2), np.float32)}))
    assert health.look(path) == {}
    path.write_bytes(b"none")
    assert health.look(path) == {}


def test_the_ledger_knows_them_of_each_whole_save(tmp_path: Path) -> None:
    for step in (1, 2):
        made = ledger.record(tmp_path, saves.starter(tmp_path / "output", step=step), now=LATER)
        assert made is not None
        assert made.health["layers"] == 2
        assert made.health["strength"] > 0
        assert made.health["says"] == []
    assert ledger.read(tmp_path).entries[1].health == made.health
