"""Logs as our own runs write them: a real trainer that was started, killed and gone on with here.

Both of its streams are in one file, in the order in which they came, at the width that we ask for.
They were taken by ``benchmarks/real_trainers.py`` on a processor; folders have other names.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ategnatos.knowledge import failures
from ategnatos.train.watching.monitor import Monitor
from ategnatos.train.watching.values import Vitals
from ategnatos.trainers import load_trainer
from ategnatos.trainers.events import Event, Failed, Finished, Sampled, Saved, Warned
from ategnatos.trainers.lines import Lines

DRIVEN = Path(__file__).parent / "driven"


def read(trainer: str, name: str, size: int) -> list[Event]:
    parser, lines, found = load_trainer(trainer).parser(), Lines(), []
    raw = (DRIVEN / trainer / f"{name}.log.txt").read_bytes()
    for start in range(0, len(raw), size):
        for line in lines.feed(raw[start : start + size]):
            found += parser.parse(line)
    for line in [*lines.close(), ""]:
        found += parser.parse(line)
    return found


def saves(found: list[Event]) -> list[tuple[str, str, bool]]:
    return [
        (one.kind, one.path.rpartition("/")[2], one.final)
        for one in found
        if isinstance(one, Saved)
    ]


@pytest.mark.parametrize("size", [7, 1 << 16])
def test_kohya_that_was_killed(size: int) -> None:
    found = read("kohya", "killed", size)
    assert saves(found) == [
        ("weights", "owl-000001.safetensors", False),
        ("state", "owl-000001-state", False),
        ("weights", "owl-000002.safetensors", False),
        ("state", "owl-000002-state", False),
    ]
    monitor = Monitor(8, bar_counts_from_resume=True)
    for second, event in enumerate(found):
        monitor.feed(event, 1000.0 + second)
    monitor.close()
    assert [(one.step, one.loss, one.epoch) for one in monitor.take()] == [
        (1, 1.01, 1), (2, 1.01, 1), (3, 1.06, 2), (4, 1.1, 2),
    ]  # fmt: skip
    assert [one.code for one in found if isinstance(one, Failed)] == ["killed"]
    text = (DRIVEN / "kohya" / "killed.log.txt").read_text("utf-8")
    assert failures.diagnose(text.splitlines(), status=1)[0].name == "killed"


@pytest.mark.parametrize("size", [7, 1 << 16])
def test_kohya_that_goes_on_from_its_first_epoch(size: int) -> None:
    """Its bar begins at 0, ends at 6 of 8, and all is done."""
    found = read("kohya", "resumed", size)
    assert saves(found) == [
        ("weights", "owl-000002.safetensors", False),
        ("state", "owl-000002-state", False),
        ("weights", "owl-000003.safetensors", False),
        ("state", "owl-000003-state", False),
        ("state", "owl-state", True),
        ("weights", "owl.safetensors", True),
    ]
    trainer = load_trainer("kohya")
    monitor = Monitor(
        8, resumed_at=2, bar_counts_from_resume=trainer.bar_counts_from_resume, epoch_steps=2
    )
    for second, event in enumerate(found):
        monitor.feed(event, 1000.0 + second)
    monitor.close()
    losses = [1.01, 0.917, 0.953, 1.08, 1.0, 1.0]
    assert [(one.step, one.loss) for one in monitor.take()] == list(
        zip(range(3, 9), losses, strict=True)
    )
    assert monitor.snapshot()["step"] == 8
    assert {one.weight for one in monitor.findings} <= {"note"}
    assert not [one for one in found if isinstance(one, Failed)]
    warned = [one.code for one in found if isinstance(one, Warned)]
    assert warned == ["no_regularisation", "initial_epoch"]


@pytest.mark.parametrize("size", [7, 1 << 16])
def test_simpletuner_that_was_killed_while_it_drew_a_sample(size: int) -> None:
    found = read("simpletuner", "killed", size)
    assert saves(found) == [("state", "checkpoint-4", False), ("state", "checkpoint-8", False)]
    assert [one.code for one in found if isinstance(one, Failed)] == ["killed"]
    assert len([one for one in found if isinstance(one, Sampled)]) == 1
    assert not [one for one in found if isinstance(one, Finished)]
    text = (DRIVEN / "simpletuner" / "killed.log.txt").read_text("utf-8")
    assert failures.diagnose(text.splitlines(), status=1)[0].name == "killed"


@pytest.mark.parametrize("size", [7, 1 << 16])
def test_simpletuner_that_was_stopped_saved_when_it_was_asked(size: int) -> None:
    found = read("simpletuner", "stopped", size)
    # 7 was asked for; the next was begun when it was ended.
    assert saves(found) == [("state", "checkpoint-7", False), ("state", "checkpoint-8", False)]
    assert not [one for one in found if isinstance(one, Finished)]


@pytest.mark.parametrize("size", [7, 1 << 16])
def test_simpletuner_that_goes_on_from_its_eighth_step_and_is_done(size: int) -> None:
    found = read("simpletuner", "resumed", size)
    assert [name for _, name, _ in saves(found)] == [
        "checkpoint-8", "checkpoint-12", "checkpoint-16",
    ]  # fmt: skip
    monitor = Monitor(16, resumed_at=7)
    for second, event in enumerate(found):
        monitor.feed(event, 1000.0 + second)
    monitor.close()
    points = monitor.take()
    assert [one.step for one in points] == list(range(8, 17))
    # Its cosine really comes down; a resume has put it one step ahead.
    assert [one.rate for one in points] == [
        4.02e-05, 3.09e-05, 2.22e-05, 1.46e-05, 8.43e-06, 3.81e-06, 9.6e-07, 0.0, 9.6e-07,
    ]  # fmt: skip
    monitor.tick(Vitals(alive=False, log_grew=False), 3000.0)
    assert not [one for one in monitor.findings if one.weight != "note"]
    assert monitor.snapshot()["finished"]
    assert len([one for one in found if isinstance(one, Sampled)]) == 2
