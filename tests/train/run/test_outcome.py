"""How a try ended, over every recorded run of the three trainers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ategnatos.knowledge import failures
from ategnatos.train.run import outcome
from ategnatos.train.watching.monitor import Monitor
from ategnatos.train.watching.values import Finding
from ategnatos.trainers import load_trainer
from ategnatos.trainers.events import Failed, Progress
from ategnatos.trainers.lines import Lines

LOGS = Path(__file__).parents[2] / "trainers" / "logs"
RECORDED = [
    (trainer, entry)
    for trainer in ("kohya", "ai-toolkit", "simpletuner")
    for entry in json.loads((LOGS / trainer / "index.json").read_text())
]
# Where the log's own words say a step that the plan would not have: those of a bar.
RESUMED = {"resume_plain": 8, "resume_again": 4, "resume_initial_epoch": 8}


def seen(trainer: str, entry: dict[str, Any]) -> outcome.Seen:
    """As a supervisor sees the recorded run; the finished LoRA is there where the run finished."""
    chosen = load_trainer(trainer)
    monitor = Monitor(
        entry["total_steps"] or 10,
        resumed_at=RESUMED.get(entry["log"], 0),
        bar_counts_from_resume=chosen.bar_counts_from_resume,
    )
    drawn, failed, raw = None, Failed(""), b""
    parser = chosen.parser()
    for stream in ("stderr", "stdout"):
        lines = Lines()
        part = (LOGS / trainer / f"{entry['log']}.{stream}.txt").read_bytes()
        raw += part + b"\n"
        for line in [*lines.feed(part), *lines.close(), ""]:
            for event in parser.parse(line):
                monitor.feed(event, 0.0)
                if isinstance(event, Progress):
                    drawn = (event.step, event.total)
                failed = event if isinstance(event, Failed) else failed
    monitor.close()
    whole = entry["expected_outcome"] == "finished" or entry["expected_category"] == "nan_loss"
    status = entry["exit_status"]
    lines_of_log = raw.decode("utf-8", "replace").splitlines()
    return outcome.Seen(
        status=status,
        step=monitor.snapshot()["step"],
        steps=entry["total_steps"] or 10,
        drawn=drawn,
        final="" if whole else "no finished LoRA is there",
        diagnosis=failures.diagnose(lines_of_log, status=status),
        findings=monitor.findings,
        failed=failed.text,
        failed_as=failed.code,
    )


@pytest.mark.parametrize(("trainer", "entry"), RECORDED, ids=lambda one: str(one)[:40])
def test_a_recorded_run_ends_as_it_did(trainer: str, entry: dict[str, Any]) -> None:
    found = outcome.judge(seen(trainer, entry))
    expected = entry["expected_outcome"]
    if entry["expected_category"] == "nan_loss":
        # SimpleTuner stops by itself where the others go on: for a person both lost their way.
        expected = "diverged"
    assert found.state == expected, found
    if expected == "failed":
        assert found.code == entry["expected_category"], found
    if expected != "finished":
        assert found.why


def test_status_0_without_a_lora_is_a_failure() -> None:
    found = outcome.judge(outcome.Seen(0, 12, 12, (12, 12), "no finished LoRA is there"))
    assert (found.state, found.code) == ("failed", "untrained")


def test_a_lora_from_before_the_last_step_is_none() -> None:
    found = outcome.judge(outcome.Seen(0, 8, 12, (8, 12), ""))
    assert (found.state, found.code) == ("failed", "short")


def test_a_bar_that_reached_its_own_end_is_the_end_though_we_counted_otherwise() -> None:
    assert outcome.judge(outcome.Seen(0, 11, 12, (11, 11), "")).state == "finished"


def test_a_keeper_that_was_killed_with_its_trainer_leaves_the_files_to_decide() -> None:
    assert outcome.judge(outcome.Seen(None, 12, 12, (12, 12), "")).state == "finished"
    assert outcome.judge(outcome.Seen(None, 5, 12, (5, 12), "none")).code == "killed"


def test_a_stop_after_the_last_step_stopped_nothing() -> None:
    def asked(step: int, final: str = "", **more: Any) -> outcome.Outcome:
        return outcome.judge(outcome.Seen(143, step, 12, (step, 12), final, asked="ann", **more))

    assert (asked(12).state, asked(12).code) == ("finished", "")
    assert asked(12).why == "ann asked it to stop when every step was done."
    assert asked(11).state == asked(12, "no finished LoRA is there").state == "stopped"
    full = Finding("disk_stop", "stop", "The disk is full.", {})
    whole = outcome.judge(outcome.Seen(143, 12, 12, (12, 12), "", because=full))
    assert whole.state == "finished"
    nan = Finding("nan", "stop", "The loss is not a number.", {})
    assert asked(12, findings=[nan]).state == "diverged"
