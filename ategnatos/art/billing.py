"""What an order costs: reserved with the intent to send, settled by what the vendor said.

A free engine passes through untouched. For any other, nothing is sent before its price is set
aside within every cap; a call whose end is unknown keeps its reservation, and the order is not
sent again until somebody has found out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ategnatos.engines import ENGINE_CANNOT, ENGINE_UNAVAILABLE
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.jobs.database import writing
from ategnatos.grimoire.spend import ledger
from ategnatos.grimoire.spend.amounts import USD, millionths, spoken
from ategnatos.grimoire.spend.records import RESERVED, UNKNOWN, Entry
from ategnatos.guard.budget import approved, policy
from ategnatos.guard.budget import override as overrides

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.art.order import Order
    from ategnatos.engines import Engine, PriceEstimate, Result
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
    """One billed call that is about to be made."""

    entry: Entry
    config: Config
    override: policy.Override | None

    def reserve(self, db: Database, now: datetime) -> None:
        """Set the money aside; inside the transaction that writes the intent to send.

        Raises StudioError (``budget_refused``).
        """
        policy.reserve(db, self.config, self.entry, now=now, override=self.override)

    def pay(self, db: Database, call: Callable[[], Result], now: Clock) -> Result:
        """Make the call and settle it; the result says it where the bill passed the price."""
        try:
            result = call()
        except BaseException as error:
            with writing(db):
                if isinstance(error, StudioError) and _was_not_billed(error):
                    ledger.release(db, self.entry.key, now=now(), why=error.code.code)
                else:
                    ledger.mark_unknown(db, self.entry.key, why=type(error).__name__)
            raise
        charged = result.charged
        actual = None
        if charged is not None:
            actual = {unit: millionths(amount) for unit, amount in charged.items()}
        with writing(db):
            settled = ledger.settle(db, self.entry.key, actual, now=now())
        more = tuple(
            f"The bill was {spoken(amount, unit)} more than the price that was named before."
            for unit, amount in settled.over.items()
        )
        return replace(result, warnings=(*result.warnings, *more))


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

    The caller holds the job's lock. Raises StudioError (``bill_unclear``, and what the budget's
    file refuses).
    """
    free = entry_of(project, engine, order, job=job.name, tries=0)
    if not free.amounts:
        return None
    keys = _keys(db, job.name)
    unclear = [key for key, status in keys.items() if status in {RESERVED, UNKNOWN}]
    if unclear:
        with writing(db):
            for key in unclear:
                # Reserved, and its process holds the lock no more: it died in the call.
                ledger.mark_unknown(db, key, why="cut off")
        raise StudioError(
            BILL_UNCLEAR,
            f"An earlier try of {job.name} was sent and its end is unknown: {engine.name} may"
            " have billed it. It was not sent again.",
            hint=f"Look at your account with {engine.name}, then say at your terminal:"
            f" ategnatos studio budget resolve {unclear[0]} --not-billed (or --billed AMOUNT)",
            job=job.name,
            keys=unclear,
        )
    config = approved.load(project, now=now(), actor=actor)
    entry = entry_of(project, engine, order, job=job.name, tries=len(keys))
    return Purchase(entry, config, overrides.find(project, entry.key))


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


def _was_not_billed(error: StudioError) -> bool:
    return error.code in _NOT_SENT or error.details.get("billed") is False
