"""A plan for the torch trainer: nothing of it is left out without a word. No torch is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.trainers import TRAINER_CANNOT
from ategnatos.trainers.accelerate import Accelerate, order
from ategnatos.trainers.plan import Plan
from ategnatos.trainers.starter.order import OrderError
from tests.trainers.accelerate_runs import order_in, sized
from tests.trainers.starter_runs import owls, small_plan
from tests.trainers.test_starter_translation import LAID_OUT, OTHERS, TOGETHER

TRAINER = Accelerate()
OTHER = {**OTHERS, "resolution": 128, "precision": "fp16", "cache_latents": "none"}


def plan(**values: Any) -> Plan:
    return small_plan(**{"family": "sd15/base", "model": "/m", "precision": "bf16", **values})


def said(one: Plan, folder: Path) -> tuple[Any, ...]:
    dataset = sized(owls(folder / "data", one), (64, 64))
    made = TRAINER.translate(one, dataset, folder)
    asked = json.loads(made.files["accelerate.json"])
    for key in ("ss_session_id", "ss_training_comment"):
        del asked["metadata"][key]
    return asked, made.losses


@pytest.mark.parametrize("field", sorted(set(Plan.model_fields) - LAID_OUT - {"family"}))
def test_every_value_is_in_the_order_or_in_the_loss_report(field: str, tmp_path: Path) -> None:
    base = plan(**TOGETHER.get(field, {}) if field not in ("epochs", "save_every_epochs") else {})
    other = base.model_copy(update={field: OTHER[field], **TOGETHER.get(field, {})})
    if field == "cache_text":
        return  # what the text encoder says of a caption is kept anyway
    assert getattr(other, field) != getattr(base, field)
    assert said(other, tmp_path) != said(base, tmp_path), f"{field} is lost without a word"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"family": "flux1/dev"}, "it does not know flux1"),
        ({"family": "sdxl/turbo"}, "not turbo"),
        ({"network": "lokr"}, "not lokr"),
        ({"model": "/models/base.safetensors"}, "a single file"),
        ({"family": "pony/base", "model": ""}, "names no model"),
    ],
)
def test_what_it_cannot_train_is_refused(tmp_path: Path, values: dict[str, Any], why: str) -> None:
    with pytest.raises(StudioError, match=why) as refused:
        said(plan(**values), tmp_path)
    assert refused.value.code == TRAINER_CANNOT


def test_an_order_that_cannot_be_carried_out_says_why(tmp_path: Path) -> None:
    one = plan()
    dataset = sized(owls(tmp_path / "data", one), (64, 64), (96, 64))
    path = order_in(tmp_path, TRAINER.translate(one, dataset, tmp_path).files)
    assert [shown.bucket for shown in order.read(path).train] == [
        (96, 64), (64, 64), (96, 64), (64, 64),
    ]  # fmt: skip
    asked = json.loads(path.read_text())
    asked["buckets"].popitem()
    path.write_text(json.dumps(asked))
    with pytest.raises(OrderError, match="has no size in the order"):
        order.read(path)
    for text in ("{", "[]", '{"version": 99}', "{}"):
        path.write_text(text)
        with pytest.raises(OrderError):
            order.read(path)


def test_a_step_is_so_many_batches_of_one_size_each(tmp_path: Path) -> None:
    one = plan(batch=2, accumulation=2)
    dataset = sized(owls(tmp_path / "data", one, count=8), (64, 64), (96, 64))
    shown = order.read(order_in(tmp_path, TRAINER.translate(one, dataset, tmp_path).files)).train
    epochs = order.Epochs(shown, 2, 2, one.seed)
    # 17 pictures are shown, 9 and 8 of a size: five batches and four, and so five steps.
    assert (epochs.batches_an_epoch, epochs.steps_an_epoch) == (9, 5)
    for epoch in range(3):
        steps = [epochs.at(5 * epoch + n) for n in range(5)]
        batches = [batch for step in steps for batch in step]
        assert [len(step) for step in steps] == [2, 2, 2, 2, 1]
        assert all(len({shown[n].bucket for n in batch}) == 1 for batch in batches)
        counts = [sum(batch.count(n) for batch in batches) for n in range(len(shown))]
        assert counts == [each.repeats for each in shown]
    assert epochs.at(0) == order.Epochs(shown, 2, 2, one.seed).at(0) != epochs.at(5)
