"""The processes of a try: the launcher, the trainer, and what they started."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.real.held import NotHeldError, hold


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the group; ``memory`` in pages."""

    pid: int
    parent: int
    memory: int
    command: str


def of_try(run: Path) -> list[Process]:
    """Those of the newest try of a run that live, by the group that its keeper wrote down."""
    tries = sorted((run / "attempts").iterdir(), key=lambda path: int(path.name))
    group = int((tries[-1] / "pid").read_text().split()[0])
    return of_group(group)


def of_group(group: int) -> list[Process]:
    """The living processes of a process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            pages = int((entry / "statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            continue
        if words[0] not in "ZX" and int(words[2]) == group:
            found.append(Process(int(entry.name), int(words[1]), pages, command))
    return found


def trainer(run: Path) -> Process:
    """The one that trains: it holds the model, so it is the largest."""
    found = of_try(run)
    hold(found, "no process of the try lives")
    return max(found, key=lambda one: one.memory)


def kill(run: Path) -> Process:
    """SIGKILL to the one that trains."""
    one = trainer(run)
    os.kill(one.pid, signal.SIGKILL)
    return one


def gone(run: Path, patience: float = 60.0) -> None:
    """Wait until no process of the try lives. Raises NotHeldError."""
    deadline = time.monotonic() + patience
    while left := of_try(run):
        if time.monotonic() > deadline:
            raise NotHeldError(f"it still lives: {left}")
        time.sleep(0.5)
