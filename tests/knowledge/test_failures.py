"""Failures named from their messages; the messages are real ones from public threads and runs."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from ategnatos.knowledge import failures
from tests.conftest import Run

MESSAGES: list[dict[str, Any]] = [
    json.loads(line)
    for line in Path(__file__).with_name("failure_messages.jsonl").read_text().splitlines()
]


def first(text: str, without: tuple[str, ...] = ()) -> str:
    found = failures.diagnose(text.split("\n"), without=without)
    return found[0].name if found else ""


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message["id"])
def test_every_known_message_leads_to_its_cause(message: dict[str, Any]) -> None:
    assert first(message["message"]) == message["category"]


def test_only_gpu_memory_is_helped_by_a_smaller_batch() -> None:
    helped = {name for name, one in failures.known().items() if one.smaller_batch_helps}
    assert helped == {"cuda_oom"}
    for message in MESSAGES:
        known = failures.known()[message["category"]]
        assert known.smaller_batch_helps == message["smaller_batch_helps"]


def normalised(text: str) -> str:
    """A message without what differs between two that say the same: numbers, paths, addresses."""
    text = re.sub(r"https?://\S+", "ADDRESS", text)
    text = re.sub(r"(/[\w.<>-]+)+", "PATH", text)
    return re.sub(r"[0-9][0-9a-fx.]*", "N", text.lower()).strip()


def folds(count: int = 3) -> list[list[dict[str, Any]]]:
    """The messages in ``count`` parts; those that say the same lie in one."""
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for message in MESSAGES:
        groups[normalised(message["message"])].append(message)
    parts: list[list[dict[str, Any]]] = [[] for _ in range(count)]
    for key in sorted(groups):
        min(parts, key=len).extend(groups[key])
    return parts


def test_the_right_cause_comes_first_for_messages_not_seen(
    record_property: pytest.RecordProperty,
) -> None:
    """A pattern that owes its wording to a message of the fold alone is left out."""
    for number, part in enumerate(folds()):
        unseen = tuple(message["source"] for message in part)
        right = sum(first(one["message"], unseen) == one["category"] for one in part)
        record_property(f"fold_{number}", f"{right}/{len(part)}")
        assert right / len(part) >= 0.8, f"fold {number}: {right} of {len(part)}"


def test_a_pattern_names_its_source_and_finds_something() -> None:
    for name, failure in failures.known().items():
        assert failure.fix, name
        assert 1 <= failure.weight <= 9
        for pattern in failure.patterns:
            re.compile(pattern.text)
            assert pattern.source.startswith(("https://", "recorded run: ")), pattern


def test_the_cause_comes_before_what_followed_from_it() -> None:
    log = [
        "epoch 1/10",
        "OSError: [Errno 28] No space left on device",
        "safetensors_rust.SafetensorError: Error while deserializing: MetadataIncompleteBuffer",
        "KeyboardInterrupt",
    ]
    told = failures.diagnose(log)
    assert [one.name for one in told] == ["disk_full", "corrupt_checkpoint", "interrupted"]
    assert told[0].number == 2


def test_what_is_quoted_is_what_the_program_said_and_not_the_line_that_raised_it() -> None:
    """Of a real SimpleTuner whose captions were gone."""
    said = "FileNotFoundError: Caption file /runs/owl-7/dataset/train/owl/15.txt not found."
    log = [
        '  File "/home/ann/SimpleTuner/simpletuner/helpers/prompts.py", line 760, in get_all',
        '    raise FileNotFoundError(f"Caption file {caption_file} not found.")',
        said,
    ]
    found = failures.diagnose(log, status=1)[0]
    assert (found.name, found.line, found.number, found.seen) == ("missing_caption", said, 2, 2)


def test_bars_and_colours_are_undone() -> None:
    log = ["\x1b[31msteps: 1/4, avr_loss=0.5\rsteps: 2/4, avr_loss=nan\x1b[0m"]
    (told,) = failures.diagnose(log)
    assert (told.name, told.number) == ("nan_loss", 2)
    assert told.line == "steps: 2/4, avr_loss=nan"


@pytest.mark.parametrize(
    ("status", "name"), [(-9, "killed"), (143, "terminated"), (130, "interrupted")]
)
def test_how_it_ended_counts_where_the_log_is_silent(status: int, name: str) -> None:
    assert failures.diagnose(["epoch 1/10"], status=status)[0].name == name
    assert failures.diagnose(["CUDA out of memory"], status=status)[0].name == "cuda_oom"
    assert failures.diagnose(["epoch 1/10"], status=0) == []
    # What a process said and went on from is not why a signal ended it.
    remarked = failures.diagnose(["ModuleNotFoundError: No module named 'xformers'"], status=status)
    assert [one.name for one in remarked] == [name, "missing_package"]


def test_what_bitsandbytes_remarks_without_a_gpu_is_no_missing_package() -> None:
    line = (
        "Failed to load CPU gemm_4bit_forward from kernels-community: No module named 'kernels'."
        " Please make sure you already `pip install kernels` and the kernels >= 0.11.1"
    )
    assert failures.diagnose([line], status=1) == []


def test_an_ordinary_log_shows_no_failure() -> None:
    log = ["loading model", "steps: 100%|##| 12/12, avr_loss=0.09", "saving checkpoint", "done"]
    assert failures.diagnose(log) == []


def test_the_command_names_cause_fix_and_line(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "train log.txt"
    log.write_text("start\nRuntimeError: CUDA out of memory. Tried to allocate 5 GiB\n")
    told = run("knowledge", "diagnose", str(log), "--json", cwd=tmp_path).data
    assert told["causes"][0]["name"] == "cuda_oom"
    assert told["causes"][0]["line_number"] == 2
    assert told["causes"][0]["smaller_batch_helps"] is True
    plain = run("knowledge", "diagnose", str(log), cwd=tmp_path)
    assert "Halve the batch size" in plain.out
    log.write_text("all is well\n")
    assert "shows no failure" in run("knowledge", "diagnose", str(log), cwd=tmp_path).out
    gone = run("knowledge", "diagnose", str(tmp_path / "gone"), cwd=tmp_path)
    assert gone.code == 1
    assert run("knowledge", "diagnose", str(tmp_path), cwd=tmp_path).code == 1


def test_a_search_finds_a_failure_with_its_fix(run: Run, tmp_path: Path) -> None:
    hits = run("knowledge", "search", "cuda out of memory", "--json", cwd=tmp_path).data["hits"]
    assert hits[0]["where"] == "failure cuda_oom"
    assert "Halve the batch size" in hits[0]["text"]
