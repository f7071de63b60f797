"""Reserve, settle, release: money as rows, each function inside the caller's transaction.

A reservation is made in the same transaction as the intent to send. That transaction is the only
writer while it lasts (``database.writing``, on SQLite and on Postgres alike): of two that race
for the last dollar, the second sees what the first has taken. Each change stands in the journal
before it commits (``recall``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.spend import recall, rentals
from ategnatos.grimoire.spend.amounts import USD
from ategnatos.grimoire.spend.records import (
    RELEASED,
    RESERVED,
    SETTLED,
    UNKNOWN,
    Entry,
    Line,
    Policy,
    Settlement,
    Standing,
    Standings,
    day_of,
    iso,
)

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database

SPEND_UNKNOWN = ErrorCode("spend_unknown", "No money was ever reserved under that key.")

_COLUMNS = ", ".join(one.name for one in fields(Line))


def reserve(
    db: Database,
    entry: Entry,
    policy: Policy,
    *,
    now: datetime,
    override_event: str | None = None,
) -> bool:
    """Set the entry's money aside, or raise what ``policy`` raises, with no row written.

    Returns True for a new reservation, False where the key holds its money already (reserved,
    unknown or settled): the same effect is never paid for twice. A released key may be reserved
    again.
    """
    standing = {one.unit: one for one in lines(db, entry.key)}
    if any(one.status != RELEASED for one in standing.values()):
        return False
    policy(entry, standings(db, entry, now=now))
    for unit, amount in entry.amounts.items():
        db.execute("DELETE FROM spend WHERE key=? AND unit=?", (entry.key, unit))
        db.execute(
            "INSERT INTO spend (key, unit, status, reserved, counts, day, job, engine, operation,"
            " basis, override_event, reserved_at) VALUES (?,?,?,?,?,?,?,?,?,'',?,?)",
            (
                entry.key,
                unit,
                RESERVED,
                amount,
                amount,
                day_of(now),
                entry.job,
                entry.engine,
                entry.operation,
                override_event,
                iso(now),
            ),
        )
    db.execute("DELETE FROM spend_tag WHERE key=?", (entry.key,))
    for kind, name in dict.fromkeys(entry.tags):
        db.execute(
            "INSERT INTO spend_tag (key, kind, name) VALUES (?,?,?)", (entry.key, kind, name)
        )
    recall.note_reserved(db, entry, now=now, override=override_event)
    return True


def settle(
    db: Database,
    key: str,
    actual: Mapping[str, int] | None,
    *,
    now: datetime,
    basis: str = "vendor",
) -> Settlement:
    """Replace the reservation by what was billed, once; a second call changes nothing.

    ``actual`` are millionths by ledger; a ledger it does not name, or all of them with None, is
    taken to be billed as reserved (``basis`` then says ``estimate``). A bill above the
    reservation, or in a ledger that held none, is recorded as it is. Raises StudioError
    (``spend_unknown``).
    """
    held = {one.unit: one for one in known(db, key)}
    if any(one.status == SETTLED for one in held.values()):
        return Settlement(fresh=False)
    over: dict[str, int] = {}
    bill: dict[str, int] = {}
    for unit in {**held, **(actual or {})}:
        before = held.get(unit)
        if actual is not None and unit in actual:
            billed, why = actual[unit], basis
        else:
            assert before is not None
            billed, why = before.reserved, "estimate"
        if before is None:
            _add_unreserved(db, next(iter(held.values())), unit, iso(now))
        db.execute(
            "UPDATE spend SET status=?, settled=?, counts=?, basis=?, closed_at=?"
            " WHERE key=? AND unit=?",
            (SETTLED, billed, billed, why, iso(now), key, unit),
        )
        bill[unit] = billed
        excess = billed - (before.reserved if before is not None else 0)
        if excess > 0:
            over[unit] = excess
    recall.note_settled(db, key, bill, now=now)
    return Settlement(fresh=True, over=over)


def release(db: Database, key: str, *, now: datetime, why: str) -> bool:
    """Give the money back: nothing was sent, or the vendor refused it. True if any was held.

    What was settled stays settled. Raises StudioError (``spend_unknown``).
    """
    known(db, key)
    changed = db.execute(
        "UPDATE spend SET status=?, counts=0, basis=?, closed_at=? WHERE key=? AND status IN (?,?)",
        (RELEASED, why, iso(now), key, RESERVED, UNKNOWN),
    ).rowcount
    if changed:
        recall.note_released(db, key, now=now, why=why)
    return changed > 0


def mark_unknown(db: Database, key: str, *, why: str) -> bool:
    """Note that it may have been billed: the reservation stays until it is settled or released.

    True if the state changed. Raises StudioError (``spend_unknown``).
    """
    known(db, key)
    changed = db.execute(
        "UPDATE spend SET status=?, basis=? WHERE key=? AND status=?",
        (UNKNOWN, why, key, RESERVED),
    ).rowcount
    return changed > 0


def lines(db: Database, key: str) -> list[Line]:
    """The rows of one key, by ledger; empty where nothing was ever reserved."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM spend WHERE key=? ORDER BY unit", (key,))  # noqa: S608
    return [Line(**dict(row)) for row in rows.fetchall()]


def standings(db: Database, entry: Entry, *, now: datetime) -> Standings:
    """What is reserved and settled now, for every ledger that the entry touches.

    What live rentals have run up beyond their reservation is counted.
    """
    late = rentals.beyond_reservation(db, now=now)
    day = day_of(now)
    found: dict[str, Standing] = {}
    for unit in entry.amounts:
        extra = [] if unit != USD else late
        found[unit] = Standing(
            day=_held(db, unit, "day", day) + sum(one.over for one in extra if one.day == day),
            total=_held(db, unit, "total", "") + sum(one.over for one in extra),
            job=0 if entry.job is None else _held(db, unit, "job", entry.job),
            engine=0
            if entry.engine is None
            else _held(db, unit, "engine", entry.engine)
            + sum(one.over for one in extra if one.engine == entry.engine),
        )
    return Standings(now, found, rentals.hourly(db))


def _held(db: Database, unit: str, kind: str, name: str) -> int:
    # Kept by triggers (migrations/005_spend_totals): a sum over the rows would grow with them.
    row = db.execute(
        "SELECT held FROM spend_total WHERE unit=? AND kind=? AND name=?", (unit, kind, name)
    ).fetchone()
    return 0 if row is None else int(row["held"])


def known(db: Database, key: str) -> list[Line]:
    """The rows of a key that has some. Raises StudioError (``spend_unknown``)."""
    found = lines(db, key)
    if not found:
        raise StudioError(
            SPEND_UNKNOWN,
            f"No money was reserved under {key!r}; nothing was changed.",
            hint="See what is reserved and settled with 'ategnatos studio budget report'.",
            key=key,
        )
    return found


def _add_unreserved(db: Database, like: Line, unit: str, now: str) -> None:
    db.execute(
        "INSERT INTO spend (key, unit, status, reserved, counts, day, job, engine, operation,"
        " basis, override_event, reserved_at) VALUES (?,?,?,0,0,?,?,?,?,'',NULL,?)",
        (like.key, unit, RESERVED, like.day, like.job, like.engine, like.operation, now),
    )
