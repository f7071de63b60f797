"""Rented machines kept tidy: what is home already goes, what is not stays, whatever the number."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ategnatos.machines.ssh.link import Link
from ategnatos.studio import fleet
from tests.studio.near import near

DAY = 86_400
NOW = 1_795_000_000


def aged(path: Path, seconds: int) -> Path:
    """So many seconds before the studio last brought everything home."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.write_bytes(b"x" * 5000)
    os.utime(path, (NOW - seconds, NOW - seconds))
    return path


@pytest.fixture
def link(tmp_path: Path) -> Link:
    return near(tmp_path)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with six saves, weights and states, of which the two newest are not home."""
    folder = tmp_path / "ategnatos-runs" / "studio" / "owl-1"
    for number in range(6):
        age = (3 - number) * 60
        aged(folder / "output" / f"owl {number}.safetensors", age)
        aged(folder / "output" / f"owl{number}-state" / "optimizer.bin", age)
        os.utime(folder / "output" / f"owl{number}-state", (NOW - age, NOW - age))
    aged(folder / "output" / "notes.txt", 10 * DAY)
    aged(folder / "brought", 0)
    return folder


def left(run: Path) -> list[str]:
    return sorted(one.name for one in (run / "output").iterdir())


def test_the_newest_stay_and_what_is_not_home_yet(link: Link, run: Path) -> None:
    everything = left(run)
    dry = fleet.tidy(link, keep=3, dry=True)
    assert left(run) == everything
    gone = fleet.tidy(link, keep=3, dry=False)
    assert gone == dry
    assert {Path(one.path).name for one in gone} == {
        *(f"owl {number}.safetensors" for number in range(3)),
        *(f"owl{number}-state" for number in range(3)),
    }
    assert all(one.size > 0 for one in gone)
    assert "notes.txt" in left(run)
    # Two are newer than the stamp: of one that is to stay, two do.
    fleet.tidy(link, keep=1, dry=False)
    assert [one for one in left(run) if one.endswith(".safetensors")] == [
        "owl 4.safetensors",
        "owl 5.safetensors",
    ]


def test_a_run_that_was_never_brought_home_loses_nothing(link: Link, run: Path) -> None:
    (run / "brought").unlink()
    everything = left(run)
    assert fleet.tidy(link, keep=1, dry=False) == []
    assert left(run) == everything


def test_stale_logs_and_half_files_go_and_those_of_the_living_stay(
    link: Link, run: Path, tmp_path: Path
) -> None:
    phases = tmp_path / ".ategnatos-phases"
    old, new = aged(phases / "setup.log", 30 * DAY), phases / "data.log"
    held = aged(phases / "train.log", 30 * DAY)
    new.write_text("x")
    part = aged(phases / "setup.sh.part.77", DAY)
    log = aged(run / "attempts" / "1" / "log.txt", 30 * DAY)
    stale = aged(tmp_path / ".ategnatos-dead-man" / "pid", 0)
    stale.write_text("99999999\n")
    holder = subprocess.Popen(["flock", str(phases / "train.lock"), "sleep", "600"])
    living = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        born = Path(f"/proc/{living.pid}/stat").read_text().rpartition(") ")[2].split()[19]
        (run / "attempts" / "1" / "pid").write_text(f"{living.pid} {born}\n")
        assert fleet.look(link).runs == {"owl-1": "trains"}
        while subprocess.run(["flock", "-n", str(phases / "train.lock"), "true"]).returncode == 0:
            pass
        gone = {(one.kind, one.path) for one in fleet.tidy(link, dry=False)}
        assert gone == {("log", str(old)), ("part", str(part)), ("pid", str(stale))}
        living.kill()
        living.wait()
        # Two saves are newer than the last time that all was brought home.
        assert fleet.look(link).runs == {"owl-1": "unbrought"}
        (run / "brought").touch()
        assert fleet.look(link).runs == {"owl-1": "over"}
        os.utime(run / "brought", (NOW, NOW))
        assert [one.path for one in fleet.tidy(link, dry=False)] == [str(log)]
        assert held.exists()
        assert new.exists()
    finally:
        for one in (holder, living):
            one.kill()
            one.wait()


def test_a_machine_says_how_full_and_how_busy_it_is(link: Link, tmp_path: Path) -> None:
    smi = tmp_path / "bin" / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho '87, 20000, 24564'\n")
    smi.chmod(0o755)
    found = fleet.look(link)
    assert found.gpus == ((87, 20000, 24564),)
    assert 0 < found.disk_used < 1
    assert found.disk_free > 0
    assert found.facts()["gpus"][0]["busy_percent"] == 87
