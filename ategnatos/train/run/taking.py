"""Whether a run that was begun is really carried on: what its supervisor did, and not what was
meant.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import database, store
from ategnatos.train.run import record, status

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from ategnatos.grimoire.project import Project
    from ategnatos.train.run.record import Run

RUN_UNTAKEN = ErrorCode("run_untaken", "No supervisor has taken a training run up.")

# What a supervisor may need on a busy computer until it says a word.
PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_MOST_WORDS = 4096


@dataclass(frozen=True, slots=True)
class Supervisor:
    """One that was started: its process, and from where on its log is its own."""

    process: subprocess.Popen[bytes]
    log: Path
    begins: int

    def ended(self) -> int | None:
        """Its exit status, None while it lives."""
        return self.process.poll()

    def words(self) -> str:
        """The last line that it wrote."""
        try:
            with self.log.open("rb") as log:
                log.seek(0, 2)
                log.seek(max(self.begins, log.tell() - _MOST_WORDS))
                lines = log.read().decode(errors="replace").splitlines()
        except OSError:
            return ""
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")


@dataclass(frozen=True, slots=True)
class Taken:
    """How a run stands now that somebody saw to it; ``waits`` says for what it waits in the line
    ("": it waits no more).
    """

    run: Run
    waits: str = ""


class Starting:
    """For ``begin=``: starts supervisors by ``start`` and keeps the last one."""

    def __init__(self, start: Callable[[Project, int], Supervisor]) -> None:
        self._start = start
        self.last: Supervisor | None = None

    def __call__(self, project: Project, job_id: int) -> Supervisor:
        self.last = self._start(project, job_id)
        return self.last

    def taken(self, project: Project, run: Run) -> Taken:
        """How the run stands, seen by :func:`taken_up` where a supervisor was started."""
        if self.last is None:
            return Taken(run, status.waits_for(project, run))
        return taken_up(project, run, self.last)


def taken_up(
    project: Project, run: Run, by: Supervisor, *, patience: float = PATIENCE_SECONDS
) -> Taken:
    """Wait until the run is at work, is over, or waits for something that can be named.

    Raises StudioError (``run_untaken``) where its supervisor ended without, or has not come to it
    after ``patience`` seconds; the run then stands as before, and another may take it up.
    """
    deadline = time.monotonic() + patience
    waited = False
    while True:
        # Asked first: what it did before its end is then seen below.
        ended = by.ended()
        run = record.load(project, run.id)
        if run.state in record.ENDED:
            return Taken(run)
        with database.connect(project) as db:
            job = store.get(db, int(run.job.removeprefix("j")))
            held, postponed = job.held(db.now()), job.not_before > db.now()
        if held and run.state != "queued":
            return Taken(run)
        why = ""
        if not held and (postponed or status.held_back(project, run.gpu)):
            why = status.waits_for(project, run)
            # Its own supervisor may be taking it just now, which uses the GPU too: looked at twice.
            if why and waited:
                return Taken(run, why)
        waited = bool(why)
        late = time.monotonic() >= deadline
        if ended is not None and not held and not why:
            raise _untaken(run, by, f"its supervisor ended at once, with status {ended}")
        if late and not held:
            raise _untaken(run, by, f"its supervisor has not come to it in {patience:.0f} s")
        if late:
            # Somebody has it in hand: a far machine is slow to answer, or pictures are brought.
            return Taken(run)
        time.sleep(_LOOK_SECONDS)


def _untaken(run: Run, by: Supervisor, why: str) -> StudioError:
    said = by.words()
    return StudioError(
        RUN_UNTAKEN,
        f"{run.id} {run.says}, and nobody carries it on: {why}."
        + (f" It said: {said}" if said else f" It said nothing in {by.log}."),
        hint=f"Begin another: ategnatos train queue start {run.gpu}. Or take it out of the line:"
        f" ategnatos train stop {run.id}",
        run=run.id,
        gpu=run.gpu,
        log=str(by.log),
    )
