"""The embedded engine keeps the contract, and what is its own."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from ategnatos.engines import Engine, LoraUse, Request, load_engine
from ategnatos.engines.starter import StarterEngine
from ategnatos.grimoire.errors import StudioError
from ategnatos.starter import description as starter_description
from ategnatos.starter import model as starter_model

from .contract import EngineContract, decoded, encoded

SMALL = Request("a red potion", seed=7, steps=2, width=64, height=64)


class TestStarterEngineContract(EngineContract):
    free = True
    cannot = (
        {"cfg": 0.5},
        {"seed": -1},
        {"loras": (LoraUse("gone", "/nowhere/gone.safetensors"),)},
        {"width": 100, "height": 100, "init_image": encoded("RGB", (64, 64), "red")},
        {"init_image": encoded("RGB", (64, 64), "red"), "strength": 0.01},
    )

    @pytest.fixture
    def engine(self) -> Engine:
        return StarterEngine()

    @pytest.fixture
    def request_of(self) -> Request:
        return SMALL


def test_it_is_found_by_its_name() -> None:
    assert isinstance(load_engine("starter"), StarterEngine)


def test_building_it_and_asking_what_it_can_do_loads_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbidden(folder: Path | None = None) -> None:
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(starter_model, "load_model", forbidden)
    engine = StarterEngine()
    assert engine.label
    assert engine.estimate(SMALL).amount_usd == 0


def test_without_its_model_it_says_so_and_refuses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(starter_description, "SHIPPED", tmp_path / "gone")
    health = StarterEngine().health()
    assert not health.ok
    assert "pip install" in health.hint
    with pytest.raises(StudioError) as refused:
        StarterEngine().plan(SMALL)
    assert refused.value.code.code == "engine_unavailable"


def test_the_plan_names_the_very_model() -> None:
    planned, _ = StarterEngine().plan(SMALL)
    digest = starter_model.load_model().sha256
    assert planned.model == f"starter@{digest[:8]}"
    image = StarterEngine().generate(planned).images[0]
    assert image.settings["model_sha256"] == digest


def test_the_plan_names_the_very_file_of_a_lora(tmp_path: Path) -> None:
    path = write_small_lora(tmp_path / "owl.safetensors")
    use = LoraUse("owl", str(path), weight=0.8, trigger="ategnatos owl")
    planned, warnings = StarterEngine().plan(replace(SMALL, prompt="ategnatos owl", loras=(use,)))
    assert planned.prompt == "ategnatos owl"
    assert not warnings
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert planned.loras[0].sha256 == digest
    image = StarterEngine().generate(planned).images[0]
    assert image.settings["loras"] == [{"name": "owl", "sha256": digest, "weight": 0.8}]
    write_small_lora(path, seed=2)
    with pytest.raises(StudioError, match="another file"):
        StarterEngine().generate(planned)


def write_small_lora(path: Path, seed: int = 1) -> Path:
    """A kohya LoRA of one layer, with random numbers."""
    from safetensors.numpy import save_file

    random = np.random.default_rng(seed)
    name = "lora_unet_mid_block_resnets_0_conv1"
    tensors = {
        f"{name}.lora_down.weight": random.standard_normal((2, 128, 3, 3)).astype(np.float32),
        f"{name}.lora_up.weight": random.standard_normal((128, 2, 1, 1)).astype(np.float32),
    }
    save_file(tensors, path)
    return path


def test_an_init_image_may_be_any_picture_file() -> None:
    photo = io.BytesIO()
    PillowImage.effect_noise((64, 96), 80).convert("RGB").save(photo, "JPEG")
    request = replace(SMALL, width=None, height=None, init_image=photo.getvalue())
    result = StarterEngine().generate(request)
    assert decoded(result.images[0]).size == (64, 96)
    assert any("square in the middle" in warning for warning in result.warnings)


def test_a_transparent_mask_marks_nothing() -> None:
    picture = encoded("RGB", (64, 64), "red")
    request = replace(SMALL, init_image=picture, mask=encoded("RGBA", (64, 64), (255, 255, 255, 0)))
    with pytest.raises(StudioError, match="marks nothing"):
        StarterEngine().plan(request)
