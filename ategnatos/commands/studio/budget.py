"""``ategnatos studio budget``: the caps, what is spent, and what is rented now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command, room
from ategnatos.commands.studio import budget_timer, budget_words
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.guard.budget.config import Config

app = room("How much may be spent, what is spent, and what is rented now.")
budget_timer.register(app)


@command(app, "show", example="ategnatos studio budget show")
def show(call: Call) -> Answer:
    """Every cap, what of it is used, and whether the file is the one that was approved."""
    from ategnatos.guard.budget import approved, config
    from ategnatos.studio import spending

    project = call.project()
    found = spending.look(project, datetime.now(UTC))
    last = None if found.problem is not None else approved.baseline(project)
    data = {
        "file": str(config.path_of(project)),
        "config": None if found.config is None else config.canonical(found.config),
        "sha256": None if found.config is None else config.fingerprint(found.config),
        "approved_by": None if last is None else last.actor,
        "approved_event": None if last is None else last.event,
        **budget_words.facts(found),
    }
    return Answer(data, budget_words.page(found, last), failed=found.problem)


@command(app, "set", example="ategnatos studio budget set max_daily_cost 10.00", dry_run=True)
def set_cap(
    call: Call,
    field: Annotated[str, typer.Argument(help="Like max_daily_cost or max_engine_cost.pixellab.")],
    value: Annotated[str, typer.Argument(help="A number like 10.00; 'none' takes a cap away.")],
) -> Answer:
    """Change one cap. Lowering needs nobody; raising needs a person at a terminal."""
    from ategnatos.guard.budget import approved, config

    project = call.project()
    before = approved.load(project)
    wanted = config.with_value(before, field, value)
    return _put(call, wanted, f"ategnatos studio budget set {field} {value}")


@command(app, "approve", example="ategnatos studio budget approve", dry_run=True)
def approve(call: Call) -> Answer:
    """Approve the budget's file as it stands, after an edit by hand. Needs a person."""
    from ategnatos.guard.budget import config

    return _put(call, config.read(call.project()), "ategnatos studio budget approve")


@command(app, "restore", example="ategnatos studio budget restore", dry_run=True)
def restore(call: Call) -> Answer:
    """Write the file anew with the caps that were last approved."""
    from ategnatos.guard.budget import approved

    wanted = approved.baseline(call.project()).config
    return _put(call, wanted, "ategnatos studio budget restore")


def _put(call: Call, wanted: Config, redo: str) -> Answer:
    from ategnatos.guard.actor import actor
    from ategnatos.guard.budget import approved, comparison, config

    project = call.project()
    if call.dry_run:
        changes = comparison.differences(approved.baseline(project).config, wanted)
    else:
        changes = approved.put(project, wanted, actor=actor(), now=datetime.now(UTC), redo=redo)
    needs = any(one.looser for one in changes)
    lines = [f"{one}{'  (allows more)' if one.looser else ''}" for one in changes]
    if call.dry_run:
        lines.insert(0, "Would change:" if changes else "Would change nothing.")
        if needs:
            lines.append("It allows more, so a person at a terminal would be asked.")
    else:
        lines.insert(0, "The budget is now:" if changes else "The budget is as it was approved.")
    data: dict[str, Any] = {
        "dry_run": call.dry_run,
        "changes": [
            {"field": one.field, "old": one.old, "new": one.new, "looser": one.looser}
            for one in changes
        ],
        "needs_person": needs,
        "sha256": config.fingerprint(wanted),
    }
    return Answer(data, "\n".join(lines))


