"""How money is said: for people as a page, for machines as exact text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from ategnatos.commands.contract import USAGE
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.spend.amounts import USD, millionths, plain, spoken

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.grimoire.spend.report import Group
    from ategnatos.guard.budget.approved import Baseline
    from ategnatos.studio.spending import Standing
    from ategnatos.studio.watchdog import Finding

Draw = Callable[["Console"], None]


def amount(option: str, text: str) -> int:
    """A typed amount in millionths. Raises StudioError (``usage``)."""
    from ategnatos.guard.budget import values

    try:
        return millionths(values.typed(option, text))
    except (values.BadValueError, ValueError) as error:
        raise StudioError(
            USAGE,
            f"{option}: {text!r} is no amount such as 2.50 (no sign, no commas, no currency, at"
            " most a million). Nothing was done.",
            hint=f"Write {option} 2.50",
            option=option,
        ) from error


def day(option: str, text: str) -> str:
    """A typed day, or empty as given. Raises StudioError (``usage``)."""
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise StudioError(
            USAGE, f"{option}: {text!r} is no day; nothing was read.", hint="Write it 2026-11-20."
        ) from error


def facts(found: Standing) -> dict[str, Any]:
    """How the money stands, as JSON values; amounts are exact text."""
    from ategnatos.studio import spending

    return {
        "caps": spending.caps(found),
        "today": [group_facts(one) for one in found.today.values()],
        "total": [group_facts(one) for one in found.total.values()],
        "timers": [
            {
                "machine": rental.name,
                "state": rental.state,
                "rate_usd_per_hour": plain(rental.rate),
                "cost_so_far_usd": plain(cost),
                "started_at": rental.started_at,
                "due_at": rental.due_at,
                "last_outcome": rental.last_outcome,
            }
            for rental, cost in found.rentals
        ],
        "last_sweep": found.last_sweep,
        "unclear": [
            {
                "key": one.key,
                "unit": one.unit,
                "reserved": plain(one.reserved),
                "job": one.job,
                "engine": one.engine,
                "since": one.reserved_at,
                "why": one.basis,
            }
            for one in found.unclear
        ],
    }


def group_facts(one: Group) -> dict[str, Any]:
    """One group as JSON values."""
    return {
        "name": one.name,
        "unit": one.unit,
        "calls": one.calls,
        **{
            name: plain(getattr(one, name))
            for name in ("reserved", "unknown", "settled", "over", "estimated")
        },
    }


def page(found: Standing, last: Baseline | None) -> Draw:
    """The page of ``budget show``."""
    from ategnatos.commands.page import Line, Row, draw
    from ategnatos.studio import spending

    rows = []
    for one in spending.caps(found):
        unit = "USD" if one["unit"] == USD else one["unit"]
        if one["cap"] is None:
            said = f"no cap; {one['used']} {unit} used"
        else:
            said = f"{one['used']} of {one['cap']} {unit} used, {one['left']} left"
        rows.append(Row(((one["field"], ""),), [Line(said)]))
    config = found.config
    if config is not None:
        job = "no cap" if config.max_job_cost is None else f"{plain(config.max_job_cost)} USD"
        rows += [
            Row((("max_job_cost", ""),), [Line(f"{job} for one job")]),
            Row((("max_runtime_minutes", ""),), [Line(f"{config.max_runtime_minutes}")]),
            Row((("auto_teardown_minutes", ""),), [Line(f"{config.auto_teardown_minutes}")]),
            Row((("require_confirm", ""),), [Line(str(config.require_confirm).lower())]),
        ]
    rows.append(Row((("Timers", "bold"),), [Line(text) for text in timers(found)]))
    if found.unclear:
        rows.append(Row((("Unknown", "bold red"),), [Line(text) for text in unclear(found)]))
    if last is not None:
        who = "the built-in caps; nobody raised one yet"
        if last.event is not None:
            who = f"as {last.actor} left it, {last.time} (event {last.event})"
        rows.append(Row((("Approved", "bold"),), [Line(who)]))
    return lambda console: draw(console, rows)


def used(found: Standing) -> list[str]:
    """How much of the day and of the whole is used, one line each; units where one is used."""
    from ategnatos.studio import spending

    said = {"max_daily_cost": "today (UTC)", "max_total_cost": "in all"}
    lines = []
    for one in spending.caps(found):
        name = said.get(one["field"], one["field"])
        if one["field"] not in said and (one["unit"] == USD or one["used"] == "0.00"):
            continue
        unit = "USD" if one["unit"] == USD else one["unit"]
        cap = "without a cap" if one["cap"] is None else f"of {one['cap']}"
        lines.append(f"{one['used']} {cap} {unit} {name}")
    return lines


def timers(found: Standing) -> list[str]:
    """One line a rental, and when the watchdog last looked."""
    if not found.rentals:
        return ["nothing is rented"]
    lines = [
        f"{rental.name}  {plain(rental.rate)} USD an hour, {spoken(cost)} so far,"
        f" {rental.state}, ends {rental.due_at}"
        for rental, cost in found.rentals
    ]
    looked = f"last looked {found.last_sweep}" if found.last_sweep else "has never looked"
    return [*lines, f"the watchdog {looked}"]


def unclear(found: Standing) -> list[str]:
    """One line for everything that may have been billed, and what clears it."""
    lines = [
        f"{one.key}  {spoken(one.reserved, one.unit)}  since {one.reserved_at} ({one.basis})"
        for one in found.unclear
    ]
    return [*lines, "Look at the vendor's account, then: ategnatos studio budget resolve KEY ..."]


def report(by: str, groups: list[Group], found: Standing) -> Draw:
    """The page of ``budget report``."""

    def words(console: Console) -> None:
        from rich.table import Table

        if not groups:
            console.print("Nothing was spent or reserved.")
        else:
            table = Table(box=None, pad_edge=False)
            table.add_column(by)
            for title in ("settled", "reserved", "unknown", "unit"):
                table.add_column(title, justify="left" if title == "unit" else "right")
            for one in groups:
                table.add_row(
                    one.name or "(none)",
                    plain(one.settled),
                    plain(one.reserved),
                    plain(one.unknown),
                    "USD" if one.unit == USD else one.unit,
                )
            console.print(table)
            over = [one for one in groups if one.over]
            for one in over:
                console.print(
                    f"{one.name or '(none)'}: bills passed their reservations by"
                    f" {spoken(one.over, one.unit)}"
                )
            if any(one.unknown for one in groups):
                console.print("Unknown: it may have been billed, so it counts until it is known.")
        for text in unclear(found) if found.unclear else ():
            console.print(text)
        for text in timers(found):
            console.print(text)

    return words


def findings(found: list[Finding]) -> str:
    """What a sweep found, one line a machine."""
    if not found:
        return "Nothing is rented."
    return "\n".join(f"{one.rental.name}: {one.said}" for one in found)
