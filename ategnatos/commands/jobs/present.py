"""A job as it stands in the line, for a machine and for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.jobs import claims, owners, saga
from ategnatos.grimoire.jobs.records import PRIORITIES, iso_of

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.records import Job


def facts(db: Database, job: Job) -> dict[str, Any]:
    """A job as JSON values. ``waits_for`` is "" where a worker would take it at once."""
    held = job.held(db.now())
    state = saga.load(job.saga).states[job.state]
    return {
        "job": job.name,
        "saga": job.saga,
        "kind": job.kind,
        "engine": job.engine,
        "asked": job.asked,
        "state": job.state,
        "says": state.says,
        "waits_for": _waits(db, job, state),
        "priority": job.priority,
        "at_work": held,
        "worker": owners.spoken(job.owner) if held and job.owner else None,
        "progress": job.progress if held else None,
        "attempts": job.attempts,
        "failed_tries": job.tries,
        "lost_leases": job.reclaims,
        "cancel_asked_by": job.stop,
        "error": job.error,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
    }


def event_facts(event: dict[str, Any]) -> dict[str, Any]:
    """One line of a job's own record."""
    return {
        "at": iso_of(event["at"]),
        "from": event["from_state"],
        "to": event["to_state"],
        "who": owners.spoken(event["who"]),
        "why": event["why"],
    }


def effect_facts(effect: dict[str, Any]) -> dict[str, Any]:
    """What was or may have been sent for a job."""
    import json

    def amounts(text: str | None) -> Any:
        return None if text is None else json.loads(text)

    return {
        "key": effect["key"],
        "engine": effect["engine"],
        "status": effect["status"],
        "reserved": amounts(effect["cost_reserved"]),
        "billed": amounts(effect["cost_actual"]),
        "sent_at": None if effect["sent_at"] is None else iso_of(effect["sent_at"]),
    }


def how_far(progress: dict[str, Any] | None) -> str:
    """``45 %``, or nothing."""
    if not progress or not progress.get("total"):
        return ""
    return f"{100 * progress['done'] // progress['total']} %"


def priority_word(number: int) -> str:
    """``high``, or the number where it is none of ours."""
    return next((word for word, value in PRIORITIES.items() if value == number), str(number))


def _waits(db: Database, job: Job, state: saga.State) -> str:
    if state.waits_for is not None:
        return "a person"
    return claims.waits_for(db, job) if job.runnable else ""
