"""The torch trainer: it does on the starter model what the starter trainer does, and trains others.

Its process is started for real once; the other trainings run in this process, which has loaded
torch already.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ategnatos.starter.model import load_model
from ategnatos.starter.request import LoraWeight
from ategnatos.starter.tensors import TensorFile
from ategnatos.starter.training.course import Course as StarterCourse
from ategnatos.trainers import events, load_trainer
from ategnatos.trainers.accelerate import Accelerate, order
from ategnatos.trainers.plan import Plan, Sample
from ategnatos.trainers.starter import StarterTrainer
from ategnatos.trainers.starter.order import read as read_starter_order
from tests.trainers.accelerate_runs import (
    MODULES,
    NEEDED,
    order_in,
    sized,
    small_owls,
    tiny_model,
)
from tests.trainers.starter_runs import ended, owls, small_plan, start, until

pytestmark = pytest.mark.torch

TRAINER = Accelerate()
EVERYTHING = {
    "batch": 2, "text_encoder": True, "text_encoder_rate": 1e-3, "min_snr_gamma": 5.0,
    "timesteps": "sigmoid", "regularisation_weight": 0.5, "steps": 6, "weight_decay": 0.1,
}  # fmt: skip


@pytest.fixture(scope="module")
def torch() -> Iterator[Any]:
    for name in MODULES:
        pytest.importorskip(name, reason=NEEDED)
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield torch
    torch.set_num_threads(threads)


@pytest.fixture
def signals() -> Iterator[None]:
    """The program takes signals over; they are given back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def course_of(path: Path) -> Any:
    """The torch trainer's course of an order, on the processor."""
    from accelerate import Accelerator

    from ategnatos.trainers.accelerate.course import Course
    from ategnatos.trainers.accelerate.model import Model

    given = order.read(path)
    accelerator = Accelerator(cpu=True)
    import torch

    model = Model(given.pipeline, given.model, accelerator.device, torch.float32)
    return Course(model, given.recipe, given.train, accelerator)


def both(plan: Plan, folder: Path) -> tuple[StarterCourse, Any]:
    """The same plan as the two trainers carry it out."""
    dataset = owls(folder / "data", plan)
    ours = order_in(folder / "starter", StarterTrainer().translate(plan, dataset, folder).files)
    asked = read_starter_order(ours)
    theirs = TRAINER.translate(plan, sized(dataset, (32, 32)), folder)
    starter = StarterCourse(load_model(), asked.recipe, asked.train)
    return starter, course_of(order_in(folder / "torch", theirs.files))


