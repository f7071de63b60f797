"""The journal's side of the ledger, and the ledger read back from it where the database is gone.

What is set aside, billed and given back is an event too, written inside the transaction that
moves the row and before it commits: so the journal never holds less money than the database. A
database that is made anew, because somebody deleted it or points the studio at another one, gets
its sums from there in the transaction that makes it; deleting ``studio.db`` frees no cent.

The rows that come back have keys of their own (``e00000012:art/...``): an order that the new
database does not know is new to it, and pays for itself again. What was never settled comes back
as unknown, for a person to resolve; a rented machine comes back with its timer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal
from ategnatos.grimoire.spend import rentals
from ategnatos.grimoire.spend.records import RELEASED, RESERVED, SETTLED, UNKNOWN, Entry, day_of

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database

ASIDE, BILLED, BACK = "spend.reserved", "spend.settled", "spend.released"
RECALLED = "spend.recalled"
_ACTOR = "ategnatos"


def note_reserved(db: Database, entry: Entry, *, now: datetime, override: str | None) -> None:
    """Write down that money is set aside. Raises what :func:`journal.append` raises."""
    facts = {
        "amounts": dict(entry.amounts),
        "day": day_of(now),
        "job": entry.job,
        "engine": entry.engine,
        "operation": entry.operation,
        "tags": [list(tag) for tag in entry.tags],
        "rate": entry.rate,
        "minutes": entry.minutes,
        # A fact and no reference: with a server, the leave may stand in another machine's journal.
        "override": override,
    }
    _note(db, ASIDE, entry.key, facts, now)


def note_settled(db: Database, key: str, billed: Mapping[str, int], *, now: datetime) -> None:
    """Write down what was billed, in millionths by ledger."""
    _note(db, BILLED, key, {"amounts": dict(billed)}, now)


def note_released(db: Database, key: str, *, now: datetime, why: str) -> None:
    """Write down that nothing was billed."""
    _note(db, BACK, key, {"why": why}, now)


def recall(db: Database) -> int:
    """Put the journal's money into a ledger that is new; how many calls there were.

    Inside the transaction that makes the database. A journal that is not what was written is no
    basis for money: raises StudioError (``journal_corrupt``), and no database is made.
    """
    if problems := journal.verify(db.project).problems:
        raise journal.corrupt(db.project, problems[0].line)
    calls = [one for one in _calls(db) if one.status != RELEASED]
    # Of a machine that was written down twice the last counts: one timer a machine.
    machines = {one.machine: one for one in calls if one.machine and one.status == UNKNOWN}
    for one in machines.values():
        one.status = RESERVED
        provider, _, resource = one.machine.partition(":")
        rentals.start(
            db,
            provider=provider,
            resource=resource,
            rate=one.rate,
            minutes=one.minutes,
            spend_key=one.key,
            now=datetime.fromisoformat(one.at),
        )
    for one in calls:
        for unit, amount in one.amounts.items():
            settled = amount if one.status == SETTLED else None
            db.execute(
                "INSERT INTO spend (key, unit, status, reserved, settled, counts, day, job, engine,"
                " operation, basis, reserved_at) VALUES (?,?,?,?,?,?,?,?,?,?,'journal',?)",
                (
                    one.key,
                    unit,
                    one.status,
                    one.reserved.get(unit, 0),
                    settled,
                    amount,
                    one.day,
                    one.job,
                    one.engine,
                    one.operation,
                    one.at,
                ),
            )
        for kind, name in dict.fromkeys(one.tags):
            db.execute(
                "INSERT INTO spend_tag (key, kind, name) VALUES (?,?,?)", (one.key, kind, name)
            )
    if calls:
        journal.append(db.project, RECALLED, actor=_ACTOR, data={"calls": len(calls)})
    return len(calls)


@dataclass
class _Call:
    """One reservation of the journal and what became of it."""

    key: str
    at: str
    day: str
    job: str | None
    engine: str | None
    operation: str
    tags: list[tuple[str, str]]
    rate: int
    minutes: int
    reserved: dict[str, int]
    amounts: dict[str, int] = field(default_factory=dict)
    status: str = UNKNOWN

    @property
    def machine(self) -> str:
        """The machine that it rented, like ``runpod:pod-1``; "" where it rented none."""
        return next((name for kind, name in self.tags if kind == "machine"), "")


def _calls(db: Database) -> list[_Call]:
    found: list[_Call] = []
    latest: dict[str, _Call] = {}
    for event in journal.read(db.project, (ASIDE, BILLED, BACK)):
        try:
            if event.kind == ASIDE:
                one = _reserved(event)
                found.append(one)
                # Under its own key, and under the one that it has once it was recalled.
                latest[event.data["id"]] = latest[_mark(one.key)] = one
            elif (known := latest.get(event.data["id"])) is not None:
                known.status = SETTLED if event.kind == BILLED else RELEASED
                if event.kind == BILLED:
                    known.amounts = _amounts(event)
        except (KeyError, TypeError, ValueError) as error:
            raise journal.corrupt(db.project, int(event.id[1:])) from error
    return found


def _reserved(event: journal.Event) -> _Call:
    said = event.data
    amounts = _amounts(event)
    return _Call(
        key=f"{event.id}:{event.references['spend']}",
        at=f"{event.time[:19]}Z",
        day=str(said["day"]),
        job=said["job"],
        engine=said["engine"],
        operation=str(said["operation"]),
        tags=[(str(kind), str(name)) for kind, name in said["tags"]],
        rate=int(said["rate"]),
        minutes=int(said["minutes"]),
        reserved=amounts,
        amounts=dict(amounts),
    )


def _amounts(event: journal.Event) -> dict[str, int]:
    return {str(unit): int(amount) for unit, amount in event.data["amounts"].items()}


def _note(db: Database, kind: str, key: str, facts: dict[str, Any], now: datetime) -> None:
    journal.append(
        db.project,
        kind,
        actor=_ACTOR,
        references={"spend": key},
        # A key may hold what the journal masks; its hash tells two of them apart all the same.
        data={"id": _mark(key), **facts},
        now=now,
    )


def _mark(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]
