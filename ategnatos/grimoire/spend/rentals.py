"""Rented machines as rows: what runs, until when, and what the provider last said.

A rental leaves ``running`` and ``stopping`` only by two looks that found it absent, or by a
person's word. Its whole time is reserved when it starts; what it runs up beyond that still
counts. Every function runs inside the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.spend import machines
from ategnatos.grimoire.spend.amounts import of_rate
from ategnatos.grimoire.spend.records import ENDED, RUNNING, STOPPING, Rental, iso

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database

RENTAL_RUNNING = ErrorCode("rental_running", "A timer runs for that machine already.")
RENTAL_UNKNOWN = ErrorCode("rental_unknown", "No timer runs for a machine of that name.")

_COLUMNS = ", ".join(one.name for one in fields(Rental))


@dataclass(frozen=True, slots=True)
class Late:
    """What a machine has run up beyond its reservation, in millionths of a dollar."""

    name: str
    over: int
    day: str
    engine: str | None


def refuse_second(db: Database, provider: str, resource: str) -> None:
    """Raise StudioError (``rental_running``) where a timer runs for the machine already."""
    one = find_live(db, provider, resource)
    if one is not None:
        raise StudioError(
            RENTAL_RUNNING,
            f"A timer runs for {one.name} since {one.started_at}, until {one.due_at}; no second"
            " one was started.",
            hint="See it with 'ategnatos studio budget report'.",
            started_at=one.started_at,
            due_at=one.due_at,
        )


def start(
    db: Database,
    *,
    provider: str,
    resource: str,
    rate: int,
    minutes: int,
    spend_key: str,
    now: datetime,
) -> Rental:
    """Write a rental down as running; its money was reserved under ``spend_key`` before.

    ``rate`` is millionths of a dollar an hour. Raises StudioError (``rental_running``).
    """
    refuse_second(db, provider, resource)
    db.execute(
        "INSERT INTO rental (provider, resource, rate, max_minutes, state, started_at, due_at,"
        " spend_key, attempts) VALUES (?,?,?,?,?,?,?,?,0)",
        (
            provider,
            resource,
            rate,
            minutes,
            RUNNING,
            iso(now),
            iso(now + timedelta(minutes=minutes)),
            spend_key,
        ),
    )
    fresh = find_live(db, provider, resource)
    assert fresh is not None
    return fresh


def find_live(db: Database, provider: str, resource: str) -> Rental | None:
    """The rental of that machine that may still bill, if there is one."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM rental WHERE provider=? AND resource=? AND state<>?",  # noqa: S608
        (provider, resource, ENDED),
    ).fetchone()
    return None if row is None else Rental(**dict(row))


def get_live(db: Database, provider: str, resource: str) -> Rental:
    """The same, refusing where there is none. Raises StudioError (``rental_unknown``)."""
    found = find_live(db, provider, resource)
    if found is None:
        raise StudioError(
            RENTAL_UNKNOWN,
            f"No timer runs for {provider}:{resource}; nothing was changed.",
            hint="See the timers with 'ategnatos studio budget report'.",
            resource=f"{provider}:{resource}",
        )
    return found


