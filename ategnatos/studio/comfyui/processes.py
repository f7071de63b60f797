"""Processes known by id *and* start time, so that a reused id is never taken for ours.

Ending one is a ladder on its whole group: SIGINT (ComfyUI's own way to end), SIGTERM (a server
started in the background of a script ignores SIGINT), SIGKILL. Before each rung the identity is
looked at again.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

# Signals in turn, with the seconds each is given.
Ladder = Sequence[tuple[signal.Signals, float]]

# Python may be busy in a long step of the GPU when it comes.
LADDER: Ladder = (
    (signal.SIGINT, 8.0),
    (signal.SIGTERM, 10.0),
    (signal.SIGKILL, 5.0),
)
_LOOK_SECONDS = 0.05
# psutil's start times are in clock ticks since boot; the clock may be set meanwhile.
_SAME_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Identity:
    """A process: its id and when it started (seconds since 1970)."""

    pid: int
    started: float

    def process(self) -> psutil.Process | None:
        """It, where it still runs and is the same one; a zombie has ended."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.started) > _SAME_SECONDS:
                return None
            return None if process.status() == psutil.STATUS_ZOMBIE else process
        except psutil.Error:
            return None

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process() is not None


def identify(pid: int) -> Identity | None:
    """Who ``pid`` is now; None where nobody is."""
    try:
        return Identity(pid, psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def listener(port: int) -> tuple[Identity | None, str] | None:
    """Who listens on ``port`` of this machine, and its command; None where nobody does.

    The identity is None where the process belongs to somebody else and cannot be looked at.
    """
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        # macOS shows all connections to root alone.
        return _own_listener(port)
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
            if connection.pid is None:
                return None, "a program of another user"
            return identify(connection.pid), _command(connection.pid)
    return None


def _own_listener(port: int) -> tuple[Identity | None, str] | None:
    for process in psutil.process_iter():
        try:
            for connection in process.net_connections(kind="tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return identify(process.pid), _command(process.pid)
        except (psutil.Error, OSError):
            continue
    return None


def end(
    identity: Identity,
    *,
    ladder: Ladder = LADDER,
    say: Callable[[str], None] = lambda _: None,
) -> str:
    """End a process and everything in its group; the name of the signal that did it.

    "" where it had ended already, "nothing" where it still runs after the last rung.
    """
    members = _family(identity)
    if not members:
        return ""
    for rung, (number, seconds) in enumerate(ladder):
        if rung:
            say(f"It does not end by {ladder[rung - 1][0].name}; trying {number.name}")
        for member in members:
            _signal(member, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            members = [one for one in members if one.alive]
            if not members:
                return number.name
            time.sleep(_LOOK_SECONDS)
    return "nothing"


def _family(identity: Identity) -> list[Identity]:
    """The process, its descendants, and its group where it leads one that is not ours."""
    leader = identity.process()
    if leader is None:
        return []
    found = {identity.pid: identity}
    try:
        related = leader.children(recursive=True)
        if os.getpgid(identity.pid) == identity.pid != os.getpgrp():
            related += [p for p in psutil.process_iter() if _group(p.pid) == identity.pid]
    except (psutil.Error, OSError):
        related = []
    for process in related:
        if process.pid != os.getpid() and (one := identify(process.pid)) is not None:
            found.setdefault(one.pid, one)
    return list(found.values())


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except OSError:
        return -1


def _signal(identity: Identity, number: signal.Signals) -> None:
    process = identity.process()
    if process is None:
        return
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _command(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        return " ".join(process.cmdline())[:200] or str(process.name())
    except psutil.Error:
        return "a program"
