"""A person's leave to pass the caps once: asked for one entry, found again by its key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ategnatos.grimoire.files import canonical_json
from ategnatos.grimoire.spend import ledger
from ategnatos.guard.budget import consent, policy
from ategnatos.guard.budget.policy import Override

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.records import Entry
    from ategnatos.guard.budget.config import Config
    from ategnatos.guard.gate import Authorisation


def ask(
    project: Project,
    db: Database,
    config: Config,
    entry: Entry,
    *,
    because: str,
    redo: str,
    now: datetime,
) -> Override | None:
    """Have a person agree that this entry passes the caps; None where it passes none.

    Journaled with the reason. Raises what :func:`consent.ask` raises.
    """
    found = policy.breaches(config, entry, ledger.standings(db, entry, now=now))
    if not found:
        return None
    given = consent.ask(
        project,
        consent.OVERRIDE,
        {
            "key": entry.key,
            "amounts": canonical_json(dict(entry.amounts)).decode(),
            "rate": entry.rate,
            "minutes": entry.minutes,
        },
        lines=[
            f"{entry.operation} would cost up to {policy.asked(entry)}, past the budget:",
            *(f"  {one.said}" for one in found),
        ],
        redo=redo,
        now=now,
        because=because,
    )
    return _override(given)


def find(project: Project, key: str) -> Override | None:
    """The leave that was given for that key, if one was: for a worker that did not ask."""
    for one in consent.given(project, consent.OVERRIDE):
        if one.signed and one.subject.get("key") == key:
            return _override(one)
    return None


def _override(given: Authorisation) -> Override:
    said = given.subject
    return Override(
        given.event,
        str(said["key"]),
        {unit: int(amount) for unit, amount in json.loads(str(said["amounts"])).items()},
        int(said["rate"] or 0),
        int(said["minutes"] or 0),
    )
