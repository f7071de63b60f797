"""The watchdog: ends what is overdue, and believes that it is gone only after two looks.

Safe from cron and in parallel: a rental is claimed in the database before it is attended, and a
claim ends by itself. All state is rows, so a watchdog that dies is followed by the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import ledger, rentals
from ategnatos.grimoire.spend.amounts import USD, plain, spoken
from ategnatos.grimoire.spend.records import STOPPING, Rental, iso
from ategnatos.guard.actor import actor as current_actor
from ategnatos.guard.budget.teardown import Ending, Look, Outcome, Presence, Teardown

if TYPE_CHECKING:
    from collections.abc import Callable

    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project
    from ategnatos.studio.teardown import Find

# A provider's list may lag behind: one absence is no proof. Seconds between the two looks.
ABSENCE_SECONDS = 30.0
# Longer than a provider's two calls with their time limits; then another process may attend.
CLAIM_SECONDS = 180.0
# A person is warned this long before a machine is ended.
WARN_MINUTES = 10

_ASKED = frozenset({Outcome.ACCEPTED.value, Outcome.ALREADY_GONE.value})
_KNOWN_THERE = frozenset({Outcome.ACCEPTED.value, "present"})


@dataclass(frozen=True, slots=True)
class Finding:
    """How one rental stands after a look.

    ``kind``: runs, soon (its end is near), held (another process attends it), ending (asked to
    end, not known to be gone), ended, person (somebody must act). ``over`` are the millionths
    by which an ended rental cost more than was reserved.
    """

    rental: Rental
    kind: str
    said: str
    cost: int
    over: int = 0

    def facts(self) -> dict[str, Any]:
        """The same as JSON values."""
        one = self.rental
        return {
            "machine": one.name,
            "kind": self.kind,
            "said": self.said,
            "rate_usd_per_hour": plain(one.rate),
            "cost_usd": plain(self.cost),
            "over_reservation_usd": plain(self.over),
            "started_at": one.started_at,
            "due_at": one.due_at,
            "attempts": one.attempts,
            "last_outcome": one.last_outcome,
        }


def sweep(project: Project, find: Find, *, clock: Callable[[], datetime]) -> list[Finding]:
    """Attend to every rental once: end the overdue, look again at those that are ending."""
    if not database.exists(project):
        return []
    with database.connect(project) as db:
        with database.writing(db):
            rentals.note_sweep(db, now=clock())
        found = []
        for one in rentals.live(db):
            overdue = datetime.fromisoformat(one.due_at) <= clock()
            ending = overdue or one.state == STOPPING
            if ending or one.absent_since is not None:
                found.append(attend(project, db, one, find, end_it=ending, now=clock()))
            else:
                found.append(_running(one, clock()))
        return found


def attend(
    project: Project, db: Database, rental: Rental, find: Find, *, end_it: bool, now: datetime
) -> Finding:
    """One look at one rental; with ``end_it`` the provider is asked to end it first.

    What was accepted is not asked again until a look finds the machine present.
    """
    provider, why = find(rental.provider)
    if provider is None:
        return _for_a_person(rental, why, now)
    with database.writing(db):
        claimed = rentals.claim(db, rental, now=now, seconds=CLAIM_SECONDS)
        if claimed is None:
            said = "another process is looking after it now"
            return Finding(rental, "held", said, rentals.cost_so_far(rental, now))
    try:
        rental = _fresh(db, rental)
        if end_it and rental.last_outcome not in _ASKED:
            _ask_to_end(project, db, rental, provider, now)
        return _look(project, db, _fresh(db, rental), provider, end_it=end_it, now=now)
    finally:
        with database.writing(db):
            rentals.unclaim(db, rental, claimed)


def close(
    project: Project,
    db: Database,
    rental: Rental,
    *,
    how: str,
    actor: str,
    now: datetime,
    consent_event: str | None = None,
) -> Finding:
    """Take the rental off the list and settle what it cost; ``how`` as in Rental.ended_how."""
    cost = rentals.cost_so_far(rental, now)
    references = {"machine": rental.name}
    if consent_event is not None:
        references["consent_event"] = consent_event
    journal.append(
        project,
        "rental.ended",
        actor=actor,
        references=references,
        data={"how": how, "cost_usd": plain(cost)},
        now=now,
    )
    with database.writing(db):
        rentals.end(db, rental, how=how, now=now)
        settled = ledger.settle(db, rental.spend_key, {USD: cost}, now=now, basis="clock")
    seen = "seen absent twice" if how == "observed" else "ended by a person's word"
    over = settled.over.get(USD, 0)
    said = f"{seen}; it cost {spoken(cost)}"
    if over:
        said += f", {spoken(over)} more than was reserved"
    return Finding(rental, "ended", said, cost, over)


def needs_person(findings: list[Finding]) -> list[Finding]:
    """Those that no program can mend: they go on billing until somebody acts."""
    return [one for one in findings if one.kind == "person"]


def _ask_to_end(
    project: Project, db: Database, rental: Rental, provider: Teardown, now: datetime
) -> None:
    with database.writing(db):
        rentals.end_asked(db, rental)
    try:
        ending = provider.terminate(rental.resource)
    except Exception as error:  # noqa: BLE001 - whatever broke, the machine may still be there
        ending = Ending(Outcome.UNKNOWN, f"{type(error).__name__}: {error}")
    outcome = ending.outcome
    if outcome is Outcome.ALREADY_GONE and rental.last_outcome in _KNOWN_THERE:
        # The provider knew it before, so this is no machine that is merely not visible yet.
        outcome = Outcome.ACCEPTED
    with database.writing(db):
        rentals.answered(db, rental, outcome.value, ending.said)
    journal.append(
        project,
        "rental.end_asked",
        actor=current_actor(),
        references={"machine": rental.name},
        data={"outcome": ending.outcome.value, "said": ending.said},
        now=now,
    )


def _look(
    project: Project,
    db: Database,
    rental: Rental,
    provider: Teardown,
    *,
    end_it: bool,
    now: datetime,
) -> Finding:
    try:
        look = provider.observe(rental.resource)
    except Exception as error:  # noqa: BLE001 - a look that broke has seen nothing
        look = Look(Presence.UNKNOWN, f"{type(error).__name__}: {error}")
    if look.presence is Presence.ABSENT:
        return _absent(project, db, rental, provider, now)
    with database.writing(db):
        rentals.seen(db, rental, absent_since=None)
        if look.presence is Presence.PRESENT and rental.last_outcome in _ASKED:
            # Asked and still there: the next sweep asks again.
            rentals.answered(db, rental, "present", look.said)
    cost = rentals.cost_so_far(rental, now)
    there = look.presence is Presence.PRESENT
    state = "it is there" if there else "nobody knows whether it is there"
    said = f"{state}, so it counts as billing"
    if look.said:
        said += f" ({look.said})"
    if not end_it:
        return Finding(rental, "runs", said, cost)
    if rental.last_outcome == Outcome.REFUSED.value:
        refused = f"{rental.provider} refused to end it ({rental.last_said}); {said}"
        return _for_a_person(rental, refused, now)
    if rental.last_outcome == Outcome.UNKNOWN.value:
        unclear = f"whether {rental.provider} ends it is unknown ({rental.last_said}); {said}"
        return _for_a_person(rental, unclear, now)
    return Finding(rental, "ending", f"asked to end; {said}", cost)


def _absent(
    project: Project, db: Database, rental: Rental, provider: Teardown, now: datetime
) -> Finding:
    age = (now - datetime.fromisoformat(rental.started_at)).total_seconds()
    if age < _may_hide(provider) and rental.last_outcome != Outcome.ACCEPTED.value:
        # A machine that was just made may be missing in lists. One whose end was accepted was seen.
        with database.writing(db):
            rentals.seen(db, rental, absent_since=None)
        said = f"not seen {age:.0f} seconds after its start, which is too soon to believe"
        return Finding(rental, "ending", said, rentals.cost_so_far(rental, now))
    first = rental.absent_since
    if first is None:
        with database.writing(db):
            rentals.seen(db, rental, absent_since=iso(now))
        said = f"seen absent once; a second look after {ABSENCE_SECONDS:g} seconds decides"
        return Finding(rental, "ending", said, rentals.cost_so_far(rental, now))
    if now - datetime.fromisoformat(first) < timedelta(seconds=ABSENCE_SECONDS):
        said = f"seen absent at {first}; too soon for the second look"
        return Finding(rental, "ending", said, rentals.cost_so_far(rental, now))
    return close(project, db, rental, how="observed", actor=current_actor(), now=now)


def _may_hide(provider: Teardown) -> float:
    """For how many seconds after its start a machine may be missing in the provider's list."""
    from ategnatos.providers import Provider

    return provider.terms().visible_seconds if isinstance(provider, Provider) else 0.0


def _for_a_person(rental: Rental, why: str, now: datetime) -> Finding:
    said = (
        f"{why}. It counts as billing at {plain(rental.rate)} USD an hour. End it on the"
        " provider's own page, then say so at a terminal: ategnatos studio budget timer stop"
        f" {rental.name} --gone"
    )
    return Finding(rental, "person", said, rentals.cost_so_far(rental, now))


def _running(rental: Rental, now: datetime) -> Finding:
    left = datetime.fromisoformat(rental.due_at) - now
    minutes = max(0, int(left.total_seconds() // 60))
    cost = rentals.cost_so_far(rental, now)
    if minutes < WARN_MINUTES:
        return Finding(rental, "soon", f"it will be ended in {minutes} minutes", cost)
    return Finding(rental, "runs", f"runs, at most {minutes} minutes more", cost)


def _fresh(db: Database, rental: Rental) -> Rental:
    return rentals.get_live(db, rental.provider, rental.resource)
