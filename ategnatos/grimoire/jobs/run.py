"""What a step function is handed: its job, its progress, and a safe way to send something."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, leases, sending
from ategnatos.grimoire.jobs.effects import Effect

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.claims import Claim
    from ategnatos.grimoire.jobs.database import Clock, Database
    from ategnatos.grimoire.jobs.leases import Policy
    from ategnatos.grimoire.jobs.records import Job
    from ategnatos.grimoire.project import Project

# Written at most this often, in seconds: more would wait for the disk without a reader.
PROGRESS_SECONDS = 0.5


class StoppedError(Exception):
    """The work has to stop: ``by`` cancelled it, or, where that is empty, the worker ends."""

    def __init__(self, by: str = "") -> None:
        super().__init__(f"cancelled by {by}" if by else "the worker ends")
        self.by = by


class FaultError(Exception):
    """A refusal that another try may mend: the engine is away, or delivered nonsense."""

    def __init__(self, error: StudioError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True, slots=True)
class Done:
    """What a step leaves. ``to`` None is the way on that its saga says.

    ``data`` (JSON values) is added to what later steps find in ``job.data``. ``also`` is carried
    out in the transaction that moves the job, ``after`` once it has moved.
    """

    to: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    also: Callable[[Database], None] | None = None
    after: Callable[[], None] | None = None


class Run:
    """One step of one job, as long as it lasts."""

    def __init__(
        self,
        project: Project,
        db: Database,
        claim: Claim,
        policy: Policy,
        pulse: Pulse,
        at: sending.Point,
    ) -> None:
        self.project = project
        self.db = db
        self.job: Job = claim.job
        self.hold = claim.hold
        self._policy = policy
        self._pulse = pulse
        self._at = at

    def progress(self, done: int, total: int, message: str = "") -> None:
        """Say how far it is. Raises as :meth:`check`: an engine may call nothing else."""
        self.check()
        self._pulse.said = {"done": done, "total": total, "message": message}

    def check(self) -> None:
        """Raise StoppedError or StudioError (``lease_lost``) where the work has to stop."""
        self._pulse.check()

    def wait(self, seconds: float) -> None:
        """Sleep, and wake to stop as :meth:`check` does."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, 0.1))
        self.check()

    def point(self, name: str) -> None:
        """Say where the work stands, for whoever watches."""
        self._at(name, self.job.id)

    def effect(self, effect: Effect) -> dict[str, Any]:
        """Send something that is billed, once: see :func:`~.sending.carry_out`."""
        self.check()
        return sending.carry_out(
            self.db, self.hold, self.job, self._policy, effect, self._at, self.wait
        )


class Pulse:
    """A thread that renews the lease while a step works, and brings back who wants it to stop.

    It has a connection of its own. Where the database does not answer for as long as the lease
    lasts, it says so: by then somebody else may have the job.
    """

    def __init__(
        self,
        project: Project,
        claim: Claim,
        policy: Policy,
        clock: Clock,
        ending: threading.Event,
    ) -> None:
        self.said: dict[str, Any] | None = None
        self._project = project
        self._hold = claim.hold
        self._policy = policy
        self._clock = clock
        self._ending = ending
        self._over = threading.Event()
        self._stop = claim.job.stop
        self._lost: StudioError | None = None
        self._confirmed = time.monotonic()
        self._thread = threading.Thread(target=self._beat, name="pulse", daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """Raise what the work has to stop for, if anything."""
        if self._lost is not None:
            raise self._lost
        if time.monotonic() - self._confirmed > self._policy.lease:
            raise leases.lost(self._hold)
        if self._stop is not None:
            raise StoppedError(self._stop)
        if self._ending.is_set():
            raise StoppedError

    def _beat(self) -> None:
        while not self._over.is_set() and self._lost is None:
            try:
                with database.connect(self._project, clock=self._clock) as db:
                    self._beat_on(db)
            except StudioError as error:
                if error.code is leases.LEASE_LOST:
                    self._lost = error
                elif error.code not in database.PASSING:
                    # Nothing can be written any more: that is as good as lost, and says why.
                    self._lost = error
                else:
                    self._over.wait(min(0.2, self._policy.lease / 10))

    def _beat_on(self, db: Database) -> None:
        written: dict[str, Any] | None = None
        due = 0.0
        every = min(PROGRESS_SECONDS, self._policy.lease / 3)
        while not self._over.wait(every if due else 0):
            now = time.monotonic()
            said = self.said
            if said is written and now < due:
                continue
            before = time.monotonic()
            self._stop = leases.renew(
                db, self._hold, self._policy.lease, None if said is written else said
            )
            # Counted from before the beat: that is when the lease began at the latest.
            self._confirmed = before
            written = said
            due = now + self._policy.lease / 3
