"""The monitor over every recorded run: what is wrong is found, and healthy runs are left alone.

The logs and what they show (``index.json``) are those of ``tests/trainers/logs``.
"""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from ategnatos.train.watching.monitor import Monitor
from ategnatos.train.watching.values import Finding
from ategnatos.trainers import load_trainer
from ategnatos.trainers.events import Event
from tests.trainers.test_logs import RECORDED, events, log, read

# Where a process of these runs began; every other began at 0.
BEGAN = {
    ("kohya", "resume_initial_epoch"): 8,
    ("ai-toolkit", "resume_after_kill"): 4,
    ("ai-toolkit", "resume_truncated_optimizer"): 8,
    ("simpletuner", "resume_after_kill"): 20,
    ("ai-toolkit", "rerun_finished"): 10,
    ("simpletuner", "rerun_finished"): 8,
}
HEALTHY = {None, "stale_cache"}


def watch(
    trainer: str, entry: dict[str, Any], found: list[Event] | None = None
) -> tuple[Monitor, list[Finding]]:
    monitor = Monitor(
        entry["total_steps"] or 12,
        resumed_at=BEGAN.get((trainer, entry["log"]), 0),
        bar_counts_from_resume=load_trainer(trainer).bar_counts_from_resume,
    )
    said: list[Finding] = []
    for second, event in enumerate(events(trainer, entry["log"]) if found is None else found):
        said += monitor.feed(event, 1000.0 + second)
    return monitor, said + monitor.close()


def entry_of(trainer: str, name: str) -> dict[str, Any]:
    return next(one for key, one in RECORDED if key == trainer and one["log"] == name)


@pytest.mark.parametrize(("trainer", "entry"), RECORDED, ids=lambda one: str(one)[:40])
def test_only_runs_with_a_fault_are_found_at_fault(trainer: str, entry: dict[str, Any]) -> None:
    monitor, said = watch(trainer, entry)
    codes = {one.code for one in said}
    assert not codes & {"divergence", "rising", "plateau", "overfitting", "gap", "stall"}
    if entry["expected_category"] in HEALTHY and entry["log"] != "real_run_after_dry_run":
        pictures = entry["log"] == "truncated_image"
        assert {one.code for one in said if one.weight != "note"} == (
            {"bad_image"} if pictures else set()
        )
    if entry["expected_outcome"] == "diverged":
        assert [one.code for one in said if one.weight == "stop"] == ["nan"]
    else:
        assert "nan" not in codes
    shown = monitor.snapshot()
    if entry["last_step"] is not None:
        begun = BEGAN.get((trainer, entry["log"]), 0) if trainer == "kohya" else 0
        assert shown["step"] == begun + entry["last_step"]


@pytest.mark.parametrize(
    ("trainer", "name", "code"),
    [
        ("kohya", "no_images", "no_training_data"),
        ("kohya", "no_captions_read_unknown_keys", "no_captions"),
        ("kohya", "nan_loss", "nan"),
        ("ai-toolkit", "nan_loss", "nan"),
        ("ai-toolkit", "real_run_after_dry_run", "resumed_elsewhere"),
        ("ai-toolkit", "resume_truncated_optimizer", "optimizer_not_loaded"),
        ("ai-toolkit", "truncated_image", "bad_image"),
        ("ai-toolkit", "disk_full", "optimizer_not_saved"),
        ("simpletuner", "not_an_image", "bad_image"),
    ],
)
def test_what_ends_with_status_0_and_is_wrong_all_the_same(
    trainer: str, name: str, code: str
) -> None:
    _, said = watch(trainer, entry_of(trainer, name))
    assert code in {one.code for one in said}


def test_a_bar_that_begins_again_is_counted_from_the_resume() -> None:
    """kohya with --initial_epoch: the bar says 4 of 12 and has done 12 of 12."""
    monitor, _ = watch("kohya", entry_of("kohya", "resume_initial_epoch"))
    assert [one.step for one in monitor.take()] == [9, 10, 11, 12]
    shown = monitor.snapshot()
    assert (shown["step"], shown["share"], shown["eta_seconds"]) == (12, 1.0, 0.0)


@pytest.mark.parametrize("priors", [False, True])
def test_pictures_that_nobody_wanted_are_not_missed(priors: bool) -> None:
    """kohya warns of every plan without regularisation pictures."""
    monitor = Monitor(12, priors=priors)
    said = [
        finding
        for second, event in enumerate(events("kohya", "success"))
        for finding in monitor.feed(event, 1000.0 + second)
    ]
    found = [one.weight for one in said if one.code == "no_regularisation"]
    assert found == (["warn"] if priors else [])


def test_one_loss_a_step_with_the_step_it_belongs_to() -> None:
    monitor, _ = watch("ai-toolkit", entry_of("ai-toolkit", "success"))
    losses = [1.051, 1.159, 1.072, 1.141, 1.176, 1.169, 1.151, 1.049, 1.045, 1.036]
    assert [one.loss for one in monitor.take()] == losses


def test_a_bar_at_zero_stands_in_the_curve_as_nan() -> None:
    monitor, said = watch("ai-toolkit", entry_of("ai-toolkit", "nan_loss"))
    points = monitor.take()
    assert [math.isnan(one.loss or 0.0) for one in points] == [False] + [True] * (len(points) - 1)
    assert [one.code for one in said] == ["nan_step", "nan"]
    assert monitor.snapshot()["loss"] == "nan"


@pytest.mark.parametrize(("trainer", "entry"), RECORDED, ids=lambda one: str(one)[:40])
def test_both_streams_in_one_file_say_the_same(trainer: str, entry: dict[str, Any]) -> None:
    """A run keeps one log: lines of both streams come as they were written, in any order."""
    apart = {stream: read(trainer, log(trainer, entry, stream)) for stream in ("stderr", "stdout")}
    blocks = {stream: log(trainer, entry, stream).split(b"\n") for stream in ("stderr", "stdout")}
    draw = random.Random(entry["log"])
    whole = b""
    while any(blocks.values()):
        stream = draw.choice([name for name, rest in blocks.items() if rest])
        # What is folded was written at once, and so is a bar with all of its drawings.
        whole += blocks[stream].pop(0) + b"\n"
        while blocks[stream] and blocks[stream][0][:1] in (b" ", b"\t"):
            whole += blocks[stream].pop(0) + b"\n"
    together = read(trainer, whole)
    expected = sorted({type(one).__name__ for rows in apart.values() for one in rows})
    assert {type(one).__name__ for one in together} <= set(expected)
    losses = {
        (one.step, one.loss)
        for one in apart["stderr"]
        if hasattr(one, "loss_step") and one.loss is not None and not math.isnan(one.loss)
    }
    merged = {
        (one.step, one.loss)
        for one in together
        if hasattr(one, "loss_step") and one.loss is not None and not math.isnan(one.loss)
    }
    assert merged == losses
    _, alone = watch(trainer, entry)
    _, found = watch(trainer, entry, together)
    assert {one.code for one in found} == {one.code for one in alone}
