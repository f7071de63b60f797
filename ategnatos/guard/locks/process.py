"""Which process is meant, told apart from every other that has had or will have its number."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """``started`` is when it began, as an opaque text; with ``pid`` it is unique on a machine.

    ``machine`` is where the number means this process: one boot-independent id of the machine
    and its space of process numbers (a container has its own). ``host`` is for people.
    """

    pid: int
    started: str
    machine: str
    host: str


def this() -> Process:
    """The process that asks."""
    found = of(os.getpid())
    if found is None:  # pragma: no cover - who asks is alive
        raise ProcessLookupError(os.getpid())
    return found


def of(pid: int) -> Process | None:
    """The living process of that number on this machine; None where there is none.

    One that has ended and was not yet collected by its parent (a zombie) holds nothing.
    """
    started = _started(pid)
    return None if started is None else Process(pid, started, machine(), platform.node())


def alive(process: Process) -> bool | None:
    """Whether ``process`` still runs; None where that cannot be known from this machine."""
    if process.machine != machine():
        return None
    return _started(process.pid) == process.started


def session_leader() -> Process | None:
    """The shell of the terminal that this command runs in; None without a terminal."""
    try:
        descriptor = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return None
    os.close(descriptor)
    leader = os.getsid(0)
    return None if leader == os.getpid() else of(leader)


def ancestors() -> frozenset[int]:
    """The numbers of the processes that started this one, itself included."""
    import psutil

    try:
        return frozenset({os.getpid(), *(one.pid for one in psutil.Process().parents())})
    except psutil.Error:
        return frozenset({os.getpid(), os.getppid()})


@cache
def machine() -> str:
    """The machine and its space of process numbers."""
    try:
        number = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        number = ""
    if not number:
        import uuid

        number = f"{uuid.getnode():012x}"
    try:
        space = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no path, a name like pid:[40..]
    except OSError:
        space = "pid"
    return f"{number}/{space}"


def _started(pid: int) -> str | None:
    if sys.platform == "linux":
        try:
            line = Path(f"/proc/{pid}/stat").read_bytes()
        except OSError:
            return None
        # The name in brackets may hold anything; the fields after its last bracket are counted.
        fields = line[line.rfind(b")") + 2 :].split()
        if fields[0] in {b"Z", b"X", b"x"}:
            return None
        # Ticks since the boot (field 22): no change of the clock moves it.
        return f"{_boot()}:{fields[19].decode()}"
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return None


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    except OSError:
        return "boot"
