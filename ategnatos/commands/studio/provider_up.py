"""``provider up``: the price and the cap are said before the first billed second."""

from __future__ import annotations

import os
import shlex
from datetime import UTC, datetime
from decimal import ROUND_UP, Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.commands.studio import provider_phase
from ategnatos.commands.studio.provider_options import (
    Because,
    Confirm,
    Count,
    Disk,
    Down,
    Overriding,
    Region,
    Up,
    number,
    stay_of,
)
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.budget.config import Config
    from ategnatos.guard.budget.policy import Override
    from ategnatos.studio.renting.plan import Plan


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the noun ``provider``."""
    command(
        app,
        "up",
        example="ategnatos studio provider up vastai:7654321 --hours 2 --confirm",
        dry_run=True,
    )(up)


def up(
    call: Call,
    offer: Annotated[str, typer.Argument(help="As 'provider offers' names it.")],
    hours: Annotated[
        str | None,
        typer.Option("--hours", help="It is ended then. Default: auto_teardown_minutes."),
    ] = None,
    disk: Disk = 60,
    count: Count = 1,
    region: Region = None,
    image: Annotated[str, typer.Option("--image", help="Another image than the usual one.")] = "",
    bid: Annotated[
        str | None, typer.Option("--bid", help="USD an hour for an interruptible machine.")
    ] = None,
    down_gb: Down = 0.0,
    up_gb: Up = 0.0,
    idle: Annotated[
        int, typer.Option("--idle-minutes", help="It is ended when idle so long; 0: never.")
    ] = 30,
    silent: Annotated[
        int,
        typer.Option("--silent-minutes", help="And when nobody asked for it so long; 0: never."),
    ] = 240,
    phase: Annotated[
        list[str] | None,
        typer.Option("--phase", help="Set-up to go through, in order. Default: setup. Or: none."),
    ] = None,
    confirm: Confirm = False,
    override: Overriding = False,
    because: Because = "",
) -> Answer:
    """Rent a machine: its whole time is reserved first, and it is ended when that is over."""
    from ategnatos.guard.actor import actor
    from ategnatos.guard.budget import approved
    from ategnatos.machines.ssh.dead_man import Limits
    from ategnatos.providers.values import Wanted
    from ategnatos.studio import market, moving_in, reaper, ways
    from ategnatos.studio.renting import create, ending
    from ategnatos.studio.renting.plan import Plan, new_run

    if idle < 0 or silent < 0 or not 1 <= disk <= 100_000 or not 1 <= count <= 64:
        raise StudioError(
            USAGE,
            "--idle-minutes and --silent-minutes are no less than 0, --disk takes 1 to 100000 and"
            " --count 1 to 64; nothing was rented.",
            hint="Mend it.",
        )
    steps = provider_phase.fresh(phase)
    project = call.project()
    now = datetime.now(UTC)
    config = (
        approved.load(project) if call.dry_run else approved.load(project, now=now, actor=actor())
    )
    stay = stay_of(project, hours, disk, down_gb, up_gb)
    minutes = int((stay.hours * 60).to_integral_value(ROUND_UP))
    bidding = None if bid is None else number("--bid", bid)
    wanted = Wanted(count=count, region=region, disk_gb=disk, bid=bid is not None, limit=1000)
    provider, found = market.find(offer, wanted)
    if not provider.terms().bills:
        raise StudioError(
            USAGE,
            f"{found.provider} is this computer: there is nothing to rent, and nothing was done.",
            hint="Work on it as it is: ategnatos studio comfyui start, ategnatos train launch.",
        )
    plan = Plan(
        found, minutes, new_run(os.urandom), 1, disk, image, {}, "", bidding, down_gb, up_gb
    )
    facts = facts_of(plan, config)
    price(call, project, config, plan, facts, now, confirm=confirm, override=override)
    if call.dry_run:
        return Answer({**facts, "dry_run": True}, f"Would rent {offer}: {plan.price()}.")
    leave = leave_for(project, config, plan, now, override=override, because=because)
    call.say(f"Renting {offer}: {plan.price()}.")
    for text in _nets(provider, idle):
        call.warn(text)
    with ways.being_made(project, plan.label):
        rented = create.rent(
            project,
            config,
            provider,
            plan,
            actor=actor(),
            clock=_now,
            say=call.say,
            override=leave,
        )
        limits = Limits(minutes, idle, silent)
        try:
            if rented.fault:
                raise StudioError(
                    moving_in.MACHINE_NOT_UP,
                    f"{rented.rental.name} was made and can never run: {rented.fault}.",
                    hint="Take another offer: ategnatos studio provider offers",
                )
            way, notes = moving_in.move_in(
                project,
                provider,
                rented.rental,
                plan.label,
                limits,
                actor=actor(),
                clock=_now,
                say=call.say,
            )
        except KeyboardInterrupt:
            name = rented.rental.name
            call.say(f"{name} exists and bills. End it: ategnatos studio provider down {name}")
            raise
        except StudioError as error:
            call.say(f"{error.message} Ending it.")
            ended = ending.end(project, rented.rental, reaper.provider_of, clock=_now, say=call.say)
            if ended.gone:
                ways.forget(plan.label)
            state = "It is gone" if ended.gone else "It is NOT known to be gone and may bill"
            raise StudioError(
                error.code,
                f"{error.message} {state}: {ended.finding.said}.",
                hint=error.hint if ended.gone else "Keep 'ategnatos studio reaper' running.",
                machine=rented.rental.name,
                gone=ended.gone,
            ) from error
    for text in notes:
        call.warn(text)
    name = rented.rental.name
    done, failed = provider_phase.set_up(call, plan.label, name, steps)
    return Answer(
        {
            **facts,
            "phases": done,
            "machine": name,
            "label": plan.label,
            "due_at": rented.rental.due_at,
            "ssh": {"host": way.host, "port": way.port, "user": way.user},
            "limits_minutes": {"cap": minutes, "idle": idle, "silent": silent},
            "reserved_usd": facts["price_usd"],
        },
        f"{name} is up, {plan.price()}. It is ended at {rented.rental.due_at} at the latest.",
        (
            f"ategnatos studio provider validate {name}",
            "ategnatos studio reaper",
            f"ategnatos studio provider down {name}",
        ),
        failed=failed,
    )


def facts_of(plan: Plan, config: Config) -> dict[str, Any]:
    """What is said of a rental before it is one: its price, and the caps that it stands under."""
    from ategnatos.grimoire.spend.amounts import USD, plain

    whole = plan.entry(datetime.now(UTC)).amounts[USD]
    return {
        "offer": f"{plan.offer.provider}:{plan.offer.id}",
        "gpu": plan.offer.gpu,
        "gpu_count": plan.offer.gpu_count,
        "rate_usd_per_hour": plain(plan.rate),
        "minutes": plan.minutes,
        "disk_gb": plan.disk_gb,
        "price_usd": plain(whole),
        "caps": {
            name: None if cap is None else plain(cap)
            for name, cap in (
                ("max_hourly_rate", config.max_hourly_rate),
                ("max_daily_cost", config.max_daily_cost),
                ("max_total_cost", config.max_total_cost),
            )
        },
    }


def price(
    call: Call,
    project: Project,
    config: Config,
    plan: Plan,
    facts: dict[str, Any],
    now: datetime,
    *,
    confirm: bool,
    override: bool,
) -> None:
    """Say the price and the caps; refuse without agreement, or where a cap would be passed."""
    from ategnatos.commands.art.price import PRICE
    from ategnatos.commands.studio import budget_timer

    if not override:
        budget_timer.check(project, config, plan.entry(now), now)
    if call.dry_run or confirm or not config.require_confirm:
        return
    caps = facts["caps"]
    left = ", ".join(f"{name} {cap or 'none'}" for name, cap in caps.items())
    raise StudioError(
        PRICE,
        f"{facts['offer']} would cost {plan.price()} (disk included, at most"
        f" {facts['price_usd']} USD). Caps: {left}. Nothing was rented and nothing reserved.",
        hint="Add --confirm to agree to the price.",
        price_usd=facts["price_usd"],
        rate_usd_per_hour=facts["rate_usd_per_hour"],
        minutes=facts["minutes"],
        caps=caps,
    )


def leave_for(
    project: Project,
    config: Config,
    plan: Plan,
    now: datetime,
    *,
    override: bool,
    because: str,
    redo: str = "",
) -> Override | None:
    """A person's leave to pass the caps, where it is asked for. ``redo`` is the command again."""
    from ategnatos.grimoire.jobs import database
    from ategnatos.guard.budget import override as leave

    if not override:
        return None
    if not because.strip():
        raise StudioError(
            USAGE,
            "--override needs its reason; nothing was rented.",
            hint="Add --because '...': it stands in the journal.",
        )
    name = shlex.quote(f"{plan.offer.provider}:{plan.offer.id}")
    hours = Decimal(plan.minutes) / 60
    redo = redo or (
        f"ategnatos studio provider up {name} --hours {hours.normalize():f} --disk"
        f" {plan.disk_gb} --confirm"
    )
    redo += f" --override --because {shlex.quote(because)}"
    with database.connect(project) as db:
        return leave.ask(project, db, config, plan.entry(now), because=because, redo=redo, now=now)


def _nets(provider: Any, idle: int) -> list[str]:
    """What is not as safe at this provider as it could be."""
    terms = provider.terms()
    if not terms.self_end:
        return [
            f"{provider.label} gives a machine no key of its own, so it cannot end itself: keep"
            " 'ategnatos studio reaper' running until it is gone."
        ]
    if not terms.self_end_sure:
        return [
            f"Whether {provider.label} lets a machine end itself with its own key is uncertain:"
            " keep 'ategnatos studio reaper' running."
        ]
    return []


def _now() -> datetime:
    return datetime.now(UTC)
