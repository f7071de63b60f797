"""What an evaluation costs on an engine that bills: set aside row by row, before each is sent.

The same rules as for any picture: nothing is sent that the caps do not allow, what the engine said
it billed is what counts, and a row whose end nobody knows keeps its money and is not sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from ategnatos.engines import ENGINE_CANNOT, ENGINE_UNAVAILABLE
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import canonical_json, sha256_bytes
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import ledger
from ategnatos.grimoire.spend.amounts import USD, millionths
from ategnatos.grimoire.spend.records import RELEASED, RESERVED, UNKNOWN, Entry
from ategnatos.guard.budget import approved, policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ategnatos.engines import Engine, Result
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project
    from ategnatos.train.evaluation.planning import Row

EVALUATION_BILL = ErrorCode(
    "evaluation_bill", "An earlier try may have been billed; it was not sent a second time."
)

_NOT_SENT = frozenset({ENGINE_CANNOT, ENGINE_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class Price:
    """The most that all missing rows can cost. ``units`` by ledger, the dollars among them."""

    units: Mapping[str, Decimal]
    basis: str

    @property
    def free(self) -> bool:
        """Whether nothing is billed."""
        return not any(self.units.values())

    @property
    def said(self) -> str:
        """In words."""
        parts = [f"{amount} {unit.upper() if unit == USD else unit}"
                 for unit, amount in self.units.items() if amount]  # fmt: skip
        return " and ".join(parts) or "nothing"


def price(engine: Engine, rows: Sequence[Row]) -> Price:
    """What ``rows`` cost at most; nothing is sent."""
    units: dict[str, Decimal] = {USD: Decimal(0)}
    bases = []
    for row in rows:
        one = engine.estimate(row.request)
        bases.append(one.basis)
        for unit, amount in {USD: one.amount_usd, **one.units}.items():
            units[unit] = units.get(unit, Decimal(0)) + amount
    if not rows:
        return Price(units, "every picture is there already")
    if len(rows) == 1:
        return Price(units, bases[0])
    # What an engine says is of one row: the pictures of all are said before it.
    whole = sum(len(row.cells) for row in rows)
    which = "each" if len(set(bases)) == 1 else "the first"
    return Price(units, f"{whole} pictures in {len(rows)} rows; {which}: {bases[0]}")


def breaches(project: Project, engine: Engine, asked: Price, *, now: datetime) -> list[str]:
    """What the caps would say to all of it together; [] where they allow it."""
    amounts = {unit: millionths(amount) for unit, amount in asked.units.items() if amount}
    if not amounts:
        return []
    entry = Entry("evaluation/dry-run", "evaluation", amounts, engine=engine.name)
    with database.connect(project) as db:
        held = ledger.standings(db, entry, now=now)
    return [one.said for one in policy.breaches(approved.load(project), entry, held)]


def make(
    project: Project,
    engine: Engine,
    row: Row,
    send: Callable[[], Result],
    *,
    actor: str,
    now: Callable[[], datetime],
) -> Result:
    """Have the engine make a row, paid for where it bills. Raises StudioError
    (``budget_refused``, ``evaluation_bill``, and what the engine raises).
    """
    entry = _entry(engine, row)
    if not entry.amounts:
        return send()
    with database.connect(project) as db:
        key = _free_key(db, entry.key, engine)
        config = approved.load(project, now=now(), actor=actor)
        with database.writing(db):
            policy.reserve(db, config, _keyed(entry, key), now=now())
        try:
            result = send()
        except BaseException as error:
            with database.writing(db):
                if _unbilled(error):
                    ledger.release(db, key, now=now(), why=str(error)[:200])
                else:
                    ledger.mark_unknown(db, key, why=str(error)[:200] or type(error).__name__)
            raise
        charged = result.charged
        actual = None if charged is None else {u: millionths(a) for u, a in charged.items()}
        with database.writing(db):
            ledger.settle(db, key, actual, now=now())
    return result


def _entry(engine: Engine, row: Row) -> Entry:
    said = engine.estimate(row.request)
    amounts = {unit: millionths(amount) for unit, amount in said.units.items()}
    amounts[USD] = millionths(said.amount_usd)
    keys = sha256_bytes(canonical_json([one.key for one in row.cells]))[:32]
    return Entry(
        key=f"evaluation/{engine.name}/{keys}",
        operation="evaluation",
        amounts={unit: amount for unit, amount in amounts.items() if amount},
        engine=engine.name,
        tags=tuple(("lora", one.name) for one in row.request.loras),
    )


def _keyed(entry: Entry, key: str) -> Entry:
    from dataclasses import replace

    return replace(entry, key=key)


def _free_key(db: Database, base: str, engine: Engine) -> str:
    """The key of the next try; an earlier one that nobody has an end of stops it."""
    number = 1
    while True:
        key = f"{base}/{number}"
        held = {one.status for one in ledger.lines(db, key)}
        if held & {RESERVED, UNKNOWN}:
            raise StudioError(
                EVALUATION_BILL,
                f"An earlier try of these pictures was sent and its end is unknown: {engine.name}"
                " may have billed it. It was not sent again.",
                hint=f"Look at your account with {engine.name}, then say at your terminal:"
                f" ategnatos studio budget resolve {key} --not-billed (or --billed AMOUNT)",
                key=key,
            )
        if not held or held == {RELEASED}:
            return key
        number += 1


def _unbilled(error: BaseException) -> bool:
    if not isinstance(error, StudioError):
        return False
    return error.code in _NOT_SENT or error.details.get("billed") is False
