"""What became of an order whose answer nobody has: looked for by its name, never sent again.

The one who ordered it looks for as long as an accepted order may stay invisible; the reaper goes
on for half an hour more, and then gives the money back. A look that failed has seen nothing and
brings no order nearer to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import ledger, machines, rentals
from ategnatos.grimoire.spend.amounts import millionths, plain
from ategnatos.grimoire.spend.machines import Ordered
from ategnatos.guard.actor import actor as current_actor

if TYPE_CHECKING:
    from decimal import Decimal

    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.records import Rental
    from ategnatos.providers import Provider

# The provider of that name, or None and why there is none.
ProviderOf = Callable[[str], "tuple[Provider | None, str]"]

# An intent that was not sent within this many seconds never will be: who was to send it is gone.
STILLBORN_SECONDS = 300.0
# For so long after the send the name is looked for; then the money is given back.
WATCH_SECONDS = 1800.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """How one order stands after a look.

    ``kind``: found (``rental`` is its timer), late (found after a new order may have been made:
    it is to be ended), waiting, missing, never, dropped, unclear (the look failed; ``said`` why).
    """

    order: Ordered
    kind: str
    said: str
    rental: Rental | None = None


def look(
    project: Project, db: Database, order: Ordered, provider: Provider, *, now: datetime
) -> Sighting:
    """Look once for an order that was sent, and write down what was seen. Never raises for a
    provider that does not answer.
    """
    terms = provider.terms()
    try:
        found = list(provider.find(order.label))
    except StudioError as error:
        return Sighting(order, "unclear", error.message)
    if found:
        late = order.state == machines.MISSING
        rental = adopt(project, db, order, found[0].id, rate=found[0].rate, now=now, how="found")
        extra = _end_doubles(project, provider, order, [one.id for one in found[1:]], now)
        said = f"found as {rental.name} by its name{extra}"
        return Sighting(order, "late" if late else "found", said, rental)
    age = _age(order, now)
    if order.state == machines.SENT and age >= terms.visible_seconds:
        said = f"not in the list {age:.0f} seconds after it was sent"
        with database.writing(db):
            machines.mark_missing(db, order.label, said)
        _note(project, "machine.missing", order, {"seconds": int(age)}, now)
        return Sighting(order, "missing", said)
    if order.state == machines.MISSING and age >= WATCH_SECONDS:
        said = f"never seen in {age / 60:.0f} minutes: it made nothing"
        return _closed(project, db, order, machines.NEVER, (machines.MISSING,), said, now)
    return Sighting(order, "waiting", f"not in the list {age:.0f} seconds after it was sent")


def attend(
    project: Project, provider_of: ProviderOf, *, clock: Callable[[], datetime]
) -> list[Sighting]:
    """Attend once to every order that is not settled: for the reaper, after any crash.

    What is found ``late`` is the caller's to end. Orders whose machines are gone are closed.
    """
    if not database.exists(project):
        return []
    seen: list[Sighting] = []
    with database.connect(project) as db:
        with database.writing(db):
            machines.close_ended(db, now=clock())
        for order in machines.in_states(db, *machines.OPEN):
            now = clock()
            if order.state == machines.INTENT:
                if now - _moment(order.intent_at) >= timedelta(seconds=STILLBORN_SECONDS):
                    seen.append(drop(project, db, order, "it was never sent", now=now))
                continue
            provider, why = provider_of(order.provider)
            if provider is None:
                seen.append(Sighting(order, "unclear", why))
                continue
            seen.append(look(project, db, order, provider, now=now))
    return seen


def adopt(
    project: Project,
    db: Database,
    order: Ordered,
    resource: str,
    *,
    rate: Decimal | None,
    now: datetime,
    how: str,
) -> Rental:
    """Write down the machine that an order made, with its timer from the moment it was sent.

    ``how``: answered, found. Safe for two at once: the second finds it done. The timer counts at
    the higher of the planned and the said rate; at a higher one it is shorter, so that the whole
    never costs more than what was set aside.
    """
    sent = _moment(order.sent_at or order.intent_at)
    counted = max(order.rate, 0 if rate is None else millionths(rate))
    minutes = order.minutes
    if counted > order.rate:
        minutes = max(1, order.minutes * order.rate // counted)
    with database.writing(db):
        fresh = machines.mark_made(db, order.label, resource)
        rental = rentals.find_live(db, order.provider, resource)
        if rental is None:
            rental = rentals.start(
                db,
                provider=order.provider,
                resource=resource,
                rate=counted,
                minutes=minutes,
                spend_key=order.spend_key,
                now=sent,
            )
            db.execute(
                "INSERT INTO spend_tag (key, kind, name) SELECT ?, 'machine', ? WHERE NOT EXISTS"
                " (SELECT 1 FROM spend_tag WHERE key=? AND kind='machine' AND name=?)",
                (order.spend_key, rental.name, order.spend_key, rental.name),
            )
    if fresh:
        facts: dict[str, object] = {"how": how, "label": order.label}
        facts |= {"rate_usd_per_hour": plain(counted), "minutes": minutes, "due_at": rental.due_at}
        journal.append(
            project,
            "machine.made",
            actor=current_actor(),
            references={"machine": rental.name},
            data=facts,
            now=now,
        )
    return rental


def drop(project: Project, db: Database, order: Ordered, why: str, *, now: datetime) -> Sighting:
    """Close an intent that was not sent, and give its money back."""
    return _closed(project, db, order, machines.DROPPED, (machines.INTENT,), why, now)


def refuse(project: Project, db: Database, order: Ordered, why: str, *, now: datetime) -> Sighting:
    """Close an order that the provider definitely refused, and give its money back."""
    before = (machines.INTENT, machines.SENT)
    return _closed(project, db, order, machines.REFUSED, before, why, now)


def _closed(
    project: Project,
    db: Database,
    order: Ordered,
    state: str,
    before: tuple[str, ...],
    said: str,
    now: datetime,
) -> Sighting:
    with database.writing(db):
        moved = machines.close(db, order.label, state, before=before, said=said, now=now)
        if moved:
            ledger.release(db, order.spend_key, now=now, why=said[:200])
    if not moved:
        fresh = machines.get(db, order.label)
        return Sighting(fresh, "waiting", f"it is {fresh.state} meanwhile")
    _note(project, f"machine.{state}", order, {"said": said}, now)
    return Sighting(order, state, said)


def _end_doubles(
    project: Project, provider: Provider, order: Ordered, doubles: list[str], now: datetime
) -> str:
    """End what bears the same name beside the oldest; the reaper sees to what is left of them."""
    for resource in doubles:
        ending = provider.terminate(resource)
        data = {"resource": resource, "outcome": ending.outcome.value, "said": ending.said}
        _note(project, "machine.double", order, data, now)
    return f"; {len(doubles)} more of that name were asked to end" if doubles else ""


def _note(
    project: Project, kind: str, order: Ordered, data: Mapping[str, object], now: datetime
) -> None:
    journal.append(
        project,
        kind,
        actor=current_actor(),
        references={"machine": order.name},
        data={"label": order.label, **data},
        now=now,
    )


def _age(order: Ordered, now: datetime) -> float:
    return (now - _moment(order.sent_at or order.intent_at)).total_seconds()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
