"""Who holds a resource, what is known of it, and whether it still does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ategnatos.guard.locks.process import Process, alive

# A holder on another machine says every BEAT seconds that it lives; after LEASE seconds without
# a word, and SKEW for clocks that disagree, it is taken for gone.
BEAT_SECONDS = 10.0
LEASE_SECONDS = 60.0
SKEW_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Holder:
    """The facts of one holding.

    ``who`` is a name for people (``/train``), ``process`` what holds: None where the holding is
    a lease that only time or its owner ends. ``since`` and ``renewed`` are aware times in UTC;
    ``lease`` is in seconds from ``renewed``. ``token`` grows with every holding of the resource.
    """

    resource: str
    who: str
    process: Process | None
    command: str
    since: datetime
    renewed: datetime
    lease: float
    token: int

    @property
    def until(self) -> datetime:
        """When a lease ends, or when a holder elsewhere is taken for gone."""
        return self.renewed + timedelta(seconds=self.lease)

    def gone(self, now: datetime) -> str:
        """Why this holder holds no more, as a half sentence; empty while it holds.

        On its own machine the process decides alone: a slow or stopped one still holds.
        """
        if self.process is not None:
            living = alive(self.process)
            if living is not None:
                return "" if living else f"its process (PID {self.process.pid}) has ended"
            if now > self.until + timedelta(seconds=SKEW_SECONDS):
                return f"{self.process.host} has not been heard of for {ago(self.renewed, now)}"
            return ""
        return f"its lease ended {ago(self.until, now)} ago" if now > self.until else ""

    def words(self, now: datetime) -> str:
        """``/train (PID 12345, started 10m ago)``."""
        if self.process is None:
            return f"{self.who} (until released, or for {ago(now, self.until)} more)"
        elsewhere = "" if alive(self.process) is not None else f" on {self.process.host}"
        return f"{self.who} (PID {self.process.pid}{elsewhere}, started {ago(self.since, now)} ago)"

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self) | {"since": iso(self.since), "renewed": iso(self.renewed)}


def read_holder(facts: dict[str, Any]) -> Holder:
    """The holder that :meth:`Holder.facts` wrote. Raises ValueError, TypeError, KeyError."""
    process = facts["process"]
    return Holder(
        resource=str(facts["resource"]),
        who=str(facts["who"]),
        process=None if process is None else Process(**process),
        command=str(facts["command"]),
        since=datetime.fromisoformat(facts["since"]),
        renewed=datetime.fromisoformat(facts["renewed"]),
        lease=float(facts["lease"]),
        token=int(facts["token"]),
    )


def ago(earlier: datetime, later: datetime) -> str:
    """The time between, in its largest unit: ``40s``, ``10m``, ``3h``, ``2d``."""
    seconds = max(0, int((later - earlier).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def iso(moment: datetime) -> str:
    """An aware time in UTC with its fractions, as text."""
    return moment.astimezone(UTC).isoformat()
