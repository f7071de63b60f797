"""Locks that hold across processes and threads, and die with their holder.

Built on filelock (flock under Linux and macOS): the kernel frees the lock when its process
ends, so a stale lock, a reused process id or a forged holder cannot exist. Lock files live in
the project, never in a shared /tmp, are opened without following links, and are never deleted:
deleting one would let two waiters lock two different files of one name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained
from ategnatos.grimoire.project import Project

LOCKED = ErrorCode("locked", "Somebody else is changing the same thing right now.")

WAIT_SECONDS = 30.0
# Edits last about a millisecond; filelock's own 50 ms would make waiters idle most of the time.
_POLL_SECONDS = 0.002


@contextmanager
def hold(project: Project, name: str, *, wait: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the project's lock called ``name`` for the block; wait at most ``wait`` seconds.

    Not re-entrant: a second ``hold`` of one name inside the first is refused after the wait.
    Raises StudioError (``locked``), with nothing changed.
    """
    from filelock import FileLock, Timeout

    folder = project.state / "locks"
    path = folder / f"{name}.lock"
    lock = FileLock(path, timeout=wait, poll_interval=_POLL_SECONDS)
    with explained(path, "The lock was not taken and nothing was changed."):
        try:
            lock.acquire()
        except FileNotFoundError:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise StudioError(
                LOCKED,
                f"Another process has been changing {name!r} for {wait:g} seconds;"
                " nothing was changed here.",
                hint="Run the same command again in a moment. If it stays locked, see who holds"
                f" it with 'lsof {path}' and end that process: its lock ends with it.",
                lock=name,
                path=str(path),
            ) from None
    try:
        yield
    finally:
        lock.release()
