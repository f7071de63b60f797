"""Ending a machine, and the proof that it is gone: two looks, the books, and what is left."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import machines, rentals
from ategnatos.guard.budget.teardown import Outcome
from ategnatos.providers.values import Bill, Leftover
from ategnatos.studio import ways
from ategnatos.studio.watchdog import ABSENCE_SECONDS, Finding, attend

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.records import Rental
    from ategnatos.providers import Provider
    from ategnatos.studio.renting.search import ProviderOf

# Between two looks at a machine that was asked to end and is still there.
LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How an end came out. ``finding.kind`` is ``ended`` only after two looks that found nothing.

    ``bill`` is what the provider's books say; ``leftovers`` is what still bills there under our
    prefix (``asked_leftovers`` False: the provider did not say).
    """

    finding: Finding
    bill: Bill
    leftovers: tuple[Leftover, ...] = ()
    asked_leftovers: bool = True

    @property
    def gone(self) -> bool:
        """Whether it is known to be gone."""
        return self.finding.kind == "ended"


def end(
    project: Project,
    rental: Rental,
    provider_of: ProviderOf,
    *,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
    patience: float = 180.0,
    say: Callable[[str], None] = lambda text: None,
) -> Ended:
    """Ask for the machine's end and look until two looks, 30 seconds apart, find it absent.

    After ``patience`` seconds it is handed back as it stands: not gone, timer running, the
    reaper's. Raises StudioError (``provider_unknown`` and the like) before anything is asked.
    """
    provider, why = provider_of(rental.provider)
    deadline = clock() + timedelta(seconds=patience)
    started = datetime.fromisoformat(rental.started_at)
    said = ""
    with database.connect(project) as db:
        while True:
            found = attend(project, db, rental, provider_of, end_it=True, now=clock())
            if found.said != said:
                said = found.said
                say(f"{rental.name}: {said}")
            if found.kind in ("ended", "person") or clock() >= deadline:
                break
            live = rentals.find_live(db, rental.provider, rental.resource)
            absent = live is not None and live.absent_since is not None
            sleep(ABSENCE_SECONDS if absent else LOOK_SECONDS)
        if found.kind == "ended":
            order = machines.of_resource(db, rental.provider, rental.resource)
            with database.writing(db):
                machines.close_ended(db, now=clock())
            ways.forget(ways.label_of(rental, order))
    if provider is None:
        return Ended(found, Bill(None, why), (), False)
    return _with_proof(provider, found, rental, started)


def _with_proof(provider: Provider, found: Finding, rental: Rental, started: datetime) -> Ended:
    try:
        bill = provider.billing_proof(rental.resource, started)
    except StudioError as error:
        bill = Bill(None, error.message)
    try:
        left = provider.leftovers()
    except StudioError:
        return Ended(found, bill, (), False)
    kept = []
    for one in left:
        # A key of a machine that is gone bills nothing and opens nothing: it is ours to remove.
        spent = one.kind == "key" and one.ours and not one.bills and found.kind == "ended"
        if spent and provider.remove(one).outcome in (Outcome.ACCEPTED, Outcome.ALREADY_GONE):
            continue
        kept.append(one)
    return Ended(found, bill, tuple(kept))