def flat(starter: StarterCourse, values: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Down and up of each pair by name, of a flat array of the starter trainer's."""
    from ategnatos.starter.training.lora_file import kohya_name

    found = {}
    for target, adapter in starter.adapters.items():
        found[f"{kohya_name(target)}.down"], found[f"{kohya_name(target)}.up"] = adapter.pair(
            values
        )
    return found


def of_torch(course: Any, *, gradients: bool) -> dict[str, np.ndarray[Any, Any]]:
    found = {}
    for one in course.pairs:
        for part, tensor in (("down", one.down), ("up", one.up)):
            taken = tensor.grad if gradients else tensor.detach()
            found[f"{one.name}.{part}"] = taken.numpy()
    return found


def apart(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    """How far two sets of arrays lie apart, as a share of their length."""
    assert set(ours) == set(theirs)
    away = sum(float(((ours[name] - theirs[name]) ** 2).sum()) for name in ours)
    return float((away / sum(float((one**2).sum()) for one in ours.values())) ** 0.5)


def test_the_starter_model_is_trained_as_the_starter_trainer_does(
    torch: Any, tmp_path: Path
) -> None:
    starter, course = both(small_plan(**EVERYTHING), tmp_path)
    begun = flat(starter, starter.adapters.parameters), of_torch(course, gradients=False)
    assert apart(*begun) < 1e-6
    for step in range(2):
        loss, gradient = starter._gradient(starter.batch(step), text_encoder=True)
        assert course.backward(step) == pytest.approx(loss, rel=1e-4)
        # The first steps' gradients of "down" are 0 in both: "up" begins as nothing.
        assert apart(flat(starter, gradient), of_torch(course, gradients=True)) < 1e-4
        course.optimizer.zero_grad()
    for _ in range(6):
        assert course.advance() == pytest.approx(starter.advance(), rel=1e-4)
    trained = flat(starter, starter.weights()), dict.fromkeys(begun[1])
    values = course.weights()
    for n, one in enumerate(course.pairs):
        trained[1][f"{one.name}.down"] = values[2 * n].numpy()
        trained[1][f"{one.name}.up"] = values[2 * n + 1].numpy()
    assert apart(*trained) < 1e-3
    moved = {name: value - begun[0][name] for name, value in trained[0].items()}
    theirs = {name: value - begun[0][name] for name, value in trained[1].items()}
    assert apart(moved, theirs) < 1e-2


def test_killed_and_resumed_it_ends_as_if_nothing_had_happened(
    torch: Any, tmp_path: Path, signals: None, capfd: pytest.CaptureFixture[str]
) -> None:
    from ategnatos.trainers.accelerate.program import main

    plan = small_plan(samples=(Sample(prompt="a red owl", steps=2),), sample_every_steps=8)
    dataset = small_owls(tmp_path / "data", plan)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert main([str(order_in(whole, TRAINER.translate(plan, dataset, whole).files))]) == 0
    lines = capfd.readouterr().out.splitlines()
    process = start(TRAINER.translate(plan, dataset, killed), killed)
    until(process, lambda line: line.startswith("step 5/"))
    process.kill()
    ended(process)
    # It may have come further before the signal reached it; the first save is there for certain.
    point = next(one for one in TRAINER.checkpoints(killed / "output", "owl") if one.state)
    assert point.step == 3
    again = TRAINER.resume(plan, dataset, killed, point)
    assert main([str(order_in(killed, again.files))]) == 0
    assert "resumed at step 3" in capfd.readouterr().out
    states = [TensorFile(one / "output" / "state-000008.safetensors") for one in (whole, killed)]
    assert set(states[0]) == set(states[1])
    for name in states[0]:
        assert np.allclose(states[0][name], states[1][name], rtol=1e-5, atol=1e-8), name
    _read_without_loss(lines, states[0])
    _is_a_lora_of_the_starter_model(whole / "output" / "owl.safetensors")
    drawn = whole / "output" / "samples" / "owl-000008-1.png"
    assert drawn.is_file(), lines
    # What is there is never trained over, and another training's state is refused.
    assert main([str(whole / "accelerate.json")]) == 1
    assert "holds a training already" in capfd.readouterr().out
    other = TRAINER.resume(small_plan(seed=2), dataset, tmp_path / "other", point)
    assert main([str(order_in(tmp_path / "other", other.files))]) == 1
    assert "belongs to a training with other" in capfd.readouterr().out


def _read_without_loss(lines: list[str], state: TensorFile) -> None:
    parser = TRAINER.parser()
    found = [parser.parse(line) for line in lines]
    assert all(found), [line for line, said in zip(lines, found, strict=True) if not said]
    said = [one for group in found for one in group]
    steps = [one for one in said if isinstance(one, events.Progress)]
    assert [(one.step, one.total) for one in steps] == [(n, 8) for n in range(1, 9)]
    assert [one.loss for one in steps] == pytest.approx(state["losses"].tolist(), abs=1e-6)
    saves = [one for one in said if isinstance(one, events.Saved) and one.kind == "state"]
    assert [one.step for one in saves] == [3, 6, 8]
    assert isinstance(said[-1], events.Finished)


def _is_a_lora_of_the_starter_model(path: Path) -> None:
    ((lora, _),) = load_model().read_loras([LoraWeight(path, 1.0)])
    assert len(lora.factors) == 143
    assert lora.trigger == "ategnatos owl"
    said = TensorFile(path).metadata
    assert said["ss_network_dim"] == "2"
    assert said["modelspec.architecture"] == "ategnatos-starter/lora"


@pytest.mark.parametrize(("family", "second"), [("sd15/base", False), ("sdxl/base", True)])
def test_models_in_diffusers_layout_are_trained_in_buckets(
    torch: Any, tmp_path: Path, signals: None, family: str, second: bool,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    import diffusers

    from ategnatos.trainers.accelerate.program import main

    folder = tiny_model(tmp_path / "model", second=second)
    plan = small_plan(
        family=family, model=str(folder), network="lora", conv_rank=0, batch=2, accumulation=2,
        steps=3, save_every_steps=3, text_encoder=True, gradient_checkpointing=True,
        precision="bf16", network_dropout=0.1, resolution=64, trigger="zrvk",
    )  # fmt: skip
    dataset = sized(owls(tmp_path / "data", plan), (64, 64), (96, 64))
    run = tmp_path / "run"
    path = order_in(run, TRAINER.translate(plan, dataset, run).files)
    status = main([str(path)])
    lines = capfd.readouterr().out
    assert status == 0, lines
    epochs = order.Epochs(order.read(path).train, 2, 2, plan.seed)
    shown = order.read(path).train
    seen = [
        number for step in range(epochs.steps_an_epoch) for n in epochs.at(step) for number in n
    ]
    assert sorted(seen) == sorted(n for n, one in enumerate(shown) for _ in range(one.repeats))
    for step in range(epochs.steps_an_epoch):
        for batch in epochs.at(step):
            assert len({shown[number].bucket for number in batch}) == 1
    kept = TensorFile(run / "output" / "owl.safetensors")
    assert all(np.isfinite(kept[name]).all() for name in kept)
    assert any(np.abs(kept[name]).max() > 0 for name in kept if name.endswith("lora_up.weight"))
    kind = diffusers.StableDiffusionXLPipeline if second else diffusers.StableDiffusionPipeline
    pipeline = kind.from_pretrained(folder)
    unet_alone = {name for name in kept if name.startswith("lora_unet_")}
    assert len(unet_alone) == len({n for n in unet_alone if n.endswith("alpha")}) * 3
    pipeline.load_lora_weights(run / "output" / "owl.safetensors", adapter_name="made")
    loaded = [name for name, _ in pipeline.unet.named_modules() if name.endswith("lora_A.made")]
    assert len(loaded) == len(unet_alone) // 3


def test_without_torch_it_says_what_to_install(
    tmp_path: Path, signals: None, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    from ategnatos.trainers.accelerate.program import main

    plan = small_plan()
    dataset = small_owls(tmp_path / "data", plan)
    path = order_in(tmp_path / "run", TRAINER.translate(plan, dataset, tmp_path / "run").files)
    for name in MODULES:
        monkeypatch.setitem(sys.modules, name, None)
    assert main([str(path)]) == 1
    assert "pip install 'ategnatos[torch]'" in capfd.readouterr().out


def test_it_is_found_by_its_name() -> None:
    assert isinstance(load_trainer("accelerate"), Accelerate)