@command(
    app,
    "check",
    example="ategnatos studio budget check --operation train --estimated 5.00",
)
def check(
    call: Call,
    estimated: Annotated[str, typer.Option("--estimated", help="The most it can cost, in USD.")],
    operation: Annotated[str, typer.Option("--operation", help="What it is for.")] = "this",
    rate: Annotated[
        str | None, typer.Option("--rate", help="USD an hour, where a machine is rented.")
    ] = None,
    minutes: Annotated[int, typer.Option("--minutes", help="For how long it is rented.")] = 0,
    engine: Annotated[str | None, typer.Option("--engine", help="Who is paid.")] = None,
    job: Annotated[str | None, typer.Option("--job", help="The job it is for, like j7.")] = None,
) -> Answer:
    """Whether an amount fits the budget now. Exit 1 if not. Nothing is reserved."""
    from ategnatos.grimoire.jobs import database
    from ategnatos.grimoire.spend import ledger
    from ategnatos.grimoire.spend.amounts import USD, plain
    from ategnatos.grimoire.spend.records import Entry
    from ategnatos.guard.budget import approved, policy

    project = call.project()
    entry = Entry(
        "check",
        operation,
        {USD: budget_words.amount("--estimated", estimated)},
        job=job,
        engine=engine,
        rate=0 if rate is None else budget_words.amount("--rate", rate),
        minutes=minutes,
    )
    if minutes < 0:
        raise StudioError(USAGE, "--minutes is below zero; nothing was checked.", hint="Mend it.")
    config = approved.load(project)
    now = datetime.now(UTC)
    with database.connect(project) as db:
        held = ledger.standings(db, entry, now=now)
    found = policy.breaches(config, entry, held)
    if found:
        raise policy.refusal(entry, found, now)
    usd = held.units[USD]
    return Answer(
        {
            "operation": operation,
            "estimated_usd": plain(entry.amounts[USD]),
            "held_today_usd": plain(usd.day),
            "held_total_usd": plain(usd.total),
            "needs_confirm": config.require_confirm,
        },
        f"{policy.asked(entry)} fits every cap. Nothing was reserved.",
    )


@command(app, "report", example="ategnatos studio budget report --by day")
def report(
    call: Call,
    by: Annotated[
        str, typer.Option("--by", help="day, project, asset, engine, lora, job, machine, operation")
    ] = "day",
    since: Annotated[str, typer.Option("--since", help="First UTC day, like 2026-11-01.")] = "",
    until: Annotated[str, typer.Option("--until", help="Last UTC day.")] = "",
) -> Answer:
    """What was spent, what is reserved, and what is unknown and therefore still counts."""
    from ategnatos.studio import spending

    if by not in spending.GROUPINGS:
        raise StudioError(
            USAGE,
            f"There is no report by {by!r}; nothing was read.",
            hint=f"Choose one of: {', '.join(spending.GROUPINGS)}.",
        )
    first = budget_words.day("--since", since) or "0000-00-00"
    last = budget_words.day("--until", until) or "9999-99-99"
    project = call.project()
    groups = spending.by(project, by, since=first, until=last)
    found = spending.look(project, datetime.now(UTC))
    if by in {"asset", "lora"} and groups:
        call.warn(f"What belongs to two of them counts in both, so these {by} sums may overlap.")
    if found.problem is not None:
        call.warn(f"{found.problem.message} {found.problem.hint}")
    data = {
        "by": by,
        "since": since or None,
        "until": until or None,
        "groups": [budget_words.group_facts(one) for one in groups],
        **budget_words.facts(found),
    }
    return Answer(data, budget_words.report(by, groups, found))


@command(
    app,
    "resolve",
    example="ategnatos studio budget resolve art/pixellab/0123456789abcdef/1 --billed 0.40",
)
def resolve(
    call: Call,
    key: Annotated[str, typer.Argument(help="As 'budget show' lists it under Unknown.")],
    billed: Annotated[
        str | None, typer.Option("--billed", help="What the vendor's account shows.")
    ] = None,
    not_billed: Annotated[
        bool, typer.Option("--not-billed", help="The vendor's account shows no such bill.")
    ] = False,
    unit: Annotated[str, typer.Option("--unit", help="Of --billed: usd, or a vendor's.")] = "usd",
) -> Answer:
    """Say what became of a call whose end is unknown. Needs a person at a terminal."""
    import shlex

    from ategnatos.grimoire.spend.amounts import spoken
    from ategnatos.studio import resolving

    if (billed is None) is not not_billed:
        raise StudioError(
            USAGE,
            "Say either --billed AMOUNT or --not-billed; nothing was changed.",
            hint="Look at the vendor's account first.",
        )
    amounts = None if billed is None else {unit: budget_words.amount("--billed", billed)}
    option = "--not-billed" if billed is None else f"--billed {billed} --unit {unit}"
    held = resolving.resolve(
        call.project(),
        key,
        amounts,
        redo=f"ategnatos studio budget resolve {shlex.quote(key)} {option}",
        now=datetime.now(UTC),
    )
    lines = [f"{one.key}: {one.status}, counts {spoken(one.counts, one.unit)}" for one in held]
    return Answer(
        {"key": key, "lines": [{"unit": o.unit, "status": o.status} for o in held]},
        "\n".join(lines),
    )
