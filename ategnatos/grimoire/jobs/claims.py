"""Taking the next job: by priority, then age, past whatever holds its engine back.

One transaction looks for leases that ran out, for engines that may begin something, and for
the first job in the line, and takes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.jobs import moves, owners, store, throttle
from ategnatos.grimoire.jobs.database import writing
from ategnatos.grimoire.jobs.leases import CLOCK_SLACK, Hold, Policy, expired
from ategnatos.grimoire.jobs.records import Job, iso_of, job_of

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.saga import Saga

Sagas = Mapping[str, "Saga"]


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that is ours to carry on."""

    job: Job
    hold: Hold


@dataclass(frozen=True, slots=True)
class Recovered:
    """A job whose owner was gone: put back into the line, or failed after too many of these."""

    job: Job
    failed: bool


def claim(
    db: Database, sagas: Sagas, owner: str, policy: Policy, *, only: int | None = None
) -> Claim | None:
    """Take the first job that may be carried on, or None. ``only`` asks for that job alone."""
    if not _anything(db, sagas, only):
        return None
    with writing(db):
        now = db.now()
        _sweep(db, sagas, owner, policy, now)
        job = _first(db, sagas, throttle.blocked(db, now), now, only)
        if job is None:
            return None
        rules = sagas[job.saga]
        state = job.state
        if rules.states[state].runs is None:
            # A place to begin, with nothing to do in it.
            state = rules.onward(job.state, job.kind) or job.state
        hold = Hold(job.id, job.fence + 1, owner)
        db.execute(
            "UPDATE job SET owner=?, fence=?, state=?, runnable=?, lease_until=?, beat_at=?,"
            " attempts=attempts+1, updated_at=?, progress=NULL WHERE id=?",
            (
                owner,
                hold.fence,
                state,
                int(rules.runnable(state, job.kind)),
                now + policy.lease,
                now,
                iso_of(now),
                job.id,
            ),
        )
        throttle.began(db, job.engine, job.id, now)
        if state != job.state:
            store.note(db, job.id, job.state, state, fence=hold.fence, who=owner, why=None)
        return Claim(store.get(db, job.id), hold)


def recover(db: Database, sagas: Sagas, owner: str, policy: Policy) -> list[Recovered]:
    """Put every job back whose owner is gone; a claim does the same on its way."""
    with writing(db):
        return _sweep(db, sagas, owner, policy, db.now())


def stale(db: Database) -> list[Job]:
    """The jobs that :func:`recover` would put back; nothing is changed."""
    over, values = expired(db, db.now())
    rows = db.execute(
        f"SELECT * FROM job WHERE owner IS NOT NULL AND runnable=1 AND {over} ORDER BY id",
        values,
    )
    return [job_of(row) for row in rows]


def waits_for(db: Database, job: Job) -> str:
    """Why a worker would not take this job now, in words; "" where one would."""
    now = db.now()
    if not job.runnable:
        return "no worker's turn"
    if job.held(now):
        return f"{owners.spoken(job.owner or '')} works on it"
    held = throttle.blocked(db, now)
    for name in (throttle.EVERY, job.engine):
        if name in held:
            return f"engine {job.engine}: {held[name]}"
    if job.not_before > now and job.moved_at <= now + CLOCK_SLACK:
        return f"tried again in {job.not_before - now:.0f} s"
    return ""


def left(db: Database, sagas: Sagas, horizon: float) -> int:
    """How many jobs a worker will have to do within ``horizon`` seconds, running ones too."""
    marks, names = _known(sagas)
    now = db.now()
    paused = {str(row["name"]) for row in throttle.rows(db) if row["paused_by"] is not None}
    rows = db.execute(
        f"SELECT engine FROM job WHERE runnable=1 AND saga IN ({marks})"
        " AND (owner IS NOT NULL OR not_before <= ? OR moved_at > ?)",
        (*names, now + horizon, now + CLOCK_SLACK),
    )
    return sum(not paused & {throttle.EVERY, str(row["engine"])} for row in rows)


def _anything(db: Database, sagas: Sagas, only: int | None) -> bool:
    """A look without the writer's lock: idle workers must not keep others waiting."""
    marks, names = _known(sagas)
    now = db.now()
    over, values = expired(db, now)
    which, value = ("", ()) if only is None else (" AND id=?", (only,))
    row = db.execute(
        f"SELECT 1 FROM job WHERE runnable=1 AND saga IN ({marks})"
        " AND (not_before <= ? OR moved_at > ?)"
        f" AND (owner IS NULL OR {over}){which} LIMIT 1",
        (*names, now, now + CLOCK_SLACK, *values, *value),
    ).fetchone()
    return row is not None


def _sweep(db: Database, sagas: Sagas, owner: str, policy: Policy, now: float) -> list[Recovered]:
    marks, names = _known(sagas)
    over, values = expired(db, now)
    rows = db.execute(
        f"SELECT * FROM job WHERE owner IS NOT NULL AND runnable=1 AND {over}"
        f" AND saga IN ({marks}) ORDER BY id {db.skip_locked}",
        (*values, *names),
    ).fetchall()
    return [_recovered(db, job_of(row), sagas, owner, policy, now) for row in rows]


def _recovered(
    db: Database, job: Job, sagas: Sagas, owner: str, policy: Policy, now: float
) -> Recovered:
    """Take the job from an owner who is gone. The raised fence shuts that owner out."""
    rules = sagas[job.saga]
    fail = job.reclaims >= policy.reclaims
    changes: dict[str, Any] = {
        "owner": None,
        "lease_until": None,
        "beat_at": None,
        "progress": None,
        "reclaims": job.reclaims + 1,
        "updated_at": iso_of(now),
    }
    after, why = job.state, f"{owners.spoken(job.owner or '')} did not answer"
    if fail:
        after, why = rules.failed, moves.TIMED_OUT
        error = {
            "code": moves.TIMED_OUT,
            "message": f"{job.reclaims + 1} workers in a row stopped answering while it was"
            f" {job.state.replace('_', ' ')}.",
            "hint": f"ategnatos jobs retry {job.name}",
        }
        changes |= moves.failing(rules, job)
        changes |= {"error": json.dumps(error), "error_class": moves.TIMED_OUT}
    sets = ", ".join(f"{name}=?" for name in changes)
    db.execute(
        f"UPDATE job SET {sets}, fence=fence+1 WHERE id=? AND fence=?",
        (*changes.values(), job.id, job.fence),
    )
    store.note(db, job.id, job.state, after, fence=job.fence + 1, who=owner, why=why)
    return Recovered(store.get(db, job.id), fail)


def _first(
    db: Database, sagas: Sagas, held: Mapping[str, str], now: float, only: int | None
) -> Job | None:
    if throttle.EVERY in held:
        return None
    marks, names = _known(sagas)
    engines = list(held)
    apart = f" AND engine NOT IN ({','.join('?' * len(engines))})" if engines else ""
    which, value = ("", ()) if only is None else (" AND id=?", (only,))
    row = db.execute(
        f"SELECT * FROM job WHERE runnable=1 AND owner IS NULL AND saga IN ({marks})"
        f" AND (not_before <= ? OR moved_at > ?){apart}{which}"
        f" ORDER BY priority DESC, id LIMIT 1 {db.skip_locked}",
        (*names, now, now + CLOCK_SLACK, *engines, *value),
    ).fetchone()
    return None if row is None else job_of(row)


def _known(sagas: Sagas) -> tuple[str, tuple[str, ...]]:
    return ",".join("?" * len(sagas)), tuple(sagas)