def live(db: Database) -> list[Rental]:
    """Every rental that may still bill, the one due first at the front."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM rental WHERE state<>? ORDER BY due_at, id",  # noqa: S608
        (ENDED,),
    )
    return [Rental(**dict(row)) for row in rows.fetchall()]


def hourly(db: Database) -> int:
    """What all live rentals cost an hour, in millionths of a dollar."""
    row = db.execute(
        "SELECT COALESCE(SUM(rate), 0) AS rate FROM rental WHERE state<>?", (ENDED,)
    ).fetchone()
    return int(row["rate"])


def reprice(db: Database, rental: Rental, rate: int) -> bool:
    """Count the machine at a higher rate, from its start; a lower one changes nothing."""
    changed = db.execute(
        "UPDATE rental SET rate=? WHERE id=? AND state<>? AND rate<?",
        (rate, rental.id, ENDED, rate),
    ).rowcount
    return changed == 1


def cost_so_far(rental: Rental, now: datetime) -> int:
    """Millionths of a dollar from its start to ``now``; to its first absence, where seen."""
    until = min(now, _moment(rental.absent_since)) if rental.absent_since else now
    return of_rate(rental.rate, (until - _moment(rental.started_at)).total_seconds())


def beyond_reservation(db: Database, *, now: datetime) -> list[Late]:
    """The live rentals that have run up more than the ledger counts for them.

    So may have the orders that were sent and never answered: nobody has seen their machines,
    and what nobody knows counts.
    """
    ran = [(one.name, one.spend_key, cost_so_far(one, now)) for one in live(db)]
    for order in machines.in_states(db, machines.SENT, machines.MISSING):
        seconds = (now - _moment(order.sent_at or order.intent_at)).total_seconds()
        ran.append((order.name, order.spend_key, of_rate(order.rate, max(0.0, seconds))))
    found = []
    for name, key, cost in ran:
        row = db.execute(
            "SELECT counts, day, engine FROM spend WHERE key=? AND unit='usd'", (key,)
        ).fetchone()
        if row is not None and cost > int(row["counts"]):
            found.append(Late(name, cost - int(row["counts"]), row["day"], row["engine"]))
    return found


def claim(db: Database, rental: Rental, *, now: datetime, seconds: float) -> str | None:
    """Take the rental for one look of the watchdog; None where another process has it.

    The claim ends by itself after ``seconds``, so that a watchdog that died holds up nobody.
    Returns what :func:`unclaim` takes.
    """
    until = iso(now + timedelta(seconds=seconds))
    changed = db.execute(
        "UPDATE rental SET claimed_until=? WHERE id=? AND state<>?"
        " AND (claimed_until IS NULL OR claimed_until<=?)",
        (until, rental.id, ENDED, iso(now)),
    ).rowcount
    return until if changed == 1 else None


def unclaim(db: Database, rental: Rental, claimed: str) -> None:
    """Let the rental go for the next look, unless somebody else has claimed it since."""
    db.execute(
        "UPDATE rental SET claimed_until=NULL WHERE id=? AND claimed_until=?",
        (rental.id, claimed),
    )


def end_asked(db: Database, rental: Rental) -> None:
    """Note, before it is sent, that the provider is asked to end the machine."""
    db.execute(
        "UPDATE rental SET state=?, attempts=attempts+1, last_outcome='sent', last_said=NULL"
        " WHERE id=? AND state<>?",
        (STOPPING, rental.id, ENDED),
    )


def answered(db: Database, rental: Rental, outcome: str, said: str) -> None:
    """Note what the provider answered."""
    db.execute(
        "UPDATE rental SET last_outcome=?, last_said=? WHERE id=?", (outcome, said, rental.id)
    )


def seen(db: Database, rental: Rental, *, absent_since: str | None) -> None:
    """Note a look: the first absence of a row of them, or None where it was there or unclear."""
    db.execute("UPDATE rental SET absent_since=? WHERE id=?", (absent_since, rental.id))


def end(db: Database, rental: Rental, *, how: str, now: datetime) -> bool:
    """Take it off the list of what bills; the caller settles its money. False: it was off."""
    changed = db.execute(
        "UPDATE rental SET state=?, ended_at=?, ended_how=?, claimed_until=NULL"
        " WHERE id=? AND state<>?",
        (ENDED, iso(now), how, rental.id, ENDED),
    ).rowcount
    return changed == 1


def note_sweep(db: Database, *, now: datetime) -> None:
    """Remember when the watchdog last looked."""
    db.execute("UPDATE watchdog SET swept_at=? WHERE id=1", (iso(now),))


def last_sweep(db: Database) -> str | None:
    """When the watchdog last looked, in UTC; None: never."""
    row = db.execute("SELECT swept_at FROM watchdog WHERE id=1").fetchone()
    return None if row["swept_at"] is None else str(row["swept_at"])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
