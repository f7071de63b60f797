"""The monitor: steps and losses, silence, disk, memory, and being built anew."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.train.watching import curve
from ategnatos.train.watching.monitor import Monitor
from ategnatos.train.watching.pace import BEFORE_FIRST, SHORTEST
from ategnatos.train.watching.values import Finding, Vitals
from ategnatos.trainers.events import Fact, Failed, Progress, Saved, Skipped, Validated, Warned

GB = 10**9


def codes(found: list[Finding]) -> list[str]:
    return [one.code for one in found]


def trained(monitor: Monitor, steps: int, each: float = 1.0, begin: int = 1) -> float:
    at = 0.0
    for step in range(begin, begin + steps):
        at = 1000 + each * step
        monitor.feed(Progress(step, monitor.steps, 0.1 + 0.01 * (step % 3)), at)
    return at


losses = st.floats(0.01, 5) | st.just(math.nan)


@settings(max_examples=20, deadline=None)
@given(
    rows=st.lists(st.tuples(losses, st.booleans()), min_size=3, max_size=60),
    cut=st.integers(1, 59),
    average=st.booleans(),
)
def test_a_monitor_built_anew_from_the_curve_knows_what_the_old_one_knew(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[float, bool]],
    cut: int,
    average: bool,
) -> None:
    """As after a supervisor was killed: and it goes on from there with the same findings."""
    folder = tmp_path_factory.mktemp("run")
    kind: Any = "average" if average else "step"

    def feed(monitor: Monitor, begin: int, end: int) -> list[Finding]:
        found = []
        for step in range(begin, end):
            loss, validated = rows[step]
            at = 1000.0 + step
            found += monitor.feed(Progress(step + 1, 100, loss, kind, 1e-4, 1.0), at)
            if validated:
                found += monitor.feed(Validated(0.2 + step / 100, step + 1), at)
        return found

    cut = min(cut, len(rows))
    first = Monitor(100)
    feed(first, 0, cut)
    first.close()
    curve.append(folder, first.take())
    second = Monitor.again(curve.read(folder).points, 100)
    assert second.take() == []
    ours = {key: value for key, value in first.snapshot().items() if key not in PACE}
    assert {key: value for key, value in second.snapshot().items() if key not in PACE} == ours
    # A step that is read from the log twice is learned once.
    feed(second, max(0, cut - 3), cut)
    assert codes(feed(second, cut, len(rows))) == codes(feed(first, cut, len(rows)))
    assert codes(second.close()) == codes(first.close())
    assert [(one.step, str(one.loss)) for one in second.take()] == [
        (one.step, str(one.loss)) for one in first.take()
    ]


PACE = {"seconds_a_step", "eta_seconds", "silence_limit", "epochs"}


def test_losses_at_a_save_are_those_of_its_step() -> None:
    monitor = Monitor(100)
    trained(monitor, 30)
    monitor.feed(Validated(0.25, 30), 2000.0)
    monitor.feed(Progress(31, 100, 0.5, rate=2e-4), 2001.0)
    now, then = monitor.losses(), monitor.losses(20)
    assert (now.step, now.loss, now.rate, now.validation) == (31, 0.5, 2e-4, 0.25)
    assert (then.step, then.loss) == (20, 0.1 + 0.01 * 2)
    assert then.smoothed is not None
    assert monitor.losses(99).loss == 0.5


def test_losses_at_a_save_are_known_long_after_it() -> None:
    """The file is looked for later: by a supervisor that reads hours of the log at once."""
    monitor = Monitor(2000)
    for step in range(1, 1001):
        monitor.feed(Progress(step, 2000, step / 1000), float(step))
        if step == 100:
            monitor.feed(Saved("weights", "owl-000100.safetensors", 100), float(step))
        if step == 200:
            monitor.feed(Saved("weights", "owl-000002.safetensors", None, 2), float(step))
    assert (monitor.losses(100).loss, monitor.losses(200).loss) == (0.1, 0.2)
    assert monitor.losses(100).smoothed is not None
    assert monitor.losses(300).loss is None
    # Over the steps since the save before, those that were settled by then.
    assert monitor.losses(100).mean == pytest.approx(sum(range(1, 100)) / 99 / 1000)
    assert monitor.losses(200).mean == pytest.approx(sum(range(100, 200)) / 100 / 1000)


def test_a_loss_that_is_no_number_ends_a_run_whose_average_it_spoils_at_once() -> None:
    monitor = Monitor(100)
    found = monitor.feed(Progress(5, 100, math.nan, "average"), 1.0)
    assert [(one.code, one.weight) for one in found] == [("nan", "stop")]
    assert monitor.feed(Progress(6, 100, math.nan, "average"), 2.0) == []


def test_single_steps_that_are_no_number_are_borne_until_there_are_three_in_a_row() -> None:
    monitor = Monitor(100)
    said = []
    for step, loss in enumerate([0.1, math.nan, 0.1, math.nan, math.inf, math.nan, math.nan], 1):
        said += [(step, one.code) for one in monitor.feed(Progress(step, 100, loss), float(step))]
    assert said == [(2, "nan_step"), (6, "nan")]
    # The smoothed loss stays a number.
    assert monitor.snapshot()["smoothed"] == pytest.approx(0.1)


def test_silence_is_judged_by_the_runs_own_pace() -> None:
    alive = Vitals(True, False)
    quick, slow = Monitor(1000), Monitor(1000)
    at = trained(quick, 50, each=0.5)
    assert quick.tick(alive, at + SHORTEST - 1) == []
    found = quick.tick(alive, at + SHORTEST + 1)
    assert codes(found) == ["stall"]
    assert "0.5 s" in found[0].text
    # Once; and again after it went on and fell silent anew.
    assert quick.tick(alive, at + SHORTEST + 50) == []
    quick.feed(Progress(51, 1000, 0.1), at + 400)
    assert codes(quick.tick(alive, at + 4000)) == ["stall"]
    at = trained(slow, 50, each=120)
    assert slow.tick(alive, at + 15 * 120) == []
    assert codes(slow.tick(alive, at + 21 * 120)) == ["stall"]


def test_a_pause_that_it_made_before_is_no_stall_and_neither_is_loading() -> None:
    monitor, alive = Monitor(1000), Vitals(True, False)
    assert monitor.tick(alive, 0.0) == []
    assert monitor.tick(alive, BEFORE_FIRST - 1) == []
    assert codes(monitor.tick(alive, BEFORE_FIRST + 1)) == ["stall"]
    trained(monitor, 20)
    monitor.feed(Progress(21, 1000, 0.1), 1700.0)
    assert monitor.tick(alive, 1700.0 + 3 * 600) == []
    assert codes(monitor.tick(alive, 1700.0 + 3 * 700)) == ["stall"]


def test_while_the_log_grows_it_is_no_stall_but_without_steps_it_is_said_in_time() -> None:
    monitor = Monitor(1000)
    at, said = trained(monitor, 20), []
    for second in range(0, 20_000, 50):
        said += codes(monitor.tick(Vitals(True, True), at + second))
    assert said == ["no_steps"]


def test_a_process_that_is_gone_is_said_unless_it_was_done() -> None:
    monitor = Monitor(100)
    at = trained(monitor, 20)
    found = monitor.tick(Vitals(False, False), at)
    assert codes(found) == ["process_gone"]
    assert found[0].evidence["step"] == 20
    assert monitor.tick(Vitals(False, False), at + 1) == []
    # ai-toolkit's last word is where the finished LoRA lies.
    monitor = Monitor(100)
    at = trained(monitor, 100)
    monitor.feed(Saved("weights", "owl/owl.safetensors", final=True), at)
    assert monitor.tick(Vitals(False, False), at + 5) == []


@pytest.mark.parametrize(
    ("share", "free", "said"),
    [
        (0.899, 50 * GB, []),
        (0.90, 50 * GB, ["disk_warn"]),
        (0.949, 50 * GB, ["disk_warn"]),
        (0.95, 50 * GB, ["disk_stop"]),
        (0.5, 2 * GB, ["disk_stop"]),
        (0.5, 4 * GB, []),
        (None, None, []),
    ],
)
def test_the_disk_is_warned_of_and_the_run_stopped_before_a_save_breaks_off(
    share: float | None, free: int | None, said: list[str]
) -> None:
    monitor = Monitor(100)
    monitor.saved(3 * GB)
    vitals = Vitals(True, True, share, free)
    found = monitor.tick(vitals, 1.0)
    assert codes(found) == said
    if said:
        assert found[0].weight == ("stop" if said == ["disk_stop"] else "warn")
    assert monitor.tick(vitals, 2.0) == []
    # Space was freed, and it fills up again.
    monitor.tick(Vitals(True, True, 0.2, 900 * GB), 3.0)
    assert codes(monitor.tick(vitals, 4.0)) == said


def test_the_peak_of_memory_is_known_for_each_interval_between_saves() -> None:
    monitor = Monitor(100)
    for step in range(1, 31):
        monitor.feed(Progress(step, 100, 0.1), float(step))
        monitor.tick(Vitals(True, True, vram_mib=8000 + (900 if step == 7 else step)), float(step))
        if step in (10, 20):
            monitor.feed(Saved("weights", "", step), float(step))
            monitor.feed(Saved("state", "", step), float(step))
    shown = monitor.snapshot()
    assert shown["peak_mib"] == 8900
    assert shown["peaks"] == [
        {"begin": 0, "end": 10, "mib": 8900},
        {"begin": 10, "end": 20, "mib": 8020},
    ]
    assert monitor.take()[6].vram_mib == 8900


def test_what_is_left_is_told_by_the_runs_own_pace_and_not_by_the_bar() -> None:
    monitor = Monitor(200)
    for step in range(1, 101):
        monitor.feed(Progress(step, 200, 0.1, remaining=5.0, seconds_a_step=0.1), 3.0 * step)
    shown = monitor.snapshot()
    assert shown["seconds_a_step"] == pytest.approx(3.0)
    assert shown["eta_seconds"] == pytest.approx(300.0)


def test_a_log_that_is_read_at_once_tells_nothing_of_the_pace() -> None:
    """A supervisor that takes a run up reads hours of its log in a moment."""
    monitor = Monitor(2000)
    for step in range(1, 1001):
        monitor.feed(Progress(step, 2000, 0.1, seconds_a_step=7.0), 50.0 + step / 10_000)
    assert monitor.snapshot()["seconds_a_step"] == 7.0
    monitor.feed(Progress(1001, 2000, 0.1, seconds_a_step=7.0), 58.1)
    assert monitor.snapshot()["eta_seconds"] == pytest.approx(8 * 999)


def test_a_bar_that_counts_from_the_resume_is_shown_from_the_start_of_the_plan() -> None:
    monitor = Monitor(100, resumed_at=60, bar_counts_from_resume=True)
    for step in range(1, 11):
        monitor.feed(Progress(step, 100, 0.1, "average"), float(step))
    monitor.feed(Saved("weights", "owl-step00000010.safetensors", 10), 11.0)
    monitor.feed(Validated(0.2, 10), 12.0)
    monitor.close()
    shown = monitor.snapshot()
    assert (shown["step"], shown["share"], shown["validation_step"]) == (70, 0.7, 70)
    assert [one.step for one in monitor.take()] == list(range(61, 71))


def test_words_of_the_trainer_become_findings_once() -> None:
    monitor = Monitor(100)
    for number in (1, 2):
        found = monitor.feed(Skipped(number, 3), 1.0)
        assert [(one.code, one.evidence["number"]) for one in found] == [("skipped_steps", number)]
    assert codes(monitor.feed(Warned("No caption file found", "no_captions"), 1.0)) == [
        "no_captions"
    ]
    assert monitor.feed(Warned("No caption file found", "no_captions"), 1.0) == []
    assert monitor.feed(Warned("some remark"), 1.0) == []
    # An error without a name does not end a run: kohya calls a missing prompt file one.
    assert [one.weight for one in monitor.feed(Failed("no such file"), 1.0)] == ["warn"]
    assert codes(monitor.findings) == ["skipped_steps", "skipped_steps", "no_captions", "failed"]


def test_what_goes_on_from_something_else_than_it_should_is_said() -> None:
    fresh, again = Monitor(100), Monitor(100, resumed_at=40)
    assert [one.weight for one in fresh.feed(Fact("resumed_at", 2), 1.0)] == ["stop"]
    # One step off is ai-toolkit's own way of counting.
    assert again.feed(Fact("resumed_at", 41), 1.0) == []
    assert [one.weight for one in again.feed(Fact("resumed_at", 20), 1.0)] == ["warn"]


def test_a_resumed_run_draws_its_curve_anew_from_there(tmp_path: Path) -> None:
    first = Monitor(100)
    trained(first, 50)
    first.close()
    curve.append(tmp_path, first.take())
    known = [one for one in curve.read(tmp_path).points if one.step <= 40]
    second = Monitor.again(known, 100, resumed_at=40)
    assert second.snapshot()["step"] == 40
    # Two minutes lay between the two processes: that is no step's time.
    for step in range(41, 46):
        second.feed(Progress(step, 100, 0.1), 1160.0 + step)
    assert second.snapshot()["seconds_a_step"] == 1.0
    second.close()
    curve.append(tmp_path, second.take())
    assert [one.step for one in curve.read(tmp_path).points] == list(range(1, 46))
