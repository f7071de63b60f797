"""The journal keeps its order, knows its own lines, and survives being cut off."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ategnatos.grimoire import journal, journal_check
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import canonical_json, sha256_bytes
from ategnatos.grimoire.project import Project


def fill(project: Project, count: int) -> list[journal.Event]:
    return [
        journal.append(project, "noted", actor="test", references={"n": str(n)}, data={"n": n})
        for n in range(count)
    ]


def lines(project: Project) -> list[bytes]:
    return project.journal_path.read_bytes().split(b"\n")[:-1]


def put(project: Project, kept: list[bytes]) -> None:
    project.journal_path.write_bytes(b"".join(line + b"\n" for line in kept))


def test_events_come_back_in_order_with_everything_they_said(project: Project) -> None:
    data = {"prompt": 'a "red"\n| potion 🎨', "settings": {"cfg": 7.5, "seed": 12}, "none": None}
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    written = journal.append(
        project, "made", actor="user:ä", references={"job": "j1"}, data=data, now=now
    )
    assert list(journal.read(project)) == [written]
    assert written.time == "2026-01-02T01:04:05.000000Z"
    assert written.id == "e00000001"


def test_each_line_holds_the_hash_of_the_one_before(project: Project) -> None:
    fill(project, 5)
    found = lines(project)
    for before, line in pairwise(found):
        assert json.loads(line)["previous"] == sha256_bytes(before)


def test_kinds_are_compared_and_not_searched_for(project: Project) -> None:
    journal.append(
        project, "noted", actor="a", data={"kind": "verdict", "text": '"kind":"verdict"'}
    )
    wanted = journal.append(project, "verdict", actor="a")
    assert list(journal.read(project, {"verdict"})) == [wanted]


def test_an_unknown_event_cannot_be_referred_to(project: Project) -> None:
    first = fill(project, 1)[0]
    journal.append(project, "noted", actor="a", references={"verdict_event": first.id})
    before = project.journal_path.read_bytes()
    for reference in ("e00000009", "e3", "", "nonsense", None, 1, "e00000000", "e٣٣٣٣٣٣٣٣"):
        with pytest.raises(StudioError) as raised:
            journal.append(project, "noted", actor="a", references={"event": reference})
        assert raised.value.code.code == "event_unknown"
    assert project.journal_path.read_bytes() == before


@pytest.mark.parametrize("cut", [1, 10, 0.5])
def test_a_torn_tail_is_repaired_and_reported(project: Project, cut: float) -> None:
    kept = fill(project, 3)
    whole = project.journal_path.read_bytes()
    last = lines(project)[-1] + b"\n"
    keep = len(whole) - (int(cut) if cut >= 1 else len(last) // 2)
    project.journal_path.write_bytes(whole[:keep])
    # What was cut off is the event that was being written: its head was never recorded.
    (project.state / "journal.head").write_text(f"{2:020d} {sha256_bytes(lines(project)[1])}\n")

    assert list(journal.read(project)) == kept[:2]
    report = journal.verify(project)
    assert report.sound
    assert report.torn_bytes > 0

    after = journal.append(project, "noted", actor="test")
    assert [event.kind for event in journal.read(project)][2:] == ["journal_repaired", "noted"]
    assert after.id == "e00000004"
    report = journal.verify(project)
    assert (report.sound, report.torn_bytes, report.events) == (True, 0, 4)
    assert (project.state / report.set_aside[0]).read_bytes() == whole[:keep][
        -report_bytes(project) :
    ]


def report_bytes(project: Project) -> int:
    repairs = list(journal.read(project, {"journal_repaired"}))
    size = repairs[0].data["bytes"]
    assert isinstance(size, int)
    return size


Tamper = Callable[[list[bytes]], list[bytes]]


def change(field: str, value: Any) -> Tamper:
    def tamper(found: list[bytes]) -> list[bytes]:
        event = json.loads(found[1]) | {field: value}
        return [found[0], canonical_json(event), *found[2:]]

    return tamper


@pytest.mark.parametrize(
    "tamper",
    [
        change("actor", "somebody"),
        change("data", {"n": 99}),
        change("id", "e00000009"),
        change("previous", "0" * 64),
        lambda found: found[:1] + found[2:],
        lambda found: found[1:],
        lambda found: found[:-1],
        lambda found: [],
        lambda found: [found[0], found[2], found[1], found[3]],
        lambda found: [found[0], found[0], *found[1:]],
        lambda found: [found[0], b"", *found[1:]],
        lambda found: [found[0], b"{}", *found[2:]],
        lambda found: [found[0], found[1] + b" ", *found[2:]],
        lambda found: [*found[:-1], found[-1].replace(b"noted", b"other")],
        lambda found: [*found, found[-1]],
    ],
    ids=range(15),
)
def test_every_kind_of_change_is_seen(project: Project, tamper: Tamper) -> None:
    fill(project, 4)
    assert journal.verify(project).sound
    put(project, tamper(lines(project)))
    assert not journal.verify(project).sound


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_seen(project: Project, place: float, bit: int) -> None:
    if not project.journal_path.exists():
        fill(project, 3)
    whole = project.journal_path.read_bytes()
    spoilt = bytearray(whole)
    spoilt[int(place * len(whole))] ^= 1 << bit
    project.journal_path.write_bytes(spoilt)
    try:
        report = journal.verify(project)
        assert not report.sound or report.torn_bytes
    finally:
        project.journal_path.write_bytes(whole)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda found: found[:-1],
        lambda found: [],
        lambda found: [*found[:-1], b"nonsense"],
        lambda found: [*found[:-1], found[-1].replace(b"noted", b"other")],
    ],
    ids=["last line gone", "all gone", "last line unreadable", "last line changed"],
)
def test_nothing_is_added_to_a_journal_that_was_tampered_with(
    project: Project, tamper: Tamper
) -> None:
    fill(project, 3)
    put(project, tamper(lines(project)))
    before = project.journal_path.read_bytes()
    with pytest.raises(StudioError) as raised:
        journal.append(project, "noted", actor="test")
    assert raised.value.code.code == "journal_corrupt"
    assert project.journal_path.read_bytes() == before


def test_a_head_that_lags_after_a_crash_is_no_problem(project: Project) -> None:
    fill(project, 3)
    (project.state / "journal.head").write_text(f"{2:020d} {sha256_bytes(lines(project)[1])}\n")
    assert journal.verify(project).sound
    journal.append(project, "noted", actor="test")
    assert journal.verify(project).sound


@pytest.mark.parametrize("content", [b"", b"\0" * 85, b"nonsense"])
def test_a_head_spoilt_by_a_power_cut_is_no_problem(project: Project, content: bytes) -> None:
    fill(project, 3)
    (project.state / "journal.head").write_bytes(content)
    assert journal.verify(project).sound
    journal.append(project, "noted", actor="test")


def test_reading_stops_at_a_line_that_is_no_event(project: Project) -> None:
    fill(project, 3)
    found = lines(project)
    put(project, [found[0], b"nonsense", found[2]])
    with pytest.raises(StudioError) as raised:
        list(journal.read(project))
    assert raised.value.details["line"] == 2


def test_the_unbroken_part_of_a_damaged_journal_can_be_saved(project: Project) -> None:
    events = fill(project, 5)
    found = lines(project)
    put(project, [*found[:3], b"nonsense", *found[4:]])
    damaged = project.journal_path.read_bytes()
    saved, kept = journal_check.salvage(project, actor="test")
    assert saved == 3
    assert (project.state / kept).read_bytes() == damaged
    assert list(journal.read(project))[:3] == events[:3]
    assert journal.verify(project).sound
    journal.append(project, "noted", actor="test")


def test_a_changed_last_line_is_not_saved(project: Project) -> None:
    fill(project, 3)
    found = lines(project)
    put(project, [*found[:-1], found[-1].replace(b"noted", b"other")])
    assert journal_check.salvage(project, actor="test")[0] == 2
    assert journal.verify(project).sound


def test_a_value_without_json_is_refused_and_nothing_is_recorded(project: Project) -> None:
    with pytest.raises(StudioError) as raised:
        journal.append(project, "noted", actor="test", data={"n": float("nan")})
    assert raised.value.code.code == "not_json"
    assert list(journal.read(project)) == []


def test_a_failed_write_is_taken_back(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(project, 2)
    before = project.journal_path.read_bytes()

    def broken(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "sync_file", broken)
        with pytest.raises(StudioError) as raised:
            journal.append(project, "noted", actor="test")
    assert raised.value.code.code == "disk_full"
    assert project.journal_path.read_bytes() == before
    assert journal.verify(project).sound


APPENDER = """
import sys
from pathlib import Path
from ategnatos.grimoire import journal
from ategnatos.grimoire.project import Project
for n in range(60):
    journal.append(Project(Path(sys.argv[1])), "noted", actor=sys.argv[2], data={"n": n})
