"""What the walk has to know of one trainer."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Made:
    """What was made for a trainer: the plan's ``values`` (``model`` among them, if it has one), and
    the ``environment`` in which every command of the walk runs (caches, no network). ``weights`` is
    the file of the network that is trained, for the fault in which its numbers are none.
    """

    values: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)
    weights: Path | None = None


class Real(Protocol):
    """One trainer. ``family`` is that of the plan, ``pictures`` how many there are (gate 1 wants
    six of an object; sixteen at most). ``steps`` is what its plan comes to in all, and
    ``every`` the steps between two saves: at least three saves, so that one can be broken.
    """

    name: str
    family: str
    pictures: int
    steps: int
    every: int

    def missing(self, home: Path, python: Path) -> str:
        """Why it cannot be walked with, as one sentence; "" where it can."""
        ...

    def make(self, folder: Path, home: Path, python: Path) -> Made:
        """Write a model of random weights, and whatever the trainer else fetches, to ``folder``."""
        ...

    def break_newest(self, output: Path) -> str:
        """Cut the newest thing in ``output`` that the trainer goes on from; its name."""
        ...


def cannot_run(
    python: Path,
    code: str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Why a Python cannot run ``code``, as one sentence; "" where it can."""
    done = subprocess.run(
        [python, "-c", code], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
    return "" if done.returncode == 0 else f"{python} cannot run it: {last}"


def cut(file: Path) -> None:
    """Cut a file off in the middle, as a full disk or a power cut does."""
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)


def cut_newest_state(output: Path) -> str:
    """Cut the optimizer of the newest ``*-state`` off; the state's name."""
    newest = max(output.glob("*-state"), key=lambda path: path.stat().st_mtime_ns)
    cut(newest / "optimizer.bin")
    return newest.name
