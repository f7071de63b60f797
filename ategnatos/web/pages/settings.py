"""Settings: limits, what the pictures are for, memory reckoned, engines, keys, how it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from ategnatos.commands.studio import budget, policy
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.spend.amounts import plain
from ategnatos.guard.budget import approved, config
from ategnatos.guard.gate import statements, trust
from ategnatos.guard.policy import bands
from ategnatos.knowledge import lore
from ategnatos.studio import engine_states
from ategnatos.web import agreeing, calculator
from ategnatos.web.answers import drawn, project_of, told

if TYPE_CHECKING:
    from starlette.requests import Request

    from ategnatos.grimoire.project import Project

SETTINGS_ACT = ErrorCode("settings_act", "The page knows no such act upon the limits.")

# What each limit means, for a person who sets it.
_SAYS = {
    "max_hourly_rate": "All rented machines together, USD an hour",
    "max_daily_cost": "One day in UTC, USD",
    "max_total_cost": "The whole life of the studio, USD",
    "max_job_cost": "One order or training, USD",
    "max_runtime_minutes": "The longest that a machine may be rented at once, minutes",
    "auto_teardown_minutes": "How long it is rented where nobody says, minutes",
}


def page(request: Request) -> Response:
    """The page; the engines are asked by a request of their own, which may take seconds."""
    return drawn(request, "settings.html", **_facts(project_of(request)))


def engines(request: Request) -> Response:
    """How each engine is, asked closely."""
    return drawn(request, "engines.html", engines=engine_states.look_at_all(closely=True))


def memory(request: Request) -> Response:
    """What a training takes of a GPU, for the values of the form."""
    project, asked = project_of(request), dict(request.query_params)
    try:
        found, problem = calculator.reckon(project, asked), None
    except StudioError as error:
        found, problem = None, told(error)
    return drawn(request, "memory.html", found=found, problem=problem)


async def limit(request: Request) -> Response:
    """Change one limit; what allows more asks the person."""
    return await agreeing.answer(request, _set_limit)


async def limits(request: Request) -> Response:
    """Approve the file as it stands, or write what was approved anew."""
    return await agreeing.answer(request, settle_limits)


async def use(request: Request) -> Response:
    """Say what the pictures are for."""
    return await agreeing.answer(request, _set_policy)


def _set_limit(project: Project, given: dict[str, Any]) -> dict[str, Any]:
    call = agreeing.call_of(project, "studio budget set")
    field, value = str(given.get("field") or ""), str(given.get("value") or "").strip()
    answer = budget.set_cap(call, field, value or "none")
    return {"changes": answer.data["changes"], "said": _said(answer.data["changes"])}


def settle_limits(project: Project, given: dict[str, Any]) -> dict[str, Any]:
    acts = {"approve": budget.approve, "restore": budget.restore}
    act = str(given.get("act") or "")
    if act not in acts:
        raise StudioError(
            SETTINGS_ACT,
            f"{act!r} is nothing that can be done to the limits here; nothing was changed.",
            hint="Choose approve or restore.",
        )
    answer = acts[act](agreeing.call_of(project, f"studio budget {act}"))
    return {"changes": answer.data["changes"], "said": _said(answer.data["changes"])}


def _set_policy(project: Project, given: dict[str, Any]) -> dict[str, Any]:
    call = agreeing.call_of(project, "studio policy set")
    places = str(given.get("territory") or "").replace(",", " ").split()
    answer = policy.set_policy(
        call,
        commercial={"yes": True, "no": False}.get(str(given.get("commercial") or "")),
        revenue_band=str(given.get("revenue_band") or "") or None,
        territory=places,
    )
    refused = ", ".join(answer.data["refused"])
    said = "Nothing changed." if not answer.data["changed"] else "Written down."
    return {"said": f"{said} Ruled out: {refused}." if refused else said}


def _said(changes: list[dict[str, Any]]) -> str:
    told = "; ".join(f"{one['field']}: {one['old']} → {one['new']}" for one in changes)
    return f"Changed: {told}." if told else "It stands so already."


def _facts(project: Project) -> dict[str, Any]:
    facts: dict[str, Any] = {"problem": None, "limits": [], "approved_by": None}
    try:
        facts["limits"] = _limits(approved.load(project))
        last = approved.baseline(project)
        facts["approved_by"] = last if last.event is not None else None
    except StudioError as error:
        facts["problem"] = told(error)
    return {
        **facts,
        "gate": _gate(project),
        "decided": _policy(project),
        "bands": bands(),
        "root": str(project.root),
        "calculator": calculator.choices(project),
        "dictionary": lore.words(),
    }


def _limits(found: config.Config) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"field": name, "says": _SAYS[name], "value": _text(getattr(found, name))}
        for name in config.MONEY
    ]
    rows += [
        {"field": name, "says": _SAYS[name], "value": str(getattr(found, name))}
        for name in config.MINUTES
    ]
    for engine, cap in found.max_engine_cost.items():
        says = f"All that {engine} may cost, USD"
        rows.append({"field": f"max_engine_cost.{engine}", "says": says, "value": plain(cap)})
    for unit, caps in found.units.items():
        for name, said in (("max_per_day", "a day"), ("max_total", "in all")):
            value = _text(getattr(caps, name))
            says = f"{unit} {said}"
            rows.append({"field": f"units.{unit}.{name}", "says": says, "value": value})
    return rows


def _text(cap: int | None) -> str:
    return "" if cap is None else plain(cap)


def _policy(project: Project) -> Any:
    from ategnatos.art.licences import policy_of

    return policy_of(project)


def _gate(project: Project) -> dict[str, Any]:
    gate: dict[str, Any] = {"signing": False, "approvers": [], "problem": ""}
    try:
        approvers = trust.known(project)
    except StudioError as error:
        return {**gate, "problem": error.message}
    if approvers is not None:
        gate["signing"] = approvers.signing
        gate["approvers"] = [
            {"name": one.name, "key": statements.fingerprint(one.key), "active": one.active}
            for one in approvers.approvers
        ]
    return gate
