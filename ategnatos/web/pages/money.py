"""Money: what was spent and is reserved, against the caps, each ledger apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from ategnatos.commands.studio import budget
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.spend.amounts import USD, plain
from ategnatos.grimoire.spend.records import day_of
from ategnatos.studio import spending
from ategnatos.web import agreeing
from ategnatos.web.answers import drawn, project_of, refused, told, values_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.report import Group
    from ategnatos.web.endings import Endings

GROUPINGS = ("project", "asset", "lora", "machine", "engine")
_DAYS = 30


def page(request: Request) -> Response:
    """The whole page, or with ``panel`` its inside alone."""
    template = "money_panel.html" if "panel" in request.query_params else "money.html"
    facts = _facts(project_of(request), datetime.now(UTC))
    return drawn(request, template, endings=endings_of(request), **facts)


async def end(request: Request) -> Response:
    """Have a machine ended; what its provider says of it is shown on the page until it is gone."""
    given = await values_of(request)
    machine = str(given.get("machine") or "")
    try:
        begun = await run_in_threadpool(
            endings_of(request).begin,
            project_of(request),
            machine or None,
            anyway=given.get("anyway") is True,
        )
    except StudioError as error:
        return refused(error)
    return JSONResponse(begun.facts(), 202)


async def resolve(request: Request) -> Response:
    """Say what became of a call whose end is unknown, as the vendor's own account shows it."""
    return await agreeing.answer(request, _resolve)


def endings_of(request: Request) -> Endings:
    """The ends that were begun on this page."""
    found: Endings = request.app.state.endings
    return found


def _resolve(project: Project, given: dict[str, Any]) -> dict[str, Any]:
    call = agreeing.call_of(project, "studio budget resolve")
    billed = str(given.get("billed") or "").strip()
    answer = budget.resolve(
        call,
        str(given.get("key") or ""),
        billed=billed or None,
        not_billed=str(given.get("act")) == "not-billed",
        unit=str(given.get("unit") or USD),
    )
    said = ", ".join(f"{one['unit']} {one['status']}" for one in answer.data["lines"])
    return {"said": f"Cleared: {said}."}


def _facts(project: Project, now: datetime) -> dict[str, Any]:
    found = spending.look(project, now)
    today = day_of(now)
    first = today[:8] + "01"
    since = day_of(now - timedelta(days=_DAYS - 1))
    month = spending.by(project, "day", since=min(first, since), until=today)
    units = sorted({one.unit for one in month} | set(found.total) | {USD}, key=_dollars_first)
    return {
        "found": found,
        "problem": None if found.problem is None else told(found.problem),
        "caps": [one for one in spending.caps(found) if one["cap"] is not None],
        "uncapped": [one for one in spending.caps(found) if one["cap"] is None],
        "units": units,
        "sums": {
            unit: {
                "today": _sum(found.today.get(unit)),
                "month": plain(_added(month, unit, first)),
                "total": _sum(found.total.get(unit)),
            }
            for unit in units
        },
        "days": [_bar(month, now - timedelta(days=back)) for back in reversed(range(_DAYS))],
        "most": max((one.counts for one in month if one.unit == USD), default=0),
        "groups": {by: _named(project, by, first, today) for by in GROUPINGS},
        "rentals": [(one, plain(one.rate), plain(cost)) for one, cost in found.rentals],
        "plain": plain,
    }


def _dollars_first(unit: str) -> tuple[bool, str]:
    return unit != USD, unit


def _sum(group: Group | None) -> str:
    return plain(0 if group is None else group.counts)


def _added(groups: list[Group], unit: str, first: str) -> int:
    return sum(one.counts for one in groups if one.unit == unit and one.name >= first)


def _bar(groups: list[Group], moment: datetime) -> tuple[str, int]:
    day = day_of(moment)
    return day, sum(one.counts for one in groups if one.unit == USD and one.name == day)


def _named(project: Project, by: str, since: str, until: str) -> list[Group]:
    groups = spending.by(project, by, since=since, until=until)
    return sorted((one for one in groups if one.name), key=lambda one: (one.unit, -one.counts))
