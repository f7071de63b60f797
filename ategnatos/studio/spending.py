"""What is spent, reserved and unknown, against the caps: for the report, the page, the status."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.spend import rentals, report
from ategnatos.grimoire.spend.amounts import USD, plain
from ategnatos.grimoire.spend.records import Line, Rental, day_of
from ategnatos.guard.budget import approved
from ategnatos.studio.reading import bytes_or_none

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.report import Group
    from ategnatos.guard.budget.config import Config

GROUPINGS = ("day", "project", "asset", "engine", "lora", "job", "machine", "operation")


@dataclass(slots=True)
class Standing:
    """How the money stands. ``config`` is None where the budget refuses everything, and
    ``problem`` then says why. Sums are by ledger, in millionths; ``late`` is what rentals have run
    up beyond their reservations, ``unclear`` what may have been billed.
    """

    config: Config | None = None
    problem: StudioError | None = None
    today: dict[str, Group] = field(default_factory=dict)
    total: dict[str, Group] = field(default_factory=dict)
    engines: dict[str, int] = field(default_factory=dict)
    rentals: list[tuple[Rental, int]] = field(default_factory=list)
    late: int = 0
    last_sweep: str | None = None
    unclear: list[Line] = field(default_factory=list)

    @property
    def hourly(self) -> int:
        """What all live rentals cost an hour, in millionths of a dollar."""
        return sum(rental.rate for rental, _ in self.rentals)


def look(project: Project, now: datetime) -> Standing:
    """Read how the money stands at ``now``; writes nothing."""
    found = Standing()
    try:
        found.config = approved.load(project)
    except StudioError as error:
        found.problem = error
    if not database.exists(project):
        return found
    with database.connect(project) as db:
        found.today = {one.unit: one for one in report.totals(db, day_of(now))}
        found.total = {one.unit: one for one in report.totals(db)}
        found.engines = {
            one.name: one.counts
            for one in report.grouped(db, "engine")
            if one.unit == USD and one.name
        }
        found.rentals = [(one, rentals.cost_so_far(one, now)) for one in rentals.live(db)]
        found.late = sum(one.over for one in rentals.beyond_reservation(db, now=now))
        found.last_sweep = rentals.last_sweep(db)
        found.unclear = report.unclear(db)
    return found


def by(project: Project, grouping: str, *, since: str, until: str) -> list[Group]:
    """The report by one of ``GROUPINGS``; days are UTC, both included."""
    if not database.exists(project):
        return []
    with database.connect(project) as db:
        if grouping != "asset":
            return report.grouped(db, grouping, since=since, until=until)
        return _by_asset(project, report.grouped(db, "job", since=since, until=until))


def caps(found: Standing) -> list[dict[str, Any]]:
    """Every cap that is set, with what of it is used, as JSON values; amounts are exact text."""
    config = found.config
    if config is None:
        return []
    lines: list[tuple[str, int | None, int, str]] = [
        ("max_hourly_rate", config.max_hourly_rate, found.hourly, USD),
        ("max_daily_cost", config.max_daily_cost, _held(found.today, USD) + found.late, USD),
        ("max_total_cost", config.max_total_cost, _held(found.total, USD) + found.late, USD),
    ]
    for name, cap in config.max_engine_cost.items():
        lines.append((f"max_engine_cost.{name}", cap, found.engines.get(name, 0), USD))
    for unit, one in config.units.items():
        day, total = _held(found.today, unit), _held(found.total, unit)
        lines.append((f"units.{unit}.max_per_day", one.max_per_day, day, unit))
        lines.append((f"units.{unit}.max_total", one.max_total, total, unit))
    return [
        {
            "field": name,
            "unit": unit,
            "cap": None if cap is None else plain(cap),
            "used": plain(used),
            "left": None if cap is None else plain(max(cap - used, 0)),
        }
        for name, cap, used, unit in lines
    ]


def _held(groups: dict[str, Group], unit: str) -> int:
    return groups[unit].counts if unit in groups else 0


def _by_asset(project: Project, jobs: list[Group]) -> list[Group]:
    """Sums of jobs as sums of the assets that came from them; a job of two counts in both."""
    made: dict[str, list[str]] = {}
    raw = bytes_or_none(project.state / "assets.json")
    try:
        assets = json.loads(raw or b"{}").get("assets", [])
    except (ValueError, AttributeError):
        assets = []
    for one in assets if isinstance(assets, list) else []:
        if isinstance(one, dict):
            made.setdefault(str(one.get("job")), []).append(str(one.get("name")))
    sums: dict[tuple[str, str], list[int]] = {}
    for group in jobs:
        numbers = [getattr(group, name) for name in _NUMBERS]
        for asset in dict.fromkeys(made.get(group.name, [""])):
            before = sums.setdefault((asset, group.unit), [0] * len(_NUMBERS))
            sums[asset, group.unit] = [a + b for a, b in zip(before, numbers, strict=True)]
    return [report.Group(name, unit, *numbers) for (name, unit), numbers in sorted(sums.items())]


_NUMBERS = ("calls", "reserved", "unknown", "settled", "over", "estimated")
