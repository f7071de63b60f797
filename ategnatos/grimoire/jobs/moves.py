"""How a job moves: each move is one UPDATE that names the state and the fence it expects.

Where that touches no row, somebody else was there first, and nothing was written: a double
click, a process that was taken over and two people at once all end here. What happened goes
into the job's own record in the same transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import leases, saga, store, throttle
from ategnatos.grimoire.jobs.database import writing
from ategnatos.grimoire.jobs.records import Job, iso_of

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.leases import Hold, Policy
    from ategnatos.grimoire.jobs.saga import Saga

JOB_STATE = ErrorCode("job_state", "The job is not in a state that allows this.")

CANCELLED = "cancelled"
TIMED_OUT = "stage_timeout_repeated"

_FREE: dict[str, Any] = {"owner": None, "lease_until": None, "beat_at": None, "progress": None}
_FRESH: dict[str, Any] = {"tries": 0, "reclaims": 0, "not_before": 0.0}


def finish(
    db: Database,
    hold: Hold,
    rules: Saga,
    job: Job,
    after: str,
    *,
    data: dict[str, Any] | None = None,
    also: Callable[[Database], None] | None = None,
) -> None:
    """A worker is done with the job's state: take it to ``after`` and give it back.

    ``data`` is added to what later steps find; ``also`` writes what belongs to the same moment.
    Raises StudioError (``lease_lost``, ``job_state``), with nothing written.
    """
    if not rules.allows(job.state, after, saga.WORKER, job.kind):
        raise refused(job, after)
    onward = rules.runnable(after, job.kind)
    changes: dict[str, Any] = {
        "state": after,
        "runnable": int(onward),
        "data": json.dumps({**job.data, **(data or {})}, ensure_ascii=False),
        "error": None,
        "error_class": None,
        **_FREE,
        **_FRESH,
    }
    if not onward:
        # Whoever wanted it stopped came too late; its next worker would have heard of it.
        changes["stop"] = None
    with writing(db):
        _change(db, hold, job.state, changes)
        if also is not None:
            also(db)
        throttle.succeeded(db, job.engine)
        store.note(db, job.id, job.state, after, fence=hold.fence, who=hold.owner, why=None)


def give_up(
    db: Database,
    hold: Hold,
    rules: Saga,
    job: Job,
    error: dict[str, Any],
    policy: Policy,
    *,
    again: bool,
    engine_fault: bool,
) -> bool:
    """A try failed: put the job back for another (``again``, while there are any), or fail it.

    ``error`` has ``code`` and ``message``. Returns whether the job is failed now. Raises
    StudioError (``lease_lost``).
    """
    with writing(db):
        now = db.now()
        tries = job.tries + 1
        final = not again or tries > policy.retries
        said = json.dumps(error, ensure_ascii=False)
        changes: dict[str, Any] = {"error": said, "error_class": error["code"], **_FREE}
        if final:
            changes |= failing(rules, job)
        else:
            wait = policy.backoff[min(tries, len(policy.backoff)) - 1]
            changes |= {"tries": tries, "not_before": now + wait, "moved_at": now}
        _change(db, hold, job.state, changes)
        if engine_fault:
            throttle.failed(db, job.engine, policy, now)
        why = f"{error['code']}: {error['message']}"
        after = rules.failed if final else job.state
        store.note(db, job.id, job.state, after, fence=hold.fence, who=hold.owner, why=why)
    return final


def postpone(db: Database, hold: Hold, job: Job, seconds: float, why: str) -> None:
    """Put the job back for later without counting a failed try. Raises (``lease_lost``)."""
    with writing(db):
        now = db.now()
        _change(db, hold, job.state, {"not_before": now + seconds, "moved_at": now, **_FREE})
        store.note(db, job.id, job.state, job.state, fence=hold.fence, who=hold.owner, why=why)


def by_person(
    db: Database, job_id: int, after: str, *, who: str, why: str | None, now: str | None = None
) -> None:
    """A person's word takes the job on; in the caller's transaction.

    Whether it was a person is for the caller to know (``guard/gate``). Raises StudioError
    (``job_state``) where the job does not wait for this; of two at once one is refused.
    """
    job = store.get(db, job_id)
    rules = saga.load(job.saga)
    person_moves(db, job, rules, after, who=who, why=why, now=now)


def person_moves(
    db: Database,
    job: Job,
    rules: Saga,
    after: str,
    *,
    who: str,
    why: str | None,
    now: str | None = None,
) -> None:
    """As :func:`by_person`, for a job that was read in this transaction and its own saga."""
    if not rules.allows(job.state, after, saga.PERSON, job.kind):
        raise refused(job, after)
    changes = {"state": after, "runnable": int(rules.runnable(after, job.kind)), **_FRESH}
    _step_over(db, job, changes, now)
    store.note(db, job.id, job.state, after, fence=job.fence + 1, who=who, why=why)


def cancel(db: Database, job_id: int, *, who: str, rules: Saga | None = None) -> bool:
    """Stop a job. True where it stands still now; False where its worker was asked to stop.

    Only what a worker carries on can be stopped: what waits for a person ends by his word. What
    was sent stays sent, and its money stays reserved until its outcome is known. Raises
    StudioError (``job_state``, ``job_unknown``).
    """
    with writing(db):
        job = store.get(db, job_id)
        rules = rules or saga.load(job.saga)
        if not job.runnable:
            raise refused(job, CANCELLED)
        if job.held(db.now()):
            db.execute("UPDATE job SET stop=? WHERE id=?", (who, job_id))
            return False
        _stop(db, job, rules, who)
    return True


def retry(db: Database, job_id: int, *, who: str, rules: Saga | None = None) -> str:
    """Take a failed job back to where it failed; return that state.

    What it made and paid for is kept. Raises StudioError (``job_state``, ``job_unknown``).
    """
    with writing(db):
        job = store.get(db, job_id)
        rules = rules or saga.load(job.saga)
        if job.state != rules.failed:
            raise refused(job, "tried again")
        back = job.failed_in or rules.start
        changes = {
            "state": back,
            "runnable": int(rules.runnable(back, job.kind)),
            "error": None,
            "error_class": None,
            "failed_in": None,
            "stop": None,
            **_FRESH,
        }
        _step_over(db, job, changes)
        store.note(db, job.id, job.state, back, fence=job.fence + 1, who=who, why="again")
    return back


def cancelled(who: str) -> dict[str, Any]:
    """What a cancelled job says of its end."""
    return {"code": CANCELLED, "message": f"Cancelled by {who}.", "hint": ""}


def failing(rules: Saga, job: Job) -> dict[str, Any]:
    """The columns that make a job a failed one."""
    return {
        "state": rules.failed,
        "runnable": 0,
        "failed_in": job.state,
        "stop": None,
        **_FREE,
        "not_before": 0.0,
    }


def refused(job: Job, wanted: str) -> StudioError:
    """The refusal of a move that the saga does not have."""
    return StudioError(
        JOB_STATE,
        f"Job {job.name} is {job.state.replace('_', ' ')} and cannot be or become"
        f" {wanted.replace('_', ' ')}; nothing was changed.",
        hint=f"Look at it: ategnatos jobs show {job.name}",
        state=job.state,
        wanted=wanted,
    )


def _stop(db: Database, job: Job, rules: Saga, who: str) -> None:
    error = json.dumps(cancelled(who), ensure_ascii=False)
    _step_over(db, job, {"error": error, "error_class": CANCELLED, **failing(rules, job)})
    store.note(db, job.id, job.state, rules.failed, fence=job.fence + 1, who=who, why=CANCELLED)


def _change(db: Database, hold: Hold, state: str, changes: dict[str, Any]) -> None:
    """Move what we hold, or raise StudioError (``lease_lost``)."""
    changes = {**changes, "updated_at": iso_of(db.now()), "moved_at": db.now()}
    names = ", ".join(f"{name}=?" for name in changes)
    changed = db.execute(
        f"UPDATE job SET {names} WHERE id=? AND fence=? AND state=? AND owner=?",
        (*changes.values(), hold.job, hold.fence, state, hold.owner),
    ).rowcount
    if changed != 1:
        raise leases.lost(hold)


def _step_over(db: Database, job: Job, changes: dict[str, Any], now: str | None = None) -> None:
    """Move what nobody holds, and raise the fence: a late worker finds its token stale."""
    if job.held(db.now()):
        raise refused(job, str(changes["state"]))
    moment = db.now()
    changes = {**_FREE, **changes, "updated_at": now or iso_of(moment), "moved_at": moment}
    names = ", ".join(f"{name}=?" for name in changes)
    changed = db.execute(
        f"UPDATE job SET {names}, fence=fence+1 WHERE id=? AND fence=? AND state=?",
        (*changes.values(), job.id, job.fence, job.state),
    ).rowcount
    if changed != 1:
        raise refused(job, str(changes["state"]))
