"""Which reservation may be: every cap, checked inside the transaction that makes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.spend import ledger
from ategnatos.grimoire.spend.amounts import USD, plain, spoken
from ategnatos.grimoire.spend.records import Entry, Policy, Standing, Standings

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.guard.budget.config import Config

BUDGET_REFUSED = ErrorCode("budget_refused", "It would pass a cap of the budget; nothing was sent.")


@dataclass(frozen=True, slots=True)
class Override:
    """A person's leave to pass the caps once, for one key and no more than these amounts.

    ``event`` is its id in the journal.
    """

    event: str
    key: str
    amounts: dict[str, int]
    rate: int
    minutes: int

    def covers(self, entry: Entry) -> bool:
        """Whether the leave was given for this entry."""
        return (
            entry.key == self.key
            and entry.rate <= self.rate
            and entry.minutes <= self.minutes
            and all(amount <= self.amounts.get(unit, -1) for unit, amount in entry.amounts.items())
        )


@dataclass(frozen=True, slots=True)
class Breach:
    """One cap that the entry would pass. ``said`` is a sentence; ``left`` is None where the cap
    is no sum that is used up.
    """

    field: str
    said: str
    left: str | None = None
    daily: bool = False


def reserve(
    db: Database,
    config: Config,
    entry: Entry,
    *,
    now: datetime,
    override: Override | None = None,
) -> bool:
    """Set the entry's money aside if every cap allows it; inside the transaction of the intent.

    True: newly reserved; False: the key holds its money already. Raises StudioError
    (``budget_refused``) with no row written.
    """
    return ledger.reserve(
        db,
        entry,
        refusing(config, override),
        now=now,
        override_event=override.event if override is not None else None,
    )


def refusing(config: Config, override: Override | None = None) -> Policy:
    """The caps of ``config`` as the policy that the ledger asks."""

    def policy(entry: Entry, held: Standings) -> None:
        found = breaches(config, entry, held)
        if found and not (override is not None and override.covers(entry)):
            raise refusal(entry, found, held.at)

    return policy


def breaches(config: Config, entry: Entry, held: Standings) -> list[Breach]:
    """Every cap that the entry would pass, given what is held."""
    found = list(_rate_and_time(config, entry, held))
    for unit, amount in entry.amounts.items():
        found += _sums(config, entry, unit, amount, held.units[unit])
    return found


def refusal(entry: Entry, found: list[Breach], at: datetime) -> StudioError:
    """The refusal, with what would help."""
    daily_only = all(one.daily for one in found)
    resumes = next_day(at) if daily_only else None
    hint = f"A person may raise a cap: ategnatos studio budget set {found[0].field} AMOUNT"
    if resumes is not None:
        hint = f"It is possible again from {resumes:%Y-%m-%d %H:%M} UTC. {hint}"
    return StudioError(
        BUDGET_REFUSED,
        f"{entry.operation} would cost up to {asked(entry)}. "
        + " ".join(one.said for one in found)
        + " Nothing was sent.",
        hint=f"{hint}. Or pass it this once, with a person's signature: --override --because '...'",
        caps=[{"field": one.field, "left": one.left} for one in found],
        resumes_at=None if resumes is None else resumes.isoformat().replace("+00:00", "Z"),
    )


def asked(entry: Entry) -> str:
    """The entry's price in words."""
    text = " and ".join(spoken(amount, unit) for unit, amount in entry.amounts.items())
    if entry.rate:
        text += f" ({plain(entry.rate)} USD an hour for at most {entry.minutes} minutes)"
    return text


def next_day(at: datetime) -> datetime:
    """The next midnight in UTC."""
    today = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1)


def _rate_and_time(config: Config, entry: Entry, held: Standings) -> Iterator[Breach]:
    cap = config.max_hourly_rate
    if entry.rate and cap is not None and entry.rate + held.hourly > cap:
        yield Breach(
            "max_hourly_rate",
            f"All rented machines together may cost {plain(cap)} USD an hour, and those that run"
            f" cost {plain(held.hourly)}.",
            plain(max(cap - held.hourly, 0)),
        )
    if entry.minutes > config.max_runtime_minutes:
        yield Breach(
            "max_runtime_minutes",
            f"A machine may be rented for {config.max_runtime_minutes} minutes at most, and this"
            f" asks for {entry.minutes}.",
        )


def _sums(config: Config, entry: Entry, unit: str, amount: int, held: Standing) -> Iterator[Breach]:
    if unit == USD:
        day, total = config.max_daily_cost, config.max_total_cost
        day_field, total_field = "max_daily_cost", "max_total_cost"
        if entry.job is not None:
            yield from _sum(
                "max_job_cost", f"One job ({entry.job})", config.max_job_cost, held.job, amount
            )
        if entry.engine is not None:
            yield from _sum(
                f"max_engine_cost.{entry.engine}",
                f"The engine {entry.engine}",
                config.max_engine_cost.get(entry.engine),
                held.engine,
                amount,
            )
    elif unit in config.units:
        day, total = config.units[unit].max_per_day, config.units[unit].max_total
        day_field, total_field = f"units.{unit}.max_per_day", f"units.{unit}.max_total"
    else:
        yield Breach(
            f"units.{unit}.max_per_day", f"Nobody has allowed any {unit} in the budget yet.", "0.00"
        )
        return
    yield from _sum(day_field, "One day (UTC)", day, held.day, amount, unit, daily=True)
    yield from _sum(total_field, "The studio in all", total, held.total, amount, unit)


def _sum(
    field: str,
    who: str,
    cap: int | None,
    held: int,
    amount: int,
    unit: str = USD,
    *,
    daily: bool = False,
) -> Iterator[Breach]:
    if cap is None or held + amount <= cap:
        return
    left = plain(max(cap - held, 0))
    yield Breach(
        field,
        f"{who} may cost {spoken(cap, unit)} ({field}); {plain(held)} of it is spent or reserved,"
        f" {left} is left.",
        left,
        # A single piece above the whole cap will not fit tomorrow either.
        daily=daily and amount <= cap,
    )
