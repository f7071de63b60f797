"""A plan for the starter trainer: nothing of it is left out without a word."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.starter.training.recipe import Recipe
from ategnatos.trainers import TRAINER_CANNOT, Checkpoint, Trainer, Translation, load_trainer
from ategnatos.trainers.plan import Plan, Sample
from ategnatos.trainers.starter import StarterTrainer
from ategnatos.trainers.starter.order import OrderError, read

from .starter_runs import owls, small_plan

TRAINER = StarterTrainer()
# Another value for every field of a plan that says something to a trainer.
OTHERS: dict[str, Any] = {
    "name": "other", "family": "starter/other", "model": "/models/mine", "vae": "a.safetensors",
    "parts": {"clip_l": "a.safetensors"}, "trigger": "zrvk", "regularisation_weight": 0.5,
    "network": "lora", "rank": 5, "alpha": 7.0, "conv_rank": 0, "conv_alpha": 3.0,
    "network_dropout": 0.1, "text_encoder": True, "text_encoder_rate": 1e-4,
    "optimizer": "prodigy", "learning_rate": 1e-4, "weight_decay": 0.2, "schedule": "linear",
    "warmup": 0.2, "cycles": 3, "max_grad_norm": 0.5, "epochs": 3, "steps": 9, "batch": 2,
    "accumulation": 2, "resolution": 128, "buckets": False, "precision": "bf16",
    "quantisation": "nf4", "text_encoder_quantisation": "int8", "block_swap": 1,
    "gradient_checkpointing": False, "cache_latents": "disk", "cache_text": True, "ema": False,
    "ema_decay": 0.9, "noise_offset": 0.1, "min_snr_gamma": 5.0, "timesteps": "shift",
    "timestep_shift": 3.0, "caption_dropout": 0.1, "shuffle_captions": False, "flip": False,
    "samples": (Sample(prompt="an owl"),), "sample_every_steps": 2, "save_every_steps": 4,
    "keep": 2, "save_precision": "bf16", "seed": 7, "validation": True,
}  # fmt: skip
# What the dataset says and not the plan, and what only counts together with another value.
LAID_OUT = {
    "preset", "model_sha256", "training", "dataset", "dataset_version", "dataset_digest",
    "regularisation", "regularisation_version", "regularisation_digest", "repeats", "target_steps",
    "upscale", "ground",
}  # fmt: skip
TOGETHER: dict[str, dict[str, Any]] = {
    "epochs": {"steps": 0},
    "block_swap": {"gradient_checkpointing": True},
    "cache_text": {"shuffle_captions": False, "caption_dropout": 0.0},
    "sample_every_epochs": {"samples": (Sample(prompt="an owl"),)},
    "save_every_epochs": {"save_every_steps": 0},
    "validation_every_epochs": {"validation": True},
}
OTHERS |= {"sample_every_epochs": 2, "save_every_epochs": 2, "validation_every_epochs": 2}


def said(plan: Plan, folder: Path) -> tuple[Any, ...]:
    made = TRAINER.translate(plan, owls(folder / "data", plan), folder)
    order = json.loads(made.files["starter.json"])
    # These name the plan as a whole, and so change with anything in it.
    for key in ("ss_session_id", "ss_training_comment"):
        del order["metadata"][key]
    return order, made.losses


@pytest.mark.parametrize("field", sorted(set(Plan.model_fields) - LAID_OUT))
def test_every_value_is_in_the_order_or_in_the_loss_report(field: str, tmp_path: Path) -> None:
    base = small_plan(
        **TOGETHER.get(field, {}) if field not in ("epochs", "save_every_epochs") else {}
    )
    values = {field: OTHERS[field], **TOGETHER.get(field, {})}
    if field == "family":
        return  # a variant has the same weights: there is one starter model
    other = base.model_copy(update=values)
    assert getattr(other, field) != getattr(base, field)
    assert said(other, tmp_path) != said(base, tmp_path), f"{field} is lost without a word"


def test_the_order_holds_every_setting_of_the_recipe(tmp_path: Path) -> None:
    order, _ = said(small_plan(), tmp_path)
    assert set(order["recipe"]) == {one.name for one in dataclasses.fields(Recipe)}


def test_it_is_found_and_fulfils_the_protocol() -> None:
    found = load_trainer("starter")
    assert isinstance(found, StarterTrainer)
    assert isinstance(found, Trainer)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"family": "sdxl/base"}, "the starter model alone"),
        ({"network": "loha"}, "not loha"),
        ({"dataset_digest": "other"}, "another version"),
    ],
)
def test_what_it_cannot_train_is_refused(tmp_path: Path, values: dict[str, Any], why: str) -> None:
    dataset = owls(tmp_path, small_plan())
    with pytest.raises(StudioError, match=why) as refused:
        TRAINER.translate(small_plan(**values), dataset, tmp_path)
    assert refused.value.code == TRAINER_CANNOT


def test_nothing_is_resumed_from_a_lora_alone(tmp_path: Path) -> None:
    plan = small_plan()
    point = Checkpoint(tmp_path / "owl-000003.safetensors", None, 3, None)
    with pytest.raises(StudioError, match="without the optimizer") as refused:
        TRAINER.resume(plan, owls(tmp_path, plan), tmp_path, point)
    assert refused.value.code == TRAINER_CANNOT


def placed(translation: Translation, folder: Path) -> Path:
    (name, raw), *_ = translation.files.items()
    (folder / name).write_bytes(raw)
    return folder / name


def test_an_order_that_cannot_be_carried_out_says_why(tmp_path: Path) -> None:
    plan = small_plan()
    dataset = owls(tmp_path / "data", plan)
    path = placed(TRAINER.translate(plan, dataset, tmp_path), tmp_path)
    assert [one.prior for one in read(path).train] == [False, False, False, True]
    (dataset.root / "train/owl/01.png").write_bytes(b"no picture")
    with pytest.raises(OrderError, match=r"01\.png cannot be read"):
        read(path)
    for picture in (dataset.root / "train/owl").glob("*.png"):
        picture.unlink()
    with pytest.raises(OrderError, match="no picture to train on"):
        read(path)
    (dataset.root / "train/owl").rename(dataset.root / "gone")
    with pytest.raises(OrderError, match="is not there"):
        read(path)
    for text in ("{", "[]", '{"version": 99}', "{}"):
        path.write_text(text)
        with pytest.raises(OrderError):
            read(path)
    with pytest.raises(OrderError):
        read(tmp_path / "none.json")


def test_it_is_detected_where_python_has_the_package() -> None:
    def ask(command: Sequence[str]) -> tuple[int, str]:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    found = TRAINER.detect(ask)
    assert found.ok
    assert found.version == TRAINER.versions().tested[0]
    nothing = TRAINER.detect(lambda command: (127, "not found"))
    assert (nothing.ok, nothing.missing) == (False, ("ategnatos",))
    assert nothing.hint
