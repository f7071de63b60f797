"""The price before the work: said, agreed to, and held against the budget."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ategnatos.commands.contract import USAGE, Call
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.art.order import Order
    from ategnatos.engines import Engine, PriceEstimate
    from ategnatos.grimoire.project import Project

PRICE = ErrorCode("price_not_confirmed", "The work is billed and nobody agreed to the price.")


def agree(
    call: Call,
    project: Project,
    engine: Engine,
    order: Order,
    price: PriceEstimate,
    *,
    confirm: bool,
    override: bool,
    because: str,
) -> None:
    """Refuse what nobody agreed to; with ``override`` have a person sign where a cap is passed.

    A dry run only warns of the cap that it would pass. Raises StudioError
    (``price_not_confirmed``, ``usage``, what the budget's file and the gate refuse).
    """
    import shlex
    import sys

    from ategnatos.art import billing
    from ategnatos.art import line as room
    from ategnatos.grimoire.jobs import database
    from ategnatos.grimoire.spend import ledger
    from ategnatos.guard.actor import actor
    from ategnatos.guard.budget import approved, policy

    now = datetime.now(UTC)
    standing = room.standing(project, order, engine.name)
    job = None if standing is None else standing.name
    if call.dry_run:
        entry = billing.entry_of(project, engine, order, job=job, tries=0)
        with database.connect(project) as db:
            held = ledger.standings(db, entry, now=now)
        for one in policy.breaches(approved.load(project), entry, held):
            call.warn(f"It would be refused: {one.said}")
        return
    config = approved.load(project, now=now, actor=actor())
    if config.require_confirm and not confirm:
        raise StudioError(
            PRICE,
            f"This would cost {said(price)} ({price.basis}); nothing was sent.",
            hint="Add --confirm to agree to the price.",
            price_usd=str(price.amount_usd),
        )
    if not override:
        return
    if not because.strip():
        raise StudioError(
            USAGE,
            "--override needs its reason; nothing was sent.",
            hint="Add --because '...': it stands in the journal.",
        )
    with database.connect(project) as db:
        billing.ask_override(
            project,
            db,
            config,
            engine,
            order,
            job,
            because=because,
            redo=shlex.join(["ategnatos", *sys.argv[1:]]),
            now=now,
        )


def said(price: PriceEstimate) -> str:
    """The price in words."""
    parts = [f"{amount} {unit}" for unit, amount in price.units.items()]
    if price.amount_usd or not parts:
        parts.insert(0, f"{price.amount_usd} USD")
    return " and ".join(parts)
