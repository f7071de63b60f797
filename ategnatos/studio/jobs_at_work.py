"""Whether a process is working on a job right now, or died while it did."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.locks import LOCKED, hold

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.store import Job
    from ategnatos.grimoire.project import Project


def lock_name(job: Job) -> str:
    """The lock that whoever makes or removes this job's pictures holds."""
    return f"job-{job.engine}-{job.binding}"


def try_lock(project: Project, job: Job) -> ExitStack | None:
    """Hold the job's lock until the stack is closed; None where a process is at work on it.

    The kernel frees the lock of a process that died, so None is never stale.
    """
    stack = ExitStack()
    try:
        stack.enter_context(hold(project, lock_name(job), wait=0))
    except StudioError as error:
        if error.code is LOCKED:
            return None
        raise
    return stack


def at_work(project: Project, job: Job) -> bool:
    """Whether a process is making this job's pictures at this moment."""
    lock = try_lock(project, job)
    if lock is None:
        return True
    lock.close()
    return False
