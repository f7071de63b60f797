"""The parsers against recorded logs of real runs, whole and cut at every odd place.

The logs are those of kohya 0.10.1, ai-toolkit 0.12.26 and SimpleTuner 4.8.0 on a CPU; the middle
of the longest is left out. What they show stands in ``index.json`` beside them.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.trainers import bars, load_trainer
from ategnatos.trainers.events import (
    Event,
    Fact,
    Failed,
    Finished,
    Progress,
    Saved,
    Skipped,
    Warned,
)
from ategnatos.trainers.lines import Lines, plain

LOGS = Path(__file__).parent / "logs"
TRAINERS = ("kohya", "ai-toolkit", "simpletuner")
RECORDED = [
    (trainer, entry)
    for trainer in TRAINERS
    for entry in json.loads((LOGS / trainer / "index.json").read_text())
]
# How a bar of the training looks in each, as seen by an eye that is not the parser's.
BAR = {
    "kohya": rb"steps: +\d+%\|[^|]*\| (\d+)/(\d+) \[",
    "ai-toolkit": rb"mystyle: +\d+%\|[^|]*\| (\d+)/(\d+) \[",
    "simpletuner": rb"Epoch \d+/\d+,? Steps: +\d+%\|[^|]*\| (\d+)/(\d+) \[",
}
SAVES = {
    "kohya": rb"^saving checkpoint: ",
    "ai-toolkit": rb"^Saved (checkpoint|optimizer) to ",
    "simpletuner": rb"Saving current state to ",
}


def read(trainer: str, raw: bytes, size: int = 4096) -> list[Event]:
    parser, lines, found = load_trainer(trainer).parser(), Lines(), []
    for start in range(0, len(raw), size):
        for line in lines.feed(raw[start : start + size]):
            found += parser.parse(line)
    for line in [*lines.close(), ""]:
        found += parser.parse(line)
    return found


def log(trainer: str, entry: dict[str, Any], stream: str) -> bytes:
    return (LOGS / trainer / f"{entry['log']}.{stream}.txt").read_bytes()


def events(trainer: str, name: str) -> list[Event]:
    entry = next(one for key, one in RECORDED if key == trainer and one["log"] == name)
    return [
        event
        for stream in ("stderr", "stdout")
        for event in read(trainer, log(trainer, entry, stream))
    ]


@pytest.mark.parametrize(("trainer", "entry"), RECORDED, ids=lambda one: str(one)[:40])
def test_a_recorded_run_is_read_without_loss(trainer: str, entry: dict[str, Any]) -> None:
    errors, output = log(trainer, entry, "stderr"), log(trainer, entry, "stdout")
    found = [*read(trainer, errors), *read(trainer, output)]
    drawn = [one for one in found if isinstance(one, Progress)]
    plainly = re.sub(rb"\x1b\[[0-9;]*[A-Za-z]", b"", errors)
    seen = [(int(a), int(b)) for a, b in re.findall(BAR[trainer], plainly)]
    assert [(one.step, one.total) for one in drawn] == seen
    if entry["total_steps"]:
        assert (drawn[-1].step, drawn[-1].total) == (entry["last_step"], entry["total_steps"])
        if entry.get("first_step") is not None:
            assert drawn[0].step == entry["first_step"]
        _same_loss(trainer, drawn[-1].loss, entry["last_loss"])
    else:
        assert not drawn
    text = re.sub(rb"\x1b\[[0-9;]*[A-Za-z]", b"", output)
    saves = [one for one in found if isinstance(one, Saved)]
    expected = len(re.findall(SAVES[trainer], text, re.MULTILINE))
    if trainer == "kohya":
        saves = [one for one in saves if one.kind == "weights"]
    assert len(saves) == expected


def _same_loss(trainer: str, loss: float | None, said: str | None) -> None:
    if said is None:
        assert loss is None
    elif said == "nan" or (trainer == "ai-toolkit" and float(said) == 0):
        assert loss is not None
        assert math.isnan(loss)
    else:
        assert loss == float(said)


@pytest.mark.parametrize(("trainer", "entry"), RECORDED, ids=lambda one: str(one)[:40])
def test_a_failure_is_told_by_the_log_where_it_says_one(
    trainer: str, entry: dict[str, Any]
) -> None:
    found = events(trainer, entry["log"])
    failed = [one for one in found if isinstance(one, Failed)]
    if entry["expected_outcome"] == "finished":
        assert not failed
    elif entry["log"] not in ("killed", "sigterm_launcher", "sigterm") or trainer == "simpletuner":
        warned = [one for one in found if isinstance(one, Warned) and one.code == "nan"]
        assert failed or warned


@pytest.mark.parametrize(
    ("trainer", "name"),
    [("kohya", "success"), ("ai-toolkit", "nan_loss"), ("simpletuner", "success")],
)
@settings(max_examples=15, deadline=None)
@given(size=st.integers(1, 997))
def test_it_does_not_matter_where_the_reads_fall(trainer: str, name: str, size: int) -> None:
    entry = {"log": name}
    for stream in ("stderr", "stdout"):
        raw = log(trainer, entry, stream)
        # NaN is not itself: compared as text.
        assert list(map(repr, read(trainer, raw, size))) == list(map(repr, read(trainer, raw)))


def test_kohyas_folded_words_are_put_together() -> None:
    saved = [one for one in events("kohya", "success") if isinstance(one, Saved)]
    assert [(one.kind, one.path, one.epoch, one.final) for one in saved] == [
        ("state", "/workspace/runs/success/mystyle-000001-state", 1, False),
        ("state", "/workspace/runs/success/mystyle-000002-state", 2, False),
        ("state", "/workspace/runs/success/mystyle-state", None, True),
        ("weights", "/workspace/runs/success/mystyle-000001.safetensors", 1, False),
        ("weights", "/workspace/runs/success/mystyle-000002.safetensors", 2, False),
        ("weights", "/workspace/runs/success/mystyle.safetensors", None, True),
    ]


def test_each_loss_belongs_to_its_step() -> None:
    drawn = [one for one in events("ai-toolkit", "success") if isinstance(one, Progress)]
    by_step = {one.loss_step: one.loss for one in drawn if one.loss_step is not None}
    # As the trainer reckoned them: the loss is drawn before the count moves.
    assert by_step == {
        1: 1.051,
        2: 1.159,
        3: 1.072,
        4: 1.141,
        5: 1.176,
        6: 1.169,
        7: 1.151,
        8: 1.049,
        9: 1.045,
        10: 1.036,
    }
    drawn = [one for one in events("simpletuner", "success") if isinstance(one, Progress)]
    assert {one.loss_step: one.loss for one in drawn if one.loss_step}[8] == 1.13
    assert drawn[-1].rate == 0.0001
    drawn = [one for one in events("kohya", "success") if isinstance(one, Progress)]
    assert drawn[-1].loss_is == "average"
    assert drawn[-1].seconds_a_step == 24.46


def test_a_bar_at_zero_is_no_good_loss_but_nan() -> None:
    found = events("ai-toolkit", "nan_loss")
    losses = [one.loss for one in found if isinstance(one, Progress) and one.loss is not None]
    assert losses[0] == 1.134
    assert all(math.isnan(one) for one in losses[3:])
    assert any(isinstance(one, Warned) and one.code == "nan" for one in found)


def test_silent_trouble_is_named() -> None:
    codes = {
        one.code
        for one in events("kohya", "no_captions_read_unknown_keys")
        if isinstance(one, Warned)
    }
    assert "no_captions" in codes
    failed = [one.code for one in events("kohya", "no_images") if isinstance(one, Failed)]
    assert failed == ["no_training_data"]
    codes = {
        one.code
        for one in events("ai-toolkit", "resume_truncated_optimizer")
        if isinstance(one, Warned)
    }
    assert "optimizer_not_loaded" in codes
    assert any(
        isinstance(one, Warned) and one.code == "bad_image"
        for one in events("simpletuner", "not_an_image")
    )


def test_skipped_batches_of_ai_toolkit_are_counted() -> None:
    parser = load_trainer("ai-toolkit").parser()
    line = "# OOM during training step, skipping batch 2/3 #"
    assert parser.parse(line) == (Skipped(2, 3),)


@pytest.mark.parametrize(
    ("line", "done", "total", "seconds", "after"),
    [
        (
            "steps:   0% 5/4200 [00:11<2:37:57,  2.26s/it, avr_loss=0.0582]",
            5,
            4200,
            2.26,
            {"avr_loss": 0.0582},
        ),
        ("steps:   8%|▊  | 1/12 [00:32<05:53, 32.16s/it]", 1, 12, 32.16, {}),
        (
            "x:  80%|███ | 8/10 [00:21<00:01,  1.60it/s, lr: 1.0e-04 loss: 1.049e+00]",
            8,
            10,
            0.625,
            {"lr": 1e-4, "loss": 1.049},
        ),
        ("steps: 0%| | 0/9 [00:00<?, ?it/s]", 0, 9, None, {}),
        (
            "steps: 1%| | 9/900 [27:03:04<72:00:00, 9.9s/it, loss=nan]",
            9,
            900,
            9.9,
            None,
        ),
    ],
)
def test_bars_of_every_shape(
    line: str, done: int, total: int, seconds: float | None, after: dict[str, float] | None
) -> None:
    bar = bars.read(line)
    assert bar is not None
    assert (bar.done, bar.total, bar.seconds) == (done, total, seconds)
    if after is not None:
        assert bars.values(bar.after) == after


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_whatever_a_line_holds_no_parser_fails(line: str) -> None:
    for trainer in TRAINERS:
        load_trainer(trainer).parser().parse(line)
    assert "\x1b[" not in plain("\x1b[31mred\x1b[0m")


def test_the_lines_of_bytes_that_are_no_text() -> None:
    lines = Lines()
    assert lines.feed(b"a\r") == []
    assert lines.feed(b"\nb\rc") == ["a", "b"]
    assert lines.feed("ü".encode()[:1]) == []
    assert lines.close() == ["c\ufffd"]


def test_simpletuner_is_done_when_it_writes_of_its_samplers_and_never_where_it_failed() -> None:
    for trainer, entry in RECORDED:
        if trainer == "simpletuner":
            done = [one for one in events(trainer, entry["log"]) if isinstance(one, Finished)]
            assert len(done) == (1 if entry["exit_status"] == 0 else 0), entry["log"]
    # As one was really written: behind the blanks with which a bar was wiped away.
    raw = (
        b"\x1b[0m\r" + b" " * 76 + b"\x1b[0m\x1b[A\x1b[0m[RANK 0] \x1b[32m2026-11-21 22:06:04,608"
        b" [INFO] [RANK 0] - Repeats: 0\n- Total number of images: 16\n"
    )
    found = read("simpletuner", raw)
    assert [type(one) for one in found] == [Finished, Fact]
