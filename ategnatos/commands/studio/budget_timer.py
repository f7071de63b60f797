"""``ategnatos studio budget timer|sweep|watch``: rented machines do not outlive their limit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command, room
from ategnatos.commands.studio import budget_words
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.grimoire.spend.records import Entry
    from ategnatos.guard.budget.config import Config
    from ategnatos.guard.budget.policy import Override
    from ategnatos.studio.watchdog import Finding

PERSON_MUST_ACT = ErrorCode(
    "person_must_act", "A rented machine is overdue, and no program here can end it."
)

Machine = Annotated[str, typer.Argument(help="Provider and id, like runpod:pod-1.")]


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the noun ``budget``."""
    timer = room("Timers of rented machines.")
    command(
        timer,
        "start",
        example="ategnatos studio budget timer start runpod:pod-1 --rate 0.43 --max-minutes 120",
        dry_run=True,
    )(start)
    command(timer, "stop", example="ategnatos studio budget timer stop runpod:pod-1")(stop)
    app.add_typer(timer, name="timer")
    command(app, "sweep", example="ategnatos studio budget sweep")(sweep)
    command(app, "watch", example="ategnatos studio budget watch")(watch)


def start(
    call: Call,
    machine: Machine,
    rate: Annotated[
        str | None,
        typer.Option("--rate", help="USD an hour; default: what the record says of it."),
    ] = None,
    max_minutes: Annotated[
        int | None,
        typer.Option("--max-minutes", help="It is ended then. Default: auto_teardown_minutes."),
    ] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Agree to the price.")] = False,
    override: Annotated[
        bool, typer.Option("--override", help="Pass the caps this once; a person signs.")
    ] = False,
    because: Annotated[str, typer.Option("--because", help="Why, with --override.")] = "",
) -> Answer:
    """Start a machine's timer: its whole time is reserved, and it is ended when it is over."""
    from ategnatos.commands.art.price import PRICE
    from ategnatos.grimoire.spend.amounts import plain
    from ategnatos.guard.actor import actor
    from ategnatos.guard.budget import approved, policy
    from ategnatos.studio import rentals, teardown

    project = call.project()
    now = datetime.now(UTC)
    if max_minutes is not None and max_minutes < 1:
        raise StudioError(
            USAGE, "--max-minutes is at least 1; no timer was started.", hint="Mend it."
        )
    hourly = None if rate is None else budget_words.amount("--rate", rate)
    config = (
        approved.load(project) if call.dry_run else approved.load(project, now=now, actor=actor())
    )
    wanted = rentals.plan(project, config, machine, rate=hourly, minutes=max_minutes)
    entry = wanted.entry(now)
    said = policy.asked(entry)
    _, why = teardown.find(wanted.provider)
    if why:
        call.warn(
            f"Nothing here can end {wanted.name}: {why}. When its time is over, a person has to."
        )
    facts: dict[str, Any] = {
        "machine": wanted.name,
        "rate_usd_per_hour": plain(wanted.rate),
        "minutes": wanted.minutes,
        "reserves_usd": plain(entry.amounts["usd"]),
        "can_be_ended": not why,
    }
    if call.dry_run:
        check(project, config, entry, now)
        return Answer({**facts, "dry_run": True}, f"Would reserve {said} for {wanted.name}.")
    if config.require_confirm and not confirm:
        raise StudioError(
            PRICE,
            f"{wanted.name} costs up to {said}; no timer was started and nothing was reserved.",
            hint="Add --confirm to agree to the price.",
            price_usd=facts["reserves_usd"],
        )
    leave = _leave(project, config, entry, now, override=override, because=because, machine=machine)
    rental = rentals.start(project, config, wanted, entry, actor=actor(), now=now, override=leave)
    return Answer(
        {**facts, "started_at": rental.started_at, "due_at": rental.due_at},
        f"{rental.name} runs until {rental.due_at} at the latest; {said} is reserved.",
        ("ategnatos studio budget watch", f"ategnatos studio budget timer stop {rental.name}"),
    )


