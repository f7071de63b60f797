"""What an order costs: reserved with the intent to send, settled by what the vendor said.

A free engine passes through untouched. For any other, nothing is sent before its price is set
aside within every cap; a call whose end is unknown keeps its reservation, and the order is not
sent again until somebody has found out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from ategnatos.engines import ENGINE_CANNOT, ENGINE_UNAVAILABLE
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs.database import connect
from ategnatos.grimoire.jobs.effects import (
    Closed,
    Effect,
    LaterError,
    NobodyKnows,
    Outcome,
    Reconciled,
    RefusedError,
    Row,
)
from ategnatos.grimoire.spend import ledger
from ategnatos.grimoire.spend.amounts import USD, decimal, millionths, spoken
from ategnatos.grimoire.spend.records import RELEASED, RESERVED, SETTLED, UNKNOWN, Entry
from ategnatos.guard.budget import approved, policy
from ategnatos.guard.budget import override as overrides

if TYPE_CHECKING:
    from decimal import Decimal

    from ategnatos.art.order import Order
    from ategnatos.engines import Engine, PriceEstimate
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.store import Job
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.budget.config import Config

BILL_UNCLEAR = ErrorCode(
    "bill_unclear", "An earlier try may have been billed; it was not sent a second time."
)
PRICE_UNSOUND = ErrorCode("price_unsound", "The engine names a price that is none.")

Clock = Callable[[], "datetime"]

# An engine that raises one of these has sent nothing.
_NOT_SENT = frozenset({ENGINE_CANNOT, ENGINE_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Purchase:
    """One billed call: its money, in the transactions of the effect that makes it."""

    project: Project
    engine: Engine
    order: Order
    job: str
    actor: str
    now: Clock
    # How often the job was sent before.
    tries: int
    # What the bill passed the price by, in words, once it is settled.
    more: list[str]

    def key_of(self, attempt: int) -> str:
        """The ledger's key of the next attempt."""
        return self._entry(self.tries).key

    def reserve(self, db: Database, key: str) -> dict[str, Decimal]:
        """Set the money aside; inside the transaction that writes the intent to send.

        Raises StudioError (``budget_refused``, and what the budget's file refuses).
        """
        entry = replace(self._entry(0), key=key)
        config = approved.load(self.project, now=self.now(), actor=self.actor)
        override = overrides.find(self.project, key)
        policy.reserve(db, config, entry, now=self.now(), override=override)
        return {unit: decimal(amount) for unit, amount in entry.amounts.items()}

    def settle(self, db: Database, key: str, cost: Mapping[str, Decimal] | None) -> None:
        """Record what was billed; as reserved where the vendor did not say."""
        actual = None
        if cost is not None:
            actual = {unit: millionths(amount) for unit, amount in cost.items()}
        settled = ledger.settle(db, key, actual, now=self.now())
        self.more.extend(
            f"The bill was {spoken(amount, unit)} more than the price that was named before."
            for unit, amount in settled.over.items()
        )

    def release(self, db: Database, key: str, why: str) -> None:
        """The vendor said no before billing."""
        ledger.release(db, key, now=self.now(), why=why)

    def keep(self, db: Database, key: str, why: str) -> None:
        """It may have been billed: the reservation stays until a person has found out."""
        ledger.mark_unknown(db, key, why=why)

    def reconcile(self, row: Row) -> Reconciled:
        """What a person has said of an attempt whose end was unknown, if anybody has.

        An engine has no way yet to be asked itself.
        """
        with connect(self.project) as db:
            standing = {line.status for line in ledger.lines(db, row.key)}
        if standing and standing <= {SETTLED, RELEASED}:
            return Closed(billed=SETTLED in standing)
        return NobodyKnows()

    def effect(
        self,
        name: str,
        send: Callable[[str, Callable[[], None]], Outcome],
        present: Callable[[], Outcome | None],
    ) -> Effect:
        """The call as an effect of the job."""
        return Effect(
            name=name,
            send=send,
            present=present,
            reconcile=self.reconcile,
            reserve=self.reserve,
            settle=self.settle,
            release=self.release,
            keep=self.keep,
            key_of=self.key_of,
            unclear=self.unclear,
        )

    def unclear(self, row: Row) -> StudioError:
        """The refusal to send again what may have been billed."""
        return StudioError(
            BILL_UNCLEAR,
            f"An earlier try of {self.job} was sent and its end is unknown: {self.engine.name} may"
            " have billed it. It was not sent again.",
            hint=f"Look at your account with {self.engine.name}, then say at your terminal:"
            f" ategnatos studio budget resolve {row.key} --not-billed (or --billed AMOUNT)",
            job=self.job,
            keys=[row.key],
        )

    def _entry(self, tries: int) -> Entry:
        return entry_of(self.project, self.engine, self.order, job=self.job, tries=tries)