"""


def test_four_writers_at_once_make_one_unbroken_chain(project: Project) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", APPENDER, str(project.root), str(number)])
        for number in range(4)
    ]
    assert [writer.wait() for writer in writers] == [0] * 4
    report = journal.verify(project)
    assert (report.events, report.sound) == (240, True)
    for number in range(4):
        mine = [e.data["n"] for e in journal.read(project) if e.actor == str(number)]
        assert mine == list(range(60))


def test_reading_costs_no_heavy_import(project: Project) -> None:
    fill(project, 1)
    code = (
        "import sys; from pathlib import Path; from ategnatos.grimoire import journal;"
        "from ategnatos.grimoire.project import Project;"
        "assert len(list(journal.read(Project(Path(sys.argv[1]))))) == 1;"
        "assert not {'pydantic', 'filelock', 'yaml', 'sqlite3'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(project.root)], check=True)


def test_the_clock_is_used_where_no_time_is_handed_in(project: Project) -> None:
    before = datetime.now(UTC)
    event = journal.append(project, "noted", actor="test")
    assert before <= datetime.fromisoformat(event.time) <= datetime.now(UTC)


def test_the_journal_is_not_written_through_a_link(project: Project, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("")
    project.journal_path.symlink_to(target)
    with pytest.raises(StudioError):
        journal.append(project, "noted", actor="test")
    assert target.read_text() == ""
