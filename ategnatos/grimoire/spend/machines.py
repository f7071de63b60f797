"""Ordered machines as rows: whether one was sent for, and what is known to have come of it.

    intent -> sent -> made -> ended
       |        |-> refused           a definite no, the money is back
       |        '-> missing -> never  nobody has seen it; after a longer search the money is back
       '-> dropped                    never sent, the money is back

Every move is conditional on the state before it, so that of two who look after one order only one
moves it. Every function runs inside the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.spend.records import ENDED, iso

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.jobs.database import Database

MACHINE_UNKNOWN = ErrorCode("machine_unknown", "No machine of that name was ordered here.")

INTENT = "intent"
SENT = "sent"
MADE = "made"
REFUSED = "refused"
MISSING = "missing"
NEVER = "never"
DROPPED = "dropped"
# Whoever attends to orders has something to do about these.
OPEN = (INTENT, SENT, MISSING)


@dataclass(frozen=True, slots=True)
class Ordered:
    """One order. ``state`` as above; ``resource`` is the provider's id, once it is known.

    ``rate`` is millionths of a dollar an hour; ``asked`` is JSON text.
    """

    label: str
    provider: str
    run: str
    attempt: int
    state: str
    resource: str | None
    rate: int
    minutes: int
    spend_key: str
    asked: str
    intent_at: str
    sent_at: str | None
    closed_at: str | None
    said: str

    @property
    def name(self) -> str:
        """``runpod:7h9k2m4n6p``, or by its label while its id is not known."""
        return f"{self.provider}:{self.resource or self.label}"

    @property
    def facts(self) -> dict[str, Any]:
        """What was asked for."""
        found = json.loads(self.asked)
        return found if isinstance(found, dict) else {}


_COLUMNS = ", ".join(one.name for one in fields(Ordered))


def add(
    db: Database,
    *,
    label: str,
    provider: str,
    run: str,
    attempt: int,
    rate: int,
    minutes: int,
    spend_key: str,
    asked: Mapping[str, Any],
    now: datetime,
) -> None:
    """Write an intent down; its money is reserved in the same transaction."""
    db.execute(
        "INSERT INTO machine (label, provider, run, attempt, state, rate, minutes, spend_key,"
        " asked, intent_at) VALUES (?,?,?,?,?,?,?,?,?,?)",
        (
            label,
            provider,
            run,
            attempt,
            INTENT,
            rate,
            minutes,
            spend_key,
            json.dumps(asked, ensure_ascii=False, sort_keys=True),
            iso(now),
        ),
    )


def mark_sent(db: Database, label: str, *, now: datetime) -> bool:
    """Note that it is sent now; False where somebody has dropped the intent meanwhile."""
    changed = db.execute(
        "UPDATE machine SET state=?, sent_at=? WHERE label=? AND state=?",
        (SENT, iso(now), label, INTENT),
    ).rowcount
    return changed == 1


def mark_made(db: Database, label: str, resource: str) -> bool:
    """Note the machine that the order made; False where that is known already, or it is closed."""
    changed = db.execute(
        "UPDATE machine SET state=?, resource=? WHERE label=? AND state IN (?,?)",
        (MADE, resource, label, SENT, MISSING),
    ).rowcount
    return changed == 1


def mark_missing(db: Database, label: str, said: str) -> bool:
    """Note that it was looked for as long as an accepted order may stay invisible."""
    changed = db.execute(
        "UPDATE machine SET state=?, said=? WHERE label=? AND state=?",
        (MISSING, said, label, SENT),
    ).rowcount
    return changed == 1


def close(
    db: Database, label: str, state: str, *, before: tuple[str, ...], said: str, now: datetime
) -> bool:
    """Close an order that made nothing: ``refused``, ``never`` or ``dropped``."""
    marks = ",".join("?" * len(before))
    changed = db.execute(
        f"UPDATE machine SET state=?, said=?, closed_at=? WHERE label=? AND state IN ({marks})",  # noqa: S608
        (state, said, iso(now), label, *before),
    ).rowcount
    return changed == 1


def close_ended(db: Database, *, now: datetime) -> int:
    """Close the orders whose machines have no timer any more, because they are gone."""
    return db.execute(
        "UPDATE machine SET state=?, closed_at=? WHERE state=? AND NOT EXISTS (SELECT 1 FROM rental"
        " WHERE rental.provider=machine.provider AND rental.resource=machine.resource"
        " AND rental.state<>?)",
        (ENDED, iso(now), MADE, ENDED),
    ).rowcount


def get(db: Database, label: str) -> Ordered:
    """One order. Raises StudioError (``machine_unknown``)."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM machine WHERE label=?",  # noqa: S608
        (label,),
    ).fetchone()
    if row is None:
        raise StudioError(
            MACHINE_UNKNOWN,
            f"No machine called {label!r} was ordered from this studio; nothing was done.",
            hint="See the machines with 'ategnatos studio provider status'.",
            label=label,
        )
    return Ordered(**dict(row))


def of_resource(db: Database, provider: str, resource: str) -> Ordered | None:
    """The order that made a machine, the newest where an id was used twice."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM machine WHERE provider=? AND resource=?"  # noqa: S608
        " ORDER BY intent_at DESC LIMIT 1",
        (provider, resource),
    ).fetchone()
    return None if row is None else Ordered(**dict(row))


def in_states(db: Database, *states: str) -> list[Ordered]:
    """The orders that stand so, the oldest first."""
    marks = ",".join("?" * len(states))
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM machine WHERE state IN ({marks}) ORDER BY intent_at, label",  # noqa: S608
        states,
    )
    return [Ordered(**dict(row)) for row in rows.fetchall()]
