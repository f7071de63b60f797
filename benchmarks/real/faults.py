"""Faults that a trainer hides: each is made for real, and the run must say so."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

from benchmarks.real import processes
from benchmarks.real.held import Held, NotHeldError, hold
from benchmarks.real.studio import PATIENCE, Studio
from benchmarks.real.trainer import Real
from benchmarks.real.walk import PLAN


def all_of(studio: Studio, real: Real, held: Held) -> None:
    """Every fault, one after the other; none needs another to have held."""
    with held.step("the pictures vanish after the launch", goes_on=True):
        folder = _launched(studio, real)
        shutil.rmtree(folder / "dataset")
        ended = _ended(studio, folder.name)
        hold(ended["state"] == "failed", f"the run {ended['says']}: {ended['why']}")
        held.note(f"exit status {_status(folder)}; {ended['why']}")
    with held.step("SIGTERM to the launcher alone", goes_on=True):
        folder = _launched(studio, real)
        studio.wait(folder.name, lambda one: one["step"] >= 1, "a step")
        parent = int(_try(folder, "pid").split()[0])
        os.kill(parent, signal.SIGTERM)
        held.note(f"{len(processes.of_try(folder))} processes of it lived on")
        studio.do("train", "stop", folder.name)
        ended = _ended(studio, folder.name)
        processes.gone(folder)
        hold(ended["state"] in ("stopped", "failed"), f"the run {ended['says']}: {ended['why']}")
        held.note(ended["why"])


def _launched(studio: Studio, real: Real) -> Path:
    """A new run whose trainer lives; its folder."""
    name = str(studio.do("train", "launch", PLAN, "--trainer", real.name).data["run"])
    folder = studio.root / "workspace" / "training" / PLAN / "runs" / name
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (folder / "attempts" / "1" / "pid").is_file():
            return folder
        time.sleep(0.1)
    raise NotHeldError("its trainer was not started within 60 s")


def _ended(studio: Studio, name: str) -> dict[str, str]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        seen = studio.status(name)
        if seen["state"] in ("finished", "stopped", "failed", "diverged", "lost"):
            return seen
        time.sleep(2.0)
    raise NotHeldError(f"within {PATIENCE:.0f} s it did not end")


def _try(folder: Path, name: str) -> str:
    return (folder / "attempts" / "1" / name).read_text()


def _status(folder: Path) -> str:
    path = folder / "attempts" / "1" / "status"
    return path.read_text().strip() if path.is_file() else "unknown"
