"""Sending something that costs money, so that a crash at any point sends it at most once.

    intent -> is the lease still ours? -> sent -> the reply -> done

The intent and the money's reservation are one transaction, before anything is sent. ``sent`` is
written, on the condition that fence and lease still hold, before the first byte leaves. Who
takes the job over finds the row: an intent alone was never sent; one that was sent is looked up
at the provider (``reconcile``) before anything is sent again. Where nobody can say, the row
becomes ``unknown``, the money stays reserved, and the job stops for a person.

What this cannot do: between the last look at the clock and the first byte there are some
microseconds in which a process can be stopped for longer than the others wait. Only a provider
that takes our key (an idempotency key) closes that gap too; so ``send`` is given the key.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import leases
from ategnatos.grimoire.jobs.database import writing
from ategnatos.grimoire.jobs.effects import (
    DONE,
    EFFECT_UNKNOWN,
    INTENT,
    LOST,
    REFUSED,
    SENT,
    UNKNOWN,
    Absent,
    Closed,
    Effect,
    Outcome,
    RefusedError,
    Row,
)

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.leases import Hold, Policy
    from ategnatos.grimoire.jobs.records import Job

# Told where the work on a job stands: the points at which a process may die.
Point = Callable[[str, int], None]
# Sleeps, or raises where the work has to stop.
Wait = Callable[[float], None]


def carry_out(
    db: Database, hold: Hold, job: Job, policy: Policy, effect: Effect, at: Point, wait: Wait
) -> dict[str, Any]:
    """Bring ``effect`` about once, whatever happened to earlier tries; return its result.

    Raises :class:`RefusedError`, :class:`LaterError`, StudioError (``lease_lost``,
    ``effect_unknown``, what ``reserve`` raises), and what ``send`` raises.
    """
    row, result = _open(db, hold, job, effect)
    at("effect open", hold.job)
    if row.status == DONE:
        return result
    there = effect.present()
    if there is not None:
        return _done(db, hold, row, effect, there)
    if row.status in (SENT, UNKNOWN):
        outcome = _reconciled(db, hold, row, effect, policy, wait)
        at("effect reconciled", hold.job)
        if isinstance(outcome, Closed):
            with writing(db):
                _close(db, hold, row, LOST if outcome.billed else REFUSED, Outcome())
            row, _ = _open(db, hold, job, effect)
        elif outcome is not None:
            return _done(db, hold, row, effect, outcome)
    return _send(db, hold, row, effect, policy, at)


def _open(db: Database, hold: Hold, job: Job, effect: Effect) -> tuple[Row, dict[str, Any]]:
    """The row to work on, under our fence; a new one with its reservation where there is none."""
    with writing(db):
        leases.require(db, hold)
        found = db.execute(
            "SELECT * FROM effect WHERE job=? AND name=? ORDER BY attempt DESC LIMIT 1",
            (job.id, effect.name),
        ).fetchone()
        if found is None or found["status"] in (REFUSED, LOST):
            attempt = 1 if found is None else int(found["attempt"]) + 1
            own = f"j{job.id}:{effect.name}:{attempt}"
            key = own if effect.key_of is None else effect.key_of(attempt)
            reserved = None if effect.reserve is None else effect.reserve(db, key)
            amounts = None if reserved is None else _plain(reserved)
            now = db.now()
            db.execute(
                "INSERT INTO effect (key, job, name, attempt, engine, fence, status,"
                " cost_reserved, intent_at) VALUES (?,?,?,?,?,?,?,?,?)",
                (
                    key,
                    job.id,
                    effect.name,
                    attempt,
                    job.engine,
                    hold.fence,
                    INTENT,
                    None if amounts is None else json.dumps(amounts),
                    now,
                ),
            )
            return Row(key, effect.name, job.engine, INTENT, None, amounts, now, None), {}
        db.execute("UPDATE effect SET fence=? WHERE key=?", (hold.fence, found["key"]))
        amount = found["cost_reserved"]
        row = Row(
            found["key"],
            effect.name,
            job.engine,
            found["status"],
            found["provider_ref"],
            None if amount is None else json.loads(amount),
            found["intent_at"],
            found["sent_at"],
        )
        return row, json.loads(found["result"] or "{}")


def _reconciled(
    db: Database, hold: Hold, row: Row, effect: Effect, policy: Policy, wait: Wait
) -> Outcome | Closed | None:
    """What became of a send whose reply nobody has; None where it is certain that nothing did."""
    # Whoever was about to send had written so before we took over, and gives up after the
    # window; what left him shows after the rest. Counted here and not by the database's clock,
    # which may be set while we wait.
    certain = _elapsing() + policy.send_window + effect.visible_within
    while True:
        late = _elapsing() >= certain
        answer = effect.reconcile(row)
        if not isinstance(answer, Absent):
            break
        if late:
            with writing(db):
                leases.require(db, hold)
                db.execute(
                    "UPDATE effect SET status=?, sent_at=NULL WHERE key=? AND fence=?",
                    (INTENT, row.key, hold.fence),
                )
            return None
        wait(min(0.5, max(0.01, certain - _elapsing())))
    if isinstance(answer, Outcome | Closed):
        return answer
    with writing(db):
        leases.require(db, hold)
        db.execute(
            "UPDATE effect SET status=? WHERE key=? AND fence=?", (UNKNOWN, row.key, hold.fence)
        )
        if effect.keep is not None:
            effect.keep(db, row.key, "its reply was lost")
    if effect.unclear is not None:
        raise effect.unclear(row)
    raise StudioError(
        EFFECT_UNKNOWN,
        f"{row.key} was sent to the engine {row.engine}, the reply was lost, and nobody there can"
        " say whether it was carried out. Nothing was sent again; its money stays reserved.",
        hint="Look at your account with the engine, then say at your terminal: ategnatos studio"
        f" budget resolve {row.key} --not-billed (or --billed AMOUNT)",
        effect=row.key,
    )


def _send(
    db: Database, hold: Hold, row: Row, effect: Effect, policy: Policy, at: Point
) -> dict[str, Any]:
    at("before sent is written", hold.job)
    now = db.now()
    began = _elapsing()
    changed = db.execute(
        "UPDATE effect SET status=?, sent_at=? WHERE key=? AND fence=? AND status=? AND EXISTS"
        " (SELECT 1 FROM job WHERE id=? AND fence=? AND owner=? AND lease_until > ?)",
        (SENT, now, row.key, hold.fence, INTENT, hold.job, hold.fence, hold.owner, now),
    ).rowcount
    if changed != 1:
        raise leases.lost(hold)

    def last_look() -> None:
        # A process that was stopped since then must not send: others count on it.
        at("last look", hold.job)
        if _elapsing() - began > policy.send_window:
            raise leases.lost(hold)

    at("sent is written", hold.job)
    try:
        outcome = effect.send(row.key, last_look)
    except RefusedError as error:
        with writing(db):
            _close(db, hold, row, REFUSED, Outcome())
            if effect.release is not None:
                effect.release(db, row.key, error.error.code.code)
        raise
    except Exception as error:
        if effect.keep is not None and not isinstance(error, db.errors):
            with writing(db):
                effect.keep(db, row.key, type(error).__name__)
        raise
    at("output kept", hold.job)
    return _done(db, hold, row, effect, outcome)


def _done(db: Database, hold: Hold, row: Row, effect: Effect, outcome: Outcome) -> dict[str, Any]:
    with writing(db):
        _close(db, hold, row, DONE if outcome.final else LOST, outcome)
        if effect.settle is not None:
            effect.settle(db, row.key, outcome.cost)
    return outcome.result


def _close(db: Database, hold: Hold, row: Row, status: str, outcome: Outcome) -> None:
    changed = db.execute(
        "UPDATE effect SET status=?, provider_ref=?, cost_actual=?, result=?, settled_at=?"
        " WHERE key=? AND fence=? AND status IN (?, ?, ?)",
        (
            status,
            outcome.provider_ref,
            None if outcome.cost is None else json.dumps(_plain(outcome.cost)),
            json.dumps(outcome.result, ensure_ascii=False),
            db.now(),
            row.key,
            hold.fence,
            INTENT,
            SENT,
            UNKNOWN,
        ),
    ).rowcount
    if changed != 1:
        raise leases.lost(hold)


def _plain(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {unit: str(amount) for unit, amount in amounts.items()}


def _elapsing() -> float:
    """Seconds that also pass while the machine sleeps or this process is stopped."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)
