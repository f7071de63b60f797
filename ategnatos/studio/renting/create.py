"""Ordering one machine, so that a crash, a lost answer or a lying provider costs at most one.

intent and money, one transaction -> "sent", before the first byte -> one send -> its answer
                                                         or, where there is none, a search
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import machines
from ategnatos.grimoire.spend.amounts import USD, plain
from ategnatos.guard.budget import policy
from ategnatos.providers.answers import HINTS
from ategnatos.providers.values import Created, Creation, Kind, Refused, Unknown
from ategnatos.studio.renting import keys, search

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.machines import Ordered
    from ategnatos.grimoire.spend.records import Rental
    from ategnatos.guard.budget.config import Config
    from ategnatos.providers import Provider
    from ategnatos.studio.renting.plan import Plan

MACHINE_REFUSED = ErrorCode("machine_refused", "The provider refused to make the machine.")
MACHINE_UNSEEN = ErrorCode(
    "machine_unseen", "A machine was ordered, and nobody knows whether it exists."
)
MACHINE_OVERTAKEN = ErrorCode(
    "machine_overtaken", "The order was closed by another process before it was sent."
)


@dataclass(frozen=True, slots=True)
class Rented:
    """A machine that exists. ``fault`` is why it can never run and must be ended, or ""."""

    label: str
    rental: Rental
    fault: str = ""


def rent(
    project: Project,
    config: Config,
    provider: Provider,
    plan: Plan,
    *,
    actor: str,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None] = time.sleep,
    say: Callable[[str], None] = lambda text: None,
    override: policy.Override | None = None,
) -> Rented:
    """Order one machine and wait until it is known whether it exists (not until it is up).

    Raises StudioError: ``budget_refused`` (nothing written, nothing sent), ``machine_refused``
    (nothing made, money back), ``machine_unseen`` (it may exist: money stays reserved, the
    reaper goes on looking), ``machine_overtaken``, ``secret_missing``. A machine with a ``fault``
    is returned, for it exists and bills.
    """
    public_key = keys.make(plan.label)
    try:
        order = _intend(project, config, plan, actor=actor, now=clock(), override=override)
    except BaseException:
        keys.forget(plan.label)
        raise
    with database.connect(project) as db:
        answer = _sent(project, db, provider, plan, order, public_key, clock)
        order = machines.get(db, order.label)
        if isinstance(answer, Refused):
            raise _refused(project, db, provider, order, answer, clock())
        if isinstance(answer, Created):
            # A machine that Vast made although it said no: it exists, so it is written down.
            rental = search.adopt(
                project, db, order, answer.id, rate=answer.rate, now=clock(), how="answered"
            )
            return Rented(order.label, rental, answer.fault)
        return _searched(project, db, provider, order, answer, clock, sleep, say)


def _intend(
    project: Project,
    config: Config,
    plan: Plan,
    *,
    actor: str,
    now: datetime,
    override: policy.Override | None,
) -> Ordered:
    """Intent and money in one transaction, on disk before anything is sent."""
    entry = plan.entry(now)
    with database.connect(project) as db:
        with database.writing(db):
            policy.reserve(db, config, entry, now=now, override=override)
            machines.add(
                db,
                label=plan.label,
                provider=plan.offer.provider,
                run=plan.run,
                attempt=plan.attempt,
                rate=plan.rate,
                minutes=plan.minutes,
                spend_key=entry.key,
                asked=plan.facts(),
                now=now,
            )
        journal.append(
            project,
            "machine.intended",
            actor=actor,
            references={"machine": f"{plan.offer.provider}:{plan.label}"},
            data={
                "label": plan.label,
                "rate_usd_per_hour": plain(plan.rate),
                "minutes": plan.minutes,
                "reserved_usd": plain(entry.amounts[USD]),
                **plan.facts(),
            },
            now=now,
        )
        return machines.get(db, plan.label)


def _sent(
    project: Project,
    db: Database,
    provider: Provider,
    plan: Plan,
    order: Ordered,
    public_key: str,
    clock: Callable[[], datetime],
) -> Creation:
    """The one send. What breaks before it drops the intent; what breaks after it is unknown."""
    sent = False

    def last_look() -> None:
        nonlocal sent
        # Its own transaction, on disk before the first byte leaves.
        if not machines.mark_sent(db, order.label, now=clock()):
            raise StudioError(
                MACHINE_OVERTAKEN,
                f"The order {order.label} was closed before it was sent, because it took too"
                " long. Nothing was sent, and its money is free.",
                hint="Run the same command again.",
                label=order.label,
            )
        sent = True

    try:
        return provider.create(plan.intent(public_key), last_look)
    except Exception as error:
        if sent:
            return Unknown(f"sent, and then {type(error).__name__}: {error}")
        search.drop(project, db, order, f"not sent: {type(error).__name__}", now=clock())
        keys.forget(order.label)
        raise


def _refused(
    project: Project,
    db: Database,
    provider: Provider,
    order: Ordered,
    answer: Refused,
    now: datetime,
) -> StudioError:
    search.refuse(project, db, order, answer.said, now=now)
    keys.forget(order.label)
    wait = "" if answer.wait is None else f" It may be asked again in {answer.wait:g} seconds."
    return StudioError(
        MACHINE_REFUSED,
        f"{provider.label} made no machine ({answer.kind.value}): {answer.said}.{wait} Nothing is"
        " billed, and the money that was set aside is free again.",
        hint=_hint(answer.kind, provider),
        kind=answer.kind.value,
        wait=answer.wait,
        label=order.label,
        provider=order.provider,
    )


def _hint(kind: Kind, provider: Provider) -> str:
    return HINTS[kind].format(secret=getattr(provider, "secret", provider.name))


def _searched(
    project: Project,
    db: Database,
    provider: Provider,
    order: Ordered,
    answer: Unknown,
    clock: Callable[[], datetime],
    sleep: Callable[[float], None],
    say: Callable[[str], None],
) -> Rented:
    """Look for what the send has made, as long as an accepted order may stay invisible."""
    terms = provider.terms()
    journal.append(
        project,
        "machine.unanswered",
        actor="ategnatos",
        references={"machine": order.name},
        data={"label": order.label, "said": answer.said},
        now=clock(),
    )
    say(
        f"{provider.label} gave no clear answer ({answer.said}). Nothing is sent again: looking"
        f" for {order.label} in its list, for up to {terms.visible_seconds:g} seconds."
    )
    # A provider that cannot be asked is not waited for without end; the reaper takes over.
    end = clock() + timedelta(seconds=terms.visible_seconds + 4 * terms.list_seconds)
    while True:
        seen = search.look(project, db, order, provider, now=clock())
        order = machines.get(db, order.label)
        if seen.rental is not None:
            say(seen.said)
            return Rented(order.label, seen.rental)
        if seen.kind == "missing" or clock() >= end:
            raise _unseen(provider, order, seen.said)
        sleep(terms.list_seconds)


def _unseen(provider: Provider, order: Ordered, said: str) -> StudioError:
    minutes = search.WATCH_SECONDS / 60
    return StudioError(
        MACHINE_UNSEEN,
        f"{order.label} was ordered from {provider.label}, no clear answer came, and it is not"
        f" seen: {said}. It may exist and bill, so its money stays set aside.",
        hint="Keep 'ategnatos studio reaper' running: it looks for that name for"
        f" {minutes:g} minutes, ends what it finds, and gives the money back if there is nothing."
        " Another machine can be ordered now.",
        label=order.label,
        provider=order.provider,
    )
