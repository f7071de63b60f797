"""Who works on a job: a lease that must be renewed, and a fence that tells the owners apart.

A process that dies stops renewing, and whoever looks next may take the job over: recovery needs
no identity and no clean-up. Each take-over raises the fence by one. The one who was taken over
(stopped, swapped out, cut off from the database) finds another fence on the row, and everything
it writes from then on touches no row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import owners
from ategnatos.grimoire.jobs.database import writing

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database

LEASE_LOST = ErrorCode("lease_lost", "Somebody else has taken the job over; this one stopped.")

# Longer than a starved SQLite writer was ever seen to wait (3.6 s), with room for three beats.
LEASE_SECONDS = 30.0
# A beat from further ahead than this was written before the clock was set back: it says nothing
# about the present. Without this a job could wait for years until its lease runs out.
CLOCK_SLACK = 2.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the store is. Times in seconds.

    ``retries`` follow a failed try, after ``backoff`` (the last one repeats); ``reclaims`` are
    how often a lease may run out in one state before the job fails. After ``breaker_fails``
    failures in a row an engine is left alone for ``breaker_seconds``, then tried with one job.
    """

    lease: float = LEASE_SECONDS
    retries: int = 3
    backoff: tuple[float, ...] = (5.0, 20.0, 80.0)
    reclaims: int = 3
    breaker_fails: int = 10
    breaker_seconds: float = 60.0
    poll: float = 0.5
    # Between the last look at the lease and the send nothing may come that takes longer.
    send_window: float = 5.0


@dataclass(frozen=True, slots=True)
class Hold:
    """The right to carry a job on, as long as the lease is renewed."""

    job: int
    fence: int
    owner: str


def expired(db: Database, now: float) -> tuple[str, tuple[Any, ...]]:
    """The SQL that is true of a held job whose lease has run out or whose owner is dead, and its
    values.
    """
    rows = db.execute("SELECT DISTINCT owner FROM job WHERE owner IS NOT NULL")
    dead = owners.gone(str(row[0]) for row in rows)
    also = f" OR owner IN ({','.join('?' * len(dead))})" if dead else ""
    return f"(lease_until <= ? OR beat_at > ?{also})", (now, now + CLOCK_SLACK, *dead)


def take(db: Database, job_ids: Iterable[int], owner: str, seconds: float) -> dict[int, Hold]:
    """Hold those of the jobs that nobody works on, in whatever state they are."""
    taken = {}
    with writing(db):
        now = db.now()
        over, values = expired(db, now)
        for job_id in job_ids:
            changed = db.execute(
                "UPDATE job SET owner=?, fence=fence+1, lease_until=?, beat_at=?"
                f" WHERE id=? AND (owner IS NULL OR {over})",
                (owner, now + seconds, now, job_id, *values),
            ).rowcount
            if changed == 1:
                row = db.execute("SELECT fence FROM job WHERE id=?", (job_id,)).fetchone()
                taken[job_id] = Hold(job_id, int(row[0]), owner)
    return taken


def renew(
    db: Database, hold: Hold, seconds: float, progress: dict[str, Any] | None = None
) -> str | None:
    """Keep the lease, and write down how far the work is.

    Returns who asked that the job stop, if anybody did. Raises StudioError (``lease_lost``).
    """
    now = db.now()
    also, value = "", ()
    if progress is not None:
        also, value = ", progress=?", (json.dumps(progress, ensure_ascii=False),)  # type: ignore[assignment]
    changed = db.execute(
        f"UPDATE job SET lease_until=?, beat_at=?{also} WHERE id=? AND fence=? AND owner=?",
        (now + seconds, now, *value, hold.job, hold.fence, hold.owner),
    ).rowcount
    if changed != 1:
        raise lost(hold)
    row = db.execute("SELECT stop FROM job WHERE id=?", (hold.job,)).fetchone()
    return None if row[0] is None else str(row[0])


def release(db: Database, holds: Iterable[Hold]) -> None:
    """Give jobs back; what somebody else holds by now is left alone."""
    with writing(db):
        for hold in holds:
            db.execute(
                "UPDATE job SET owner=NULL, lease_until=NULL, beat_at=NULL, progress=NULL"
                " WHERE id=? AND fence=? AND owner=?",
                (hold.job, hold.fence, hold.owner),
            )


def require(db: Database, hold: Hold) -> None:
    """Raise StudioError (``lease_lost``) where the hold is no longer ours at this moment."""
    row = db.execute(
        "SELECT 1 FROM job WHERE id=? AND fence=? AND owner=? AND lease_until > ?",
        (hold.job, hold.fence, hold.owner, db.now()),
    ).fetchone()
    if row is None:
        raise lost(hold)


def lost(hold: Hold) -> StudioError:
    """The refusal of everything that follows a lost lease."""
    return StudioError(
        LEASE_LOST,
        f"Another process has taken j{hold.job} over, because this one did not answer in time;"
        " nothing more was written or sent from here.",
        hint=f"See how it goes there: ategnatos jobs show j{hold.job}",
        job=f"j{hold.job}",
        fence=hold.fence,
    )
