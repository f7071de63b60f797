"""Timers of rented machines: started with their money set aside, stopped when they are gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import rentals
from ategnatos.grimoire.spend.amounts import USD, millionths, of_rate, plain, spoken
from ategnatos.grimoire.spend.records import Entry, Rental
from ategnatos.guard.actor import person
from ategnatos.guard.budget import consent, policy
from ategnatos.providers.names import canonical
from ategnatos.studio.watchdog import Finding, attend, close

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.budget.config import Config
    from ategnatos.studio.teardown import Find

RENTAL_RATE = ErrorCode("rental_rate", "Nobody said what the machine costs an hour.")
RENTAL_NAME = ErrorCode("rental_name", "A machine is named by its provider and its id.")
STILL_BILLING = ErrorCode("still_billing", "The machine is not known to be gone; it may bill.")

STARTED = "rental.started"


@dataclass(frozen=True, slots=True)
class Plan:
    """A rental before it starts. ``rate`` is millionths of a dollar an hour."""

    provider: str
    resource: str
    rate: int
    minutes: int

    @property
    def name(self) -> str:
        """``runpod:pod-1``."""
        return f"{self.provider}:{self.resource}"

    def entry(self, now: datetime) -> Entry:
        """Its whole time as one reservation."""
        return Entry(
            key=f"rental/{self.name}/{now.isoformat()}",
            operation=f"renting {self.name}",
            amounts={USD: of_rate(self.rate, self.minutes * 60)},
            engine=self.provider,
            rate=self.rate,
            minutes=self.minutes,
            tags=(("machine", self.name),),
        )


def parse_name(text: str) -> tuple[str, str]:
    """Provider and id of ``runpod:pod-1``. Raises StudioError (``rental_name``)."""
    provider, colon, resource = text.partition(":")
    sound = provider.replace("-", "").replace("_", "").isalnum() and provider.isascii()
    if not (colon and sound and resource and len(text) <= 200 and resource.isprintable()):
        raise StudioError(
            RENTAL_NAME,
            f"{text!r} names no machine; nothing was done.",
            hint="Write provider and id with a colon between, like runpod:pod-1.",
        )
    return canonical(provider), resource


def plan(
    project: Project, config: Config, name: str, *, rate: int | None, minutes: int | None
) -> Plan:
    """What ``timer start`` asks for, the gaps filled from the record and the budget.

    Raises StudioError (``rental_name``, ``rental_rate``).
    """
    provider, resource = parse_name(name)
    if rate is None:
        rate = _recorded_rate(project, resource)
    if rate is None:
        raise StudioError(
            RENTAL_RATE,
            f"The record does not say what {name} costs an hour; no timer was started.",
            hint=f"Say it: ategnatos studio budget timer start {name} --rate 0.43",
        )
    return Plan(provider, resource, rate, minutes or config.auto_teardown_minutes)


def start(
    project: Project,
    config: Config,
    wanted: Plan,
    entry: Entry,
    *,
    actor: str,
    now: datetime,
    override: policy.Override | None = None,
) -> Rental:
    """Reserve the whole time and start the timer, in one transaction.

    Raises StudioError (``budget_refused``, ``rental_running``).
    """
    with database.connect(project) as db, database.writing(db):
        rentals.refuse_second(db, wanted.provider, wanted.resource)
        policy.reserve(db, config, entry, now=now, override=override)
        rental = rentals.start(
            db,
            provider=wanted.provider,
            resource=wanted.resource,
            rate=wanted.rate,
            minutes=wanted.minutes,
            spend_key=entry.key,
            now=now,
        )
    journal.append(
        project,
        STARTED,
        actor=actor,
        references={"machine": rental.name},
        data={
            "rate_usd_per_hour": plain(rental.rate),
            "minutes": rental.max_minutes,
            "due_at": rental.due_at,
            "reserved_usd": plain(entry.amounts[USD]),
        },
        now=now,
    )
    return rental


def stop(project: Project, name: str, find: Find, *, teardown: bool, now: datetime) -> Finding:
    """Look whether the machine is gone, after asking for its end with ``teardown``.

    The timer ends at the second look that finds it absent. Raises StudioError
    (``rental_unknown``, ``rental_name``).
    """
    with database.connect(project) as db:
        rental = rentals.get_live(db, *parse_name(name))
        return attend(project, db, rental, find, end_it=teardown, now=now)


def stop_by_word(project: Project, name: str, find: Find, *, now: datetime) -> Finding:
    """End the timer by a person's word that the machine is gone, given at the terminal.

    Refused where the provider itself says that it is there. Raises StudioError
    (``still_billing``, ``needs_person``, ``not_confirmed``, ``rental_unknown``).
    """
    from ategnatos.guard.budget.teardown import Presence

    with database.connect(project) as db:
        rental = rentals.get_live(db, *parse_name(name))
        provider, _ = find(rental.provider)
        if provider is not None and provider.observe(rental.resource).presence is Presence.PRESENT:
            raise still_billing(rental, f"{rental.provider} says that it is there", now)
    agreed = consent.ask(
        project,
        consent.GONE,
        {"machine": rental.name, "started_at": rental.started_at},
        lines=[
            f"{rental.name} costs {plain(rental.rate)} USD an hour, so far"
            f" {spoken(rentals.cost_so_far(rental, now))}.",
            "If it still exists, it goes on costing money and nothing here will know.",
            "Have you seen on the provider's own page that it is gone, its disks included?",
        ],
        redo=f"ategnatos studio budget timer stop {name} --gone",
        now=now,
    )
    with database.connect(project) as db:
        return close(
            project, db, rental, how="person", actor=person(), now=now, consent_event=agreed.event
        )


def still_billing(rental: Rental, why: str, now: datetime) -> StudioError:
    """The refusal to call a machine stopped."""
    cost = rentals.cost_so_far(rental, now)
    return StudioError(
        STILL_BILLING,
        f"{rental.name} is not known to be gone: {why}. It may go on billing at"
        f" {plain(rental.rate)} USD an hour ({spoken(cost)} so far); its timer stays.",
        hint="Run the same command again in 30 seconds: it is called ended after two looks that"
        " find it absent. Or let 'ategnatos studio budget watch' look.",
        machine=rental.name,
        cost_so_far_usd=plain(cost),
        state=rental.state,
    )


def _recorded_rate(project: Project, resource: str) -> int | None:
    from ategnatos.grimoire import documents

    for one in documents.read(project, "studio").active_instances:
        if one.id == resource:
            try:
                return millionths(Decimal(one.cost_per_hour.removeprefix("$")))
            except (InvalidOperation, ValueError):
                return None
    return None
