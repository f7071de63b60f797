"""Keep jobs to oneself while their pictures are removed: no worker begins with them meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ategnatos.grimoire.jobs import database, leases
from ategnatos.grimoire.jobs.owners import owner_name

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

# Long enough to remove many thousand files; the lease of a process that dies ends by itself.
_SECONDS = 300.0


@contextmanager
def kept_from_work(project: Project, job_ids: Iterable[int]) -> Iterator[set[int]]:
    """Hold those of the jobs that nobody works on; which they are."""
    wanted = sorted(job_ids)
    if not wanted:
        yield set()
        return
    with database.connect(project) as db:
        holds = leases.take(db, wanted, owner_name("clean"), _SECONDS)
    try:
        yield set(holds)
    finally:
        with database.connect(project) as db:
            leases.release(db, holds.values())