def amounts_of(price: PriceEstimate) -> dict[str, int]:
    """A price in millionths by ledger; empty for what is free. Raises StudioError
    (``price_unsound``).
    """
    try:
        found = {unit: millionths(amount) for unit, amount in price.units.items()}
        found[USD] = millionths(price.amount_usd)
    except ValueError as error:
        raise StudioError(
            PRICE_UNSOUND,
            f"The engine's price cannot be: {error}. Nothing was sent.",
            hint="Report it to the engine's author; choose another with --engine meanwhile.",
        ) from error
    return {unit: amount for unit, amount in found.items() if amount}


def entry_of(
    project: Project, engine: Engine, order: Order, *, job: str | None, tries: int
) -> Entry:
    """The order as an entry of the ledger; ``amounts`` is empty where it is free."""
    return Entry(
        key=f"art/{engine.name}/{order.binding}/{tries + 1}",
        operation="art",
        amounts=amounts_of(engine.estimate(order.request)),
        job=job,
        engine=engine.name,
        tags=(
            ("project", project.root.name),
            *(("lora", lora.name) for lora in order.request.loras),
        ),
    )


def purchase(
    project: Project,
    db: Database,
    engine: Engine,
    order: Order,
    job: Job,
    *,
    now: Clock,
    actor: str,
) -> Purchase | None:
    """What has to be reserved before the engine is called; None where it is free.

    The caller holds the job's lease.
    """
    if not entry_of(project, engine, order, job=job.name, tries=0).amounts:
        return None
    return Purchase(project, engine, order, job.name, actor, now, len(_keys(db, job.name)), [])


def ask_override(
    project: Project,
    db: Database,
    config: Config,
    engine: Engine,
    order: Order,
    job: str | None,
    *,
    because: str,
    redo: str,
    now: datetime,
) -> None:
    """Have a person sign that the order's next try may pass the caps, where it would."""
    tries = 0 if job is None else len(_keys(db, job))
    entry = entry_of(project, engine, order, job=job, tries=tries)
    overrides.ask(project, db, config, entry, because=because, redo=redo, now=now)


def _keys(db: Database, job: str) -> dict[str, str]:
    rows = db.execute("SELECT key, status FROM spend WHERE job=? ORDER BY reserved_at", (job,))
    found: dict[str, str] = {}
    for row in rows.fetchall():
        # One call may stand in two ledgers: it is unclear where either is.
        if found.get(row["key"]) not in {RESERVED, UNKNOWN}:
            found[row["key"]] = row["status"]
    return found


def as_refused(error: StudioError, *, again: bool = False) -> Exception:
    """What a billed call raised: a definite no, or something whose end is unknown."""
    return RefusedError(error, again=again) if _was_not_billed(error) else error


def as_later(error: StudioError, now: datetime) -> Exception:
    """The day's cap for a job that nobody waits for: it goes on after midnight in UTC."""
    resumes = error.details.get("resumes_at")
    if error.code is not policy.BUDGET_REFUSED or resumes is None:
        return error
    seconds = (datetime.fromisoformat(resumes) - now).total_seconds()
    return LaterError(max(1.0, seconds), error.message)


def _was_not_billed(error: StudioError) -> bool:
    return error.code in _NOT_SENT or error.details.get("billed") is False
