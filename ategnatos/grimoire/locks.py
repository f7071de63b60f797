"""Locks that hold across processes and threads, and die with their holder.

The kernel's flock on a file of its own: it frees the lock when its process ends, so a stale
lock, a reused process id or a forged holder cannot exist. Lock files live in the project, never
in a shared /tmp, are opened without following links, and are never deleted: deleting one would
let two waiters lock two different files of one name.

Own code and not filelock, which the rest of the house uses: this lock is taken for each event
and each edit, and filelock's import and bookkeeping cost more than the write they guard
(``benchmarks/grimoire.py``, ``benchmarks/enqueue.py``).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained
from ategnatos.grimoire.project import MARKER, Project

LOCKED = ErrorCode("locked", "Somebody else is changing the same thing right now.")

WAIT_SECONDS = 30.0
# Edits last about a millisecond: who waits looks again soon, and the processor is left to others.
_POLL_SECONDS = 0.002
_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


@contextmanager
def hold(project: Project, name: str, *, wait: float | None = None) -> Iterator[None]:
    """Hold the project's lock called ``name`` for the block; wait at most ``wait`` seconds
    (default: ``WAIT_SECONDS``).

    Not re-entrant: a second ``hold`` of one name inside the first is refused after the wait.
    Raises StudioError (``locked``, ``write_failed``), with nothing changed.
    """
    holder = os.getpid()
    descriptor = _taken(
        f"{project.root}/{MARKER}/locks/{name}.lock", name, WAIT_SECONDS if wait is None else wait
    )
    try:
        yield
    finally:
        try:
            # A copy of this process (os.fork) shares the lock: leaving the block there must
            # close the copy and nothing more.
            if os.getpid() == holder:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)


def _taken(path: str, name: str, wait: float) -> int:
    """The open file that holds the lock; the caller gives it back."""
    with explained(path, "The lock was not taken and nothing was changed."):
        try:
            descriptor = os.open(path, _OPEN, 0o644)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
            descriptor = os.open(path, _OPEN, 0o644)
        try:
            if _locked_at_once(descriptor) or _locked_in_time(descriptor, wait):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
    raise StudioError(
        LOCKED,
        f"Another process has been changing {name!r} for {wait:g} seconds;"
        " nothing was changed here.",
        hint="Run the same command again in a moment. If it stays locked, see who holds"
        f" it with 'lsof {path}' and end that process: its lock ends with it.",
        lock=name,
        path=path,
    )


def _locked_at_once(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        # Some network file systems say EACCES for "held elsewhere".
        return False
    return True


def _locked_in_time(descriptor: int, wait: float) -> bool:
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        if _locked_at_once(descriptor):
            return True
    return False
