"""What may have been billed, cleared by a person who has looked at the vendor's account."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import ledger, rentals
from ategnatos.grimoire.spend.amounts import spoken
from ategnatos.grimoire.spend.records import RESERVED, UNKNOWN
from ategnatos.guard.actor import person
from ategnatos.guard.budget import consent

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.records import Line

NOT_UNCLEAR = ErrorCode("not_unclear", "What that key was reserved for is not an open question.")


def resolve(
    project: Project, key: str, billed: dict[str, int] | None, *, redo: str, now: datetime
) -> list[Line]:
    """Settle an unknown outcome by a person's word: what was ``billed`` in millionths by ledger,
    or None: nothing.

    Journaled. Raises StudioError (``spend_unknown``, ``not_unclear``, and what the gate refuses).
    """
    with database.connect(project) as db:
        held = _open(db, key)
        claim = (
            "was not billed"
            if billed is None
            else "was billed "
            + " and ".join(spoken(amount, unit) for unit, amount in billed.items())
        )
        reserved = " and ".join(spoken(one.reserved, one.unit) for one in held)
        agreed = consent.ask(
            project,
            consent.RESOLVE,
            {"key": key, "claim": claim},
            lines=[
                f"{key}: {reserved} is reserved since {held[0].reserved_at}; whether it was"
                " billed is unknown.",
                f"You say that it {claim}, as the vendor's own account shows.",
            ],
            redo=redo,
            now=now,
        )
        journal.append(
            project,
            "spend.resolved",
            actor=person(),
            references={"consent_event": agreed.event},
            data={"key": key, "claim": claim},
            now=now,
        )
        with database.writing(db):
            _open(db, key)
            if billed is None:
                ledger.release(db, key, now=now, why="person")
            else:
                ledger.settle(db, key, billed, now=now, basis="person")
        return ledger.lines(db, key)


def _open(db: database.Database, key: str) -> list[Line]:
    held = ledger.known(db, key)
    rented = any(one.spend_key == key for one in rentals.live(db))
    unclear = any(one.status in {RESERVED, UNKNOWN} for one in held)
    if rented or not unclear:
        why = "a machine that still runs" if rented else f"{held[0].status} already"
        raise StudioError(
            NOT_UNCLEAR,
            f"{key} is {why}; nothing was changed.",
            hint="See what is unknown with 'ategnatos studio budget show'.",
            key=key,
        )
    return held
