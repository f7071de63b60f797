"""Faults that a trainer hides: each is made for real, and the run must say so."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.real import processes
from benchmarks.real.held import Held, NotHeldError, hold
from benchmarks.real.studio import PATIENCE, Studio
from benchmarks.real.trainer import Made, Real
from benchmarks.real.walk import PLAN


def all_of(studio: Studio, real: Real, made: Made, held: Held) -> None:
    """Every fault, one after the other; none needs another to have held."""
    with held.step("the pictures vanish after the launch", goes_on=True):
        folder = launched(studio, real)
        shutil.rmtree(folder / "dataset")
        found = ended(studio, folder.name)
        hold(found["state"] == "failed", f"the run {found['says']}: {found['why']}")
        held.note(f"exit status {_status(folder)}; {found['why']}")
    if made.weights is not None:
        with held.step("weights that are no numbers: the loss is none from the first step"):
            folder = launched(studio, real)
            # The trainer still imports its libraries; the gates saw the whole file.
            with poisoned(made.weights):
                found = ended(studio, folder.name)
            hold(found["state"] == "diverged", f"the run {found['says']}: {found['why']}")
            processes.gone(folder)
            held.note(f"exit status {_status(folder)}; {found['why']}")
    with held.step("SIGTERM to the launcher alone", goes_on=True):
        folder = launched(studio, real)
        studio.wait(folder.name, lambda one: one["step"] >= 1, "a step")
        parent = int(_try(folder, "pid").split()[0])
        os.kill(parent, signal.SIGTERM)
        held.note(f"{len(processes.of_try(folder))} processes of it lived on")
        # Where there is no launcher it was the trainer itself: nothing may be left to stop.
        studio.ask("train", "stop", folder.name)
        found = ended(studio, folder.name)
        processes.gone(folder)
        hold(found["state"] in ("stopped", "failed"), f"the run {found['says']}: {found['why']}")
        held.note(found["why"])
    own: Callable[[Studio, Path, Held], None] | None = getattr(real, "own_faults", None)
    if own is not None:
        own(studio, launched(studio, real), held)


@contextmanager
def poisoned(weights: Path) -> Iterator[None]:
    """For the time of it the largest convolution of the file has NaN in it; then the file is as it
    was, to the second of its last change.
    """
    from ategnatos.guard.values.tensor_header import read_header

    # A convolution: the largest of all may be a table of words, of which few are used.
    folded = [one for one in read_header(weights).tensors.values() if len(one.shape) == 4]
    largest = max(folded, key=lambda one: one.end - one.begin)
    whole, other = weights.with_suffix(".whole"), weights.with_suffix(".other")
    shutil.copyfile(weights, other)
    with other.open("r+b") as file:
        file.seek(largest.begin)
        file.write(_NAN[largest.dtype] * 4096)
    os.link(weights, whole)
    other.replace(weights)
    try:
        yield
    finally:
        whole.replace(weights)


# One NaN in the bytes of a tensor.
_NAN = {"F16": b"\x00\x7e", "BF16": b"\xc0\x7f", "F32": b"\x00\x00\xc0\x7f"}


def launched(studio: Studio, real: Real) -> Path:
    """A new run whose trainer lives; its folder."""
    name = str(studio.do("train", "launch", PLAN, "--trainer", real.name).data["id"])
    folder = studio.root / "workspace" / "training" / PLAN / "runs" / name
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (folder / "attempts" / "1" / "pid").is_file():
            return folder
        time.sleep(0.1)
    raise NotHeldError("its trainer was not started within 60 s")


def ended(studio: Studio, name: str) -> dict[str, str]:
    """Wait until the run is over; its status then. Raises NotHeldError."""
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
