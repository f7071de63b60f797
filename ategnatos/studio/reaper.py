"""The reaper: one round looks at every order, every timer and every machine of ours, and ends
what nobody will: overdue, used up, abandoned, hopeless, stuck, idle, out of reach, or unknown here.

All state is rows and files, so a reaper may die anywhere and the next goes on. Whatever it cannot
see counts as billing. One lock: of two reapers, the second says so and does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ategnatos.grimoire import journal, locks
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import ledger, machines, rentals
from ategnatos.grimoire.spend.amounts import USD, millionths, plain
from ategnatos.grimoire.spend.records import STOPPING, Entry
from ategnatos.guard.actor import actor
from ategnatos.providers import Provider, load_provider
from ategnatos.providers.values import State
from ategnatos.studio import watchdog, ways
from ategnatos.studio.renting import search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.records import Rental
    from ategnatos.providers.values import Instance
    from ategnatos.studio.renting.search import ProviderOf, Sighting
    from ategnatos.studio.teardown import Find

LOCK = "reaper"
PERIOD_SECONDS = 30.0
WAIT_SECONDS = 5.0
# An instance whose state its provider does not know for so long is ended.
UNKNOWN_SECONDS = 1800.0

# Asked of a machine that runs: why it should be ended now, or "". Never raises.
Ask = Callable[["Rental"], str]


@dataclass(slots=True)
class Round:
    """What one round saw and did.

    ``silent``: providers that did not answer, with why; what is there counts as billing.
    ``strangers``: machines with our prefix that this studio knows nothing of.
    """

    findings: list[watchdog.Finding] = field(default_factory=list)
    orders: list[Sighting] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    silent: dict[str, str] = field(default_factory=dict)
    strangers: list[Instance] = field(default_factory=list)


def provider_of(name: str) -> tuple[Provider | None, str]:
    """The installed provider of that name, or None and why there is none."""
    try:
        return load_provider(name), ""
    except StudioError as error:
        return None, error.message


def reap(
    project: Project,
    names: Sequence[str],
    find: ProviderOf,
    *,
    clock: Callable[[], datetime],
    period: float = PERIOD_SECONDS,
    ask: Ask = lambda rental: "",
    abandoned: Ask = lambda rental: "",
    ends: Find | None = None,
) -> Round:
    """One round over the record and over the accounts of ``names``.

    ``period`` is when the next round is due: what would be used up before it is ended now.
    ``abandoned`` says of a machine that nobody was handed why it is nobody's. ``ends`` finds
    what can only end machines, where ``find`` wants whole providers. Raises StudioError
    (``locked``: another reaper is at work; what the database refuses).
    """
    done = Round()
    with locks.hold(project, LOCK, wait=WAIT_SECONDS):
        done.orders = search.attend(project, find, clock=clock)
        ends = ends or find
        done.findings = watchdog.sweep(project, ends, clock=clock)
        seen = _seen(names, find, done)
        if not database.exists(project):
            done.strangers = [one for listed in seen.values() for one in listed]
            return done
        with database.connect(project) as db:
            late = {one.rental.name for one in done.orders if one.kind == "late" and one.rental}
            for rental in rentals.live(db):
                if rental.state == STOPPING:
                    continue
                listed = seen.get(rental.provider)
                there = {one.id: one for one in listed or ()}.get(rental.resource)
                rental = _repriced(project, db, rental, there, clock())
                why = "found after its order was given up" if rental.name in late else ""
                why = why or _used_up(db, rental, clock(), period)
                why = why or abandoned(rental)
                why = why or _bad(find, rental, there, clock())
                if not why and there is not None and there.state is State.RUNNING:
                    why = ask(rental)
                if why:
                    _end(project, db, rental, ends, why, done, clock())
            for one in _orphans(project, db, seen, done):
                rental = _taken_in(project, db, one, clock())
                _end(project, db, rental, ends, "no record says that it runs", done, clock())
            for finding in done.findings:
                if finding.kind == "ended":
                    rental = finding.rental
                    order = machines.of_resource(db, rental.provider, rental.resource)
                    ways.forget(ways.label_of(rental, order))
    return done


def _seen(names: Sequence[str], find: ProviderOf, done: Round) -> dict[str, Sequence[Instance]]:
    """What each account holds under our prefix; an account that does not answer is left out."""
    seen: dict[str, Sequence[Instance]] = {}
    for name in names:
        provider, why = find(name)
        if provider is None:
            done.silent[name] = why
            continue
        if not provider.terms().bills:
            continue
        try:
            seen[name] = provider.ours()
        except StudioError as error:
            if error.code.code not in {"secret_missing", "sky_missing"} or _rents_from(done, name):
                done.silent[name] = error.message
    return seen


def _rents_from(done: Round, name: str) -> bool:
    rented = {one.rental.provider for one in done.findings}
    return name in rented | {one.order.provider for one in done.orders}


def _repriced(
    project: Project, db: Database, rental: Rental, there: Instance | None, now: datetime
) -> Rental:
    """The rental at what its provider really takes, where that is more than was said."""
    if there is None or there.rate is None or millionths(there.rate) <= rental.rate:
        return rental
    with database.writing(db):
        rentals.reprice(db, rental, millionths(there.rate))
    journal.append(
        project,
        "rental.repriced",
        actor=actor(),
        references={"machine": rental.name},
        data={"was_usd_per_hour": plain(rental.rate), "is_usd_per_hour": str(there.rate)},
        now=now,
    )
    return rentals.get_live(db, rental.provider, rental.resource)


def _used_up(db: Database, rental: Rental, now: datetime, period: float) -> str:
    """Whether its money or its time would be over before anybody looks again."""
    soon = now + timedelta(seconds=period)
    if datetime.fromisoformat(rental.due_at) <= soon:
        return "its time is over"
    reserved = sum(one.reserved for one in ledger.lines(db, rental.spend_key) if one.unit == USD)
    if reserved and rentals.cost_so_far(rental, soon) > reserved:
        return "the money that was set aside for it is used up"
    return ""


def _bad(find: ProviderOf, rental: Rental, there: Instance | None, now: datetime) -> str:
    """Why the machine will be of no more use, as its provider shows it."""
    if there is None:
        return ""
    if there.hopeless:
        return there.hopeless
    age = (now - datetime.fromisoformat(rental.started_at)).total_seconds()
    provider, _ = find(rental.provider)
    boot = provider.terms().boot_seconds if provider is not None else UNKNOWN_SECONDS
    if there.state is State.PENDING and age > boot:
        return f"it has not come up in {age / 60:.0f} minutes"
    if there.state is State.STOPPING and age > boot:
        return f"it is halted ({there.raw or there.said}) and its disk bills"
    if there.state is State.UNKNOWN and age > max(boot, UNKNOWN_SECONDS):
        return f"its provider does not know how it is ({there.raw or there.said})"
    return ""


def _end(
    project: Project,
    db: Database,
    rental: Rental,
    find: Find,
    why: str,
    done: Round,
    now: datetime,
) -> None:
    done.reasons[rental.name] = why
    journal.append(
        project,
        "rental.reaped",
        actor=actor(),
        references={"machine": rental.name},
        data={"why": why},
        now=now,
    )
    found = watchdog.attend(project, db, rental, find, end_it=True, now=now)
    done.findings = [one for one in done.findings if one.rental.id != rental.id] + [found]


def _orphans(
    project: Project, db: Database, seen: dict[str, Sequence[Instance]], done: Round
) -> Iterator[Instance]:
    """Machines of orders that this studio knows, without a timer; the unknown become strangers."""
    for listed in seen.values():
        for one in listed:
            if not one.state.bills or rentals.find_live(db, one.provider, one.id) is not None:
                continue
            order = _order(db, one.label)
            if order is not None and order.state in machines.OPEN:
                continue  # Its search is under way: this list was read after it.
            if order is not None or _in_journal(project, one.label):
                yield one
            else:
                done.strangers.append(one)


def _order(db: Database, label: str) -> machines.Ordered | None:
    try:
        return machines.get(db, label)
    except StudioError:
        return None


def _in_journal(project: Project, label: str) -> bool:
    """Whether the record holds the order, though the database (made anew) does not."""
    for _, line in journal.lines_with(project, [label.encode()]):
        found = json.loads(line)
        if found.get("kind") == "machine.intended" and found.get("data", {}).get("label") == label:
            return True
    return False


def _taken_in(project: Project, db: Database, one: Instance, now: datetime) -> Rental:
    """A timer that is over at once, so that the machine counts as billing until it is gone."""
    began = min(now, one.started) if one.started is not None else now
    order = _order(db, one.label)
    rate = max(0 if order is None else order.rate, 0 if one.rate is None else millionths(one.rate))
    entry = Entry(
        key=f"orphan/{one.name}/{now.isoformat()}",
        operation=f"renting {one.name}, which was found running",
        amounts={USD: 0},
        engine=one.provider,
        rate=rate,
        tags=(("machine", one.name),),
    )
    with database.writing(db):
        # The reaper of another host may have taken it in since we looked.
        there = rentals.find_live(db, one.provider, one.id)
        if there is not None:
            return there
        # It bills already, whatever the caps say: counting it cannot be refused.
        ledger.reserve(db, entry, lambda entry, held: None, now=now)
        rental = rentals.start(
            db,
            provider=one.provider,
            resource=one.id,
            rate=rate,
            minutes=0,
            spend_key=entry.key,
            now=began,
        )
    journal.append(
        project,
        "rental.found",
        actor=actor(),
        references={"machine": rental.name},
        data={"label": one.label, "state": one.state.value, "raw": one.raw},
        now=now,
    )
    return rental