def stop(
    call: Call,
    machine: Machine,
    teardown: Annotated[
        bool, typer.Option("--teardown", help="Ask the provider to end it first. No way back.")
    ] = False,
    gone: Annotated[
        bool, typer.Option("--gone", help="You saw that it is gone; asked at your terminal.")
    ] = False,
) -> Answer:
    """End a timer: when two looks, 30 seconds apart, find the machine gone. Until then it bills."""
    from ategnatos.studio import rentals
    from ategnatos.studio import teardown as providers

    project = call.project()
    now = datetime.now(UTC)
    if gone and teardown:
        raise StudioError(
            USAGE,
            "--gone says that it is gone, --teardown asks for its end; nothing was done.",
            hint="Leave one of them out.",
        )
    if gone:
        found = rentals.stop_by_word(project, machine, providers.find, now=now)
    else:
        found = rentals.stop(project, machine, providers.find, teardown=teardown, now=now)
    failed = None
    if found.kind == "person":
        failed = person_must_act([found])
    elif found.kind != "ended":
        failed = rentals.still_billing(found.rental, found.said, now)
    return Answer(found.facts(), None if failed else budget_words.findings([found]), failed=failed)


def sweep(call: Call) -> Answer:
    """The same as 'studio reaper --once'."""
    from ategnatos.commands.studio import reaper

    return reaper.follow(call, call.project(), every=60.0, once=True, until_idle=False)


def watch(
    call: Call,
    every: Annotated[float, typer.Option("--every", help="Seconds between two looks.")] = 30.0,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End when nothing is rented any more.")
    ] = False,
    rounds: Annotated[
        int, typer.Option("--rounds", help="End after this many looks; 0: never.")
    ] = 0,
) -> Answer:
    """The same as 'studio reaper'. It keeps nothing in memory: end it and start it as you like."""
    from ategnatos.commands.studio import reaper

    if not 0.1 <= every <= 3600 or rounds < 0:
        raise StudioError(
            USAGE,
            "--every takes 0.1 to 3600 seconds and --rounds no less than 0; nothing was watched.",
            hint="ategnatos studio budget watch --every 30",
        )
    project = call.project()
    return reaper.follow(
        call, project, every=every, once=False, until_idle=until_idle, rounds=rounds
    )


def person_must_act(stuck: list[Finding]) -> StudioError:
    """The refusal where no program here can end a machine."""
    return StudioError(
        PERSON_MUST_ACT,
        " ".join(f"{one.rental.name}: {one.said}" for one in stuck),
        hint="Do it now: every hour costs. 'ategnatos studio budget show' lists what is rented.",
        machines=[one.rental.name for one in stuck],
    )


def passing(error: StudioError) -> bool:
    """Whether it is a database that does not answer just now."""
    from ategnatos.grimoire.jobs.database import PASSING

    return error.code in PASSING


def check(project: Project, config: Config, entry: Entry, now: datetime) -> None:
    """Raise StudioError (``budget_refused``) where the entry would pass a cap now."""
    from ategnatos.grimoire.jobs import database
    from ategnatos.grimoire.spend import ledger
    from ategnatos.guard.budget import policy

    with database.connect(project) as db:
        found = policy.breaches(config, entry, ledger.standings(db, entry, now=now))
    if found:
        raise policy.refusal(entry, found, now)


def _leave(
    project: Project,
    config: Config,
    entry: Entry,
    now: datetime,
    *,
    override: bool,
    because: str,
    machine: str,
) -> Override | None:
    import shlex

    from ategnatos.grimoire.jobs import database
    from ategnatos.guard.budget import override as leave

    if not override:
        return None
    if not because.strip():
        raise StudioError(
            USAGE,
            "--override needs its reason; nothing was done.",
            hint="Add --because '...': it stands in the journal.",
        )
    redo = (
        f"ategnatos studio budget timer start {shlex.quote(machine)} --max-minutes"
        f" {entry.minutes} --confirm --override --because {shlex.quote(because)}"
    )
    with database.connect(project) as db:
        return leave.ask(project, db, config, entry, because=because, redo=redo, now=now)


def _now() -> datetime:
    return datetime.now(UTC)
