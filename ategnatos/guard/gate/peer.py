"""Who is at the other end of a Unix socket: which process, session and terminal."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

# linux/socket.h (asm-generic), since Linux 6.5; sys/un.h of macOS.
_SO_PEERPIDFD = 77
_SOL_LOCAL, _LOCAL_PEERPID, _LOCAL_PEERCRED = 0, 2, 1


@dataclass(frozen=True, slots=True)
class Facts:
    """A process. ``started`` is when, in the system's own clock and unit; ``terminal`` is the
    device number of its controlling terminal, 0 for none; ``group`` its process group.
    """

    pid: int
    started: float
    session: int
    group: int
    terminal: int


def facts(pid: int) -> Facts | None:
    """What the kernel says of a process now; None where there is none."""
    return _linux(pid) if sys.platform == "linux" else _other(pid)


def of_socket(connection: socket.socket) -> tuple[int, Facts] | None:
    """User id and facts of the process that connected, if it still lives; else None.

    A process id may be used again: on Linux 6.5 and newer the kernel hands out a handle to the
    very process, and it must be alive after it was looked at.
    """
    handle = _handle(connection)
    try:
        uid, pid = _credentials(connection)
        found = facts(pid)
        if handle is not None:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            if poll.poll(0):
                return None  # it has ended: what was looked at may be somebody else
        return None if found is None else (uid, found)
    except OSError:
        return None
    finally:
        if handle is not None:
            os.close(handle)


def _handle(connection: socket.socket) -> int | None:
    if sys.platform != "linux":
        return None
    try:
        return connection.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD)
    except OSError:
        return None


def _credentials(connection: socket.socket) -> tuple[int, int]:
    """User id and process id. Raises OSError."""
    if sys.platform == "linux":
        size = struct.calcsize("3i")
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        pid, uid, _ = struct.unpack("3i", raw)
        return uid, pid
    raw = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, 76)
    _, uid = struct.unpack_from("2I", raw)
    return uid, connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERPID)


def _linux(pid: int) -> Facts | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    # proc_pid_stat(5): the name may hold spaces and parentheses, so count from the last one.
    rest = text[text.rindex(")") + 2 :].split()
    group, session, terminal, started = int(rest[2]), int(rest[3]), int(rest[4]), int(rest[19])
    return Facts(pid, float(started), session, group, terminal)


def _other(pid: int) -> Facts | None:
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        name = process.terminal()
        device = os.stat(name).st_rdev if name else 0  # noqa: PTH116
        return Facts(pid, process.create_time(), os.getsid(pid), os.getpgid(pid), device)
    return None
