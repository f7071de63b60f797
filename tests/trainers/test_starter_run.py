"""The starter trainer's process: killed, stopped, resumed, broken on the way."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ategnatos.starter.model import load_model
from ategnatos.starter.tensors import TensorFile
from ategnatos.trainers import Checkpoint, Dataset, events
from ategnatos.trainers.plan import Plan
from ategnatos.trainers.starter import StarterTrainer

from .starter_runs import ended, owls, small_plan, start, trained, until

TRAINER = StarterTrainer()
# The same arithmetic in the same order; what is left is a kernel that a machine's load may choose.
NOISE = 1e-5


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Dataset, Path, list[str]]:
    """A training that nothing interrupted: plan, dataset, folder, log."""
    folder = tmp_path_factory.mktemp("whole")
    plan = small_plan()
    dataset = owls(folder / "data", plan)
    return plan, dataset, folder, trained(plan, dataset, folder / "run")


def state(path: Path) -> dict[str, Any]:
    file = TensorFile(path)
    return {name: file[name] for name in file}


def assert_same(found: Path, wanted: Path) -> None:
    """Weights, optimizer, average and the whole loss curve of two states."""
    ours, theirs = state(found), state(wanted)
    assert set(ours) == set(theirs) == {"parameters", "mean", "square", "average", "losses"}
    for name, value in theirs.items():
        assert ours[name].shape == value.shape, name
        assert np.abs(ours[name] - value).max() <= NOISE * np.abs(value).max(), name


def newest(folder: Path, name: str = "owl") -> Checkpoint:
    return [one for one in TRAINER.checkpoints(folder / "output", name) if one.state][-1]


def test_every_line_of_the_log_is_read(whole: tuple[Plan, Dataset, Path, list[str]]) -> None:
    plan, _, folder, lines = whole
    parser = TRAINER.parser()
    found = [parser.parse(line) for line in lines]
    assert all(found), [line for line, said in zip(lines, found, strict=True) if not said]
    said = [one for group in found for one in group]
    steps = [one for one in said if isinstance(one, events.Progress)]
    losses = state(folder / "run" / "output" / "state-000008.safetensors")["losses"]
    assert [(one.step, one.total) for one in steps] == [(n, 8) for n in range(1, 9)]
    assert [one.loss for one in steps] == pytest.approx(losses.tolist(), abs=1e-6)
    assert steps[0].rate == pytest.approx(plan.learning_rate)
    assert steps[-1].rate < plan.learning_rate / 10, "the schedule is a cosine"
    assert (steps[-1].remaining, steps[-1].epoch, steps[-1].epochs) == (0, 2, 2)
    saves = [one for one in said if isinstance(one, events.Saved)]
    assert [one.step for one in saves if one.kind == "state"] == [3, 6, 8]
    assert all(Path(one.path).is_file() for one in saves)
    assert saves[-1].final
    assert isinstance(said[-1], events.Finished)
    facts = {one.name: one.value for one in said if isinstance(one, events.Fact)}
    assert facts["images"] == 3
    assert facts["steps"] == 8


def test_checkpoints_are_found(whole: tuple[Plan, Dataset, Path, list[str]]) -> None:
    found = TRAINER.checkpoints(whole[2] / "run" / "output", "owl")
    assert [(one.step, one.final) for one in found] == [
        (3, False), (6, False), (8, False), (8, True),
    ]  # fmt: skip
    assert all(one.weights and one.state for one in found)


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deaths=st.lists(st.integers(1, 8), min_size=1, max_size=2))
def test_killed_at_any_step_and_resumed_it_ends_as_if_nothing_had_happened(
    whole: tuple[Plan, Dataset, Path, list[str]],
    tmp_path_factory: pytest.TempPathFactory,
    deaths: list[int],
) -> None:
    plan, dataset, finished, _ = whole
    folder = tmp_path_factory.mktemp("killed") / "run"
    translation = TRAINER.translate(plan, dataset, folder)
    for step in deaths:
        process = start(translation, folder)
        lines = until(process, lambda line, step=step: line.startswith(f"step {step}/"))
        process.kill()
        ended(process)
        reached = [line for line in lines if line.startswith("step ")]
        states = [one for one in TRAINER.checkpoints(folder / "output", "owl") if one.state]
        if not states:
            continue  # it died before the first save and begins again
        done = int(reached[-1].split()[1].split("/")[0]) if reached else states[-1].step
        assert done is not None
        assert states[-1].step is not None
        assert done - states[-1].step <= plan.save_every_steps, "no more than one interval is lost"
        translation = TRAINER.resume(plan, dataset, folder, states[-1])
    status, lines = ended(start(translation, folder))
    assert status == 0, lines
    last = "output/state-000008.safetensors"
    assert_same(folder / last, finished / "run" / last)
    ours = TensorFile(folder / "output" / "owl.safetensors")
    theirs = TensorFile(finished / "run" / "output" / "owl.safetensors")
    assert set(ours) == set(theirs)
    assert ours.metadata == theirs.metadata
    for name in theirs:
        assert np.abs(ours[name] - theirs[name]).max() <= NOISE, name


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_between_two_steps_with_a_state(
    whole: tuple[Plan, Dataset, Path, list[str]], tmp_path: Path, number: signal.Signals
) -> None:
    _, dataset, _, _ = whole
    plan = small_plan(steps=5000, save_every_steps=5000)
    process = start(TRAINER.translate(plan, dataset, tmp_path), tmp_path)
    until(process, lambda line: line.startswith("step 2/"))
    process.send_signal(number)
    status, lines = ended(process)
    assert status == 128 + number
    assert lines[-1].startswith(f"stopped by {number.name} at step ")
    point = newest(tmp_path)
    assert point.step is not None
    assert point.step >= 2
    assert point.weights is not None, "the LoRA so far is there to look at"
    assert f"at step {point.step};" in lines[-1]
    process = start(TRAINER.resume(plan, dataset, tmp_path, point), tmp_path)
    lines = until(process, lambda line: line.startswith("step "))
    process.kill()
    ended(process)
    assert lines[-1].startswith(f"step {point.step + 1}/"), "it goes on with the next step"


def test_a_loss_that_is_no_number_ends_it_with_a_failure(tmp_path: Path) -> None:
    plan = small_plan(
        steps=40, save_every_steps=1, keep=1, learning_rate=100.0, optimizer="lion",
        max_grad_norm=0.0, schedule="constant", ema=False, weight_decay=0.0,
    )  # fmt: skip
    dataset = owls(tmp_path / "data", plan)
    folder = tmp_path / "run"
    status, lines = ended(start(TRAINER.translate(plan, dataset, folder), folder))
    assert status == 1
    parser = TRAINER.parser()
    found = [parser.parse(line) for line in lines]
    assert all(found), "no line but its own, and of these each is read"
    said = [one for group in found for one in group]
    assert isinstance(said[-1], events.Failed)
    assert said[-1].code == "nan"
    progress = [one for one in said if isinstance(one, events.Progress)]
    assert progress[-1].loss is not None
    assert not np.isfinite(progress[-1].loss), "the bar says it too"
    kept = TRAINER.checkpoints(folder / "output", "owl")
    assert len(kept) == 1, "as many as are to be kept"
    assert kept[0].state is not None
    assert np.isfinite(state(kept[0].state)["parameters"]).all()


def broken(name: str, folder: Path, plan: Plan, dataset: Dataset, point: Checkpoint) -> Any:
    """A resume that must be refused; the translation that asks for it."""
    assert point.state is not None
    raw = point.state.read_bytes()
    if name == "cut short":
        point.state.write_bytes(raw[: len(raw) // 2])
    elif name == "no state":
        point.state.write_bytes((folder / "output" / "owl-000003.safetensors").read_bytes())
    elif name == "not finite":
        at = len(raw) - 400
        point.state.write_bytes(raw[:at] + b"\xff" * 4 + raw[at + 4 :])
    elif name == "another picture":
        os.replace(dataset.root / "train/owl/01.png", dataset.root / "train/owl/zz.png")
        os.replace(dataset.root / "train/owl/01.txt", dataset.root / "train/owl/zz.txt")
    elif name == "another setting":
        plan = plan.change(learning_rate=1e-3)
    return TRAINER.resume(plan, dataset, folder, point)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("cut short", "cannot be read"), ("no state", "no state of this program"),
        ("not finite", "not finite"), ("another picture", "other pictures"),
        ("another setting", "other pictures, settings"),
    ],
)  # fmt: skip
def test_a_state_that_does_not_fit_is_refused(tmp_path: Path, name: str, why: str) -> None:
    plan = small_plan(steps=3, ema=False)
    dataset = owls(tmp_path / "data", plan)
    folder = tmp_path / "run"
    trained(plan, dataset, folder)
    point = newest(folder)
    status, lines = ended(start(broken(name, folder, plan, dataset, point), folder))
    assert status == 1
    assert lines[-1].startswith("error: nothing was resumed from")
    assert why in lines[-1]


def test_it_begins_nothing_over_a_training_that_is_there(
    whole: tuple[Plan, Dataset, Path, list[str]],
) -> None:
    plan, dataset, folder, _ = whole
    run = folder / "run"
    before = {path: path.read_bytes() for path in (run / "output").iterdir()}
    status, lines = ended(start(TRAINER.translate(plan, dataset, run), run))
    assert status == 1
    assert "holds a training already" in lines[-1]
    assert {path: path.read_bytes() for path in (run / "output").iterdir()} == before


def test_a_dry_run_leaves_the_real_output_alone(
    whole: tuple[Plan, Dataset, Path, list[str]], tmp_path: Path
) -> None:
    plan, dataset, _, _ = whole
    translation = TRAINER.dry_run(plan, dataset, tmp_path, steps=2)
    status, lines = ended(start(translation, tmp_path))
    assert status == 0, lines
    assert not (tmp_path / "output").exists()
    assert [one.step for one in TRAINER.checkpoints(tmp_path / "dry-run", "owl")] == [2, 2]


def test_the_metadata_says_what_was_trained(
    whole: tuple[Plan, Dataset, Path, list[str]],
) -> None:
    plan, _, folder, _ = whole
    said = TensorFile(folder / "run" / "output" / "owl.safetensors").metadata
    assert said["modelspec.trigger_phrase"] == plan.trigger
    assert said["modelspec.architecture"] == "ategnatos-starter/lora"
    assert said["ss_base_model_version"] == "ategnatos_starter"
    assert said["ss_sd_model_hash"] == load_model().sha256
    assert (said["ss_network_dim"], said["ss_steps"], said["ss_seed"]) == ("2", "8", "42")
    assert (said["ss_num_train_images"], said["ss_num_reg_images"]) == ("6", "1")
    assert "/" not in said["ss_dataset_dirs"].replace("train/owl", ""), "no path of a machine"
