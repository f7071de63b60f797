"""From a request to an answer: plan, price, make, show; shared by generate, vary, quickstart."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ategnatos.commands.art import difference, present
from ategnatos.commands.contract import USAGE, Answer, Call
from ategnatos.commands.progress import progress
from ategnatos.commands.terminal import plain
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.art.generate import Made
    from ategnatos.art.order import Order
    from ategnatos.art.vary import Variation
    from ategnatos.commands.art.taste import Tasted
    from ategnatos.commands.art.wanted import WantedFor
    from ategnatos.engines import Engine, Request
    from ategnatos.grimoire.jobs.store import Job
    from ategnatos.grimoire.project import Project


def make(
    call: Call,
    project: Project,
    engine: Engine,
    request: Request,
    *,
    seed: int | None,
    again: bool = False,
    confirm: bool = False,
    override: bool = False,
    because: str = "",
    queue: bool = False,
    priority: str = "normal",
    parent: str | None = None,
    change: str | None = None,
    variation: Variation | None = None,
    taste: Tasted | None = None,
    wanted: WantedFor | None = None,
) -> Answer:
    """Plan, price, and unless it is a dry run, make the pictures and show them."""
    from ategnatos.art import licences
    from ategnatos.art import line as room
    from ategnatos.art import order as orders

    planned = orders.plan(engine, request, explicit_seed=seed)
    if again:
        take = room.next_take(project, planned, engine.name)
        planned = orders.plan(engine, request, explicit_seed=seed, take=take)
    planned = replace(
        planned,
        taste=None if taste is None else taste.kept,
        asset=None if wanted is None else wanted.asset,
        reason=because.strip() or None,
    )
    for warning in (
        *planned.warnings,
        *licences.check(project, engine.name, planned.request.family, release=False),
    ):
        call.warn(warning)
    price = engine.estimate(planned.request)
    facts = {
        "engine": engine.name,
        "label": engine.label,
        "binding": planned.binding,
        "take": planned.take,
        "edits": [] if variation is None else list(variation.edits),
        "difference": None if variation is None else difference.facts(variation),
        "taste": planned.taste,
        "taste_words": [] if taste is None else list(taste.words),
        "reason": planned.reason,
        "for": None if wanted is None else wanted.facts,
        "price_usd": str(price.amount_usd),
        "price_units": {unit: str(amount) for unit, amount in price.units.items()},
        "price_basis": price.basis,
    }
    if price.amount_usd > 0 or price.units:
        from ategnatos.commands.art import price as money

        money.agree(
            call,
            project,
            engine,
            planned,
            price,
            confirm=confirm,
            override=override,
            because=because,
        )
    urgent = urgency(priority)
    if call.dry_run:
        return _planned(project, engine, planned, facts)
    if queue:
        _say_what_stays(call, room.standing(project, planned, engine.name), planned)
        return _queued(project, engine, planned, facts, parent, change, urgent)
    made = _make(call, project, engine, planned, parent, change, urgent)
    _say_what_stays(call, made.job, planned)
    facts |= {"version": _version(project, planned, made.job.id), "reason": made.job.reason}
    for warning in made.job.warnings:
        call.warn(warning)
    return shown(project, made, facts)


def shown(project: Project, made: Made, facts: dict[str, Any]) -> Answer:
    """The answer that shows a job which is ready for a person."""
    job = made.job

    def words(console: Console) -> None:
        state = "made" if made.fresh else "the same order as before: nothing new was made"
        version = f"  {facts['version']}" if facts.get("version") else ""
        console.print(f"{job.name}{version}  {job.asked}  ({state})")
        _draw_change(console, facts)
        present.draw_candidates(console, project, made.candidates)
        console.print(f"Sheet: {present.relative(made.sheet)}")
        console.print(f"Made by {facts['label']}")

    undecided = [one for one in made.candidates if one.verdict is None]
    steps = [f"ategnatos art generate {_quoted(job.asked)} --again"]
    if undecided:
        first = undecided[0].reference
        steps = [
            f"ategnatos art approve '{first}'",
            f"ategnatos art reject '{first}' --because '...'",
            f"ategnatos art vary '{first}' --change '...'",
        ]
    return Answer(
        {
            **present.job_facts(job),
            **facts,
            "fresh": made.fresh,
            "candidates": [present.candidate_facts(project, one) for one in made.candidates],
            "sheet": str(made.sheet),
            "awaiting_person": bool(undecided),
        },
        words,
        tuple(steps),
    )


def _make(
    call: Call,
    project: Project,
    engine: Engine,
    planned: Order,
    parent: str | None,
    change: str | None,
    priority: int,
) -> Made:
    from ategnatos.art import generate as room
    from ategnatos.guard.actor import actor

    _keep_inputs(project, planned)
    title = f"{engine.name}: {planned.request.prompt[:40]}"
    with progress(call, title) as on_progress:
        return room.carry_out(
            project,
            engine,
            planned,
            now=lambda: datetime.now(UTC),
            actor=actor(),
            parent=parent,
            change=change,
            on_progress=on_progress,
            priority=priority,
        )


def _queued(
    project: Project,
    engine: Engine,
    planned: Order,
    facts: dict[str, Any],
    parent: str | None,
    change: str | None,
    priority: int,
) -> Answer:
    """Put the order into the line, for whichever worker is free."""
    from ategnatos.art import line as room
    from ategnatos.guard.actor import actor

    _keep_inputs(project, planned)
    job, fresh = room.enqueue(
        project,
        engine.name,
        planned,
        now=lambda: datetime.now(UTC),
        actor=actor(),
        parent=parent,
        change=change,
        priority=priority,
    )
    told = f"{job.name} is in the line." if job.runnable else f"{job.name} was made before."
    steps = (
        ("ategnatos jobs work --until-idle", f"ategnatos jobs watch {job.name}")
        if job.runnable
        else (f"ategnatos art show {job.name}",)
    )
    data = {**present.job_facts(job), **facts, "fresh": fresh, "queued": job.runnable}
    return Answer(data, "\n".join((told, *facts["taste_words"])), steps)


def _say_what_stays(call: Call, job: Job | None, planned: Order) -> None:
    """The same order is the same job, and why it was made is what was said first."""
    if job is not None and planned.reason and job.reason != planned.reason:
        because = f"because {job.reason}" if job.reason else "and gave no reason"
        call.warn(
            f"{job.name} is the same order from before, {because}; that stays on record. New"
            " pictures of the same words: add --again."
        )


def _version(project: Project, planned: Order, job_id: int) -> str | None:
    """The version that a job is of the asset it was ordered for: ``site/owl/v3``."""
    if planned.asset is None:
        return None
    from ategnatos.grimoire.jobs import assets, database

    with database.connect(project) as db:
        found = assets.version_of(db, planned.asset.id, job_id)
    return None if found is None else f"{planned.asset.full_name}/{found.name}"


def _keep_inputs(project: Project, planned: Order) -> None:
    workflow = planned.request.workflow
    text = None if workflow is None else workflow.encode()
    asked = planned.request
    parts = (asked.init_image, asked.mask, asked.control_image, text)
    if any(part is not None for part in parts):
        from ategnatos.art.inputs import keep_input

        for part in parts:
            if part is not None:
                keep_input(project, part)


def urgency(word: str) -> int:
    """The number behind a word of --priority. Raises StudioError (``usage``)."""
    from ategnatos.grimoire.jobs.records import PRIORITIES

    if word not in PRIORITIES:
        raise StudioError(
            USAGE,
            f"{word!r} is no priority; nothing was made.",
            hint=f"Choose one of: {', '.join(PRIORITIES)}.",
            given=word,
        )
    return PRIORITIES[word]


def _planned(project: Project, engine: Engine, planned: Order, facts: dict[str, Any]) -> Answer:
    from ategnatos.art import line as room

    stands = room.standing(project, planned, engine.name)
    request = planned.request
    words = [
        f"Would make {request.count} of: {planned.asked}",
        *(
            []
            if request.prompt == planned.asked
            else [f"  as the engine reads it: {request.prompt}"]
        ),
        f"  engine {engine.name} ({facts['label']}), {_settings(request)}",
        f"  seeds {request.seed} to {request.seed + request.count - 1}, "
        f"binding {planned.binding}, price {facts['price_usd']} USD ({facts['price_basis']})",
    ]
    if stands is not None:
        words.append(f"  It stands already as {stands.name}: nothing new would be made.")
    data = {
        **facts,
        "dry_run": True,
        "request": planned.canonical,
        "stands_as": None if stands is None else stands.name,
    }

    def draw(console: Console) -> None:
        for line in words:
            console.print(plain(line), soft_wrap=True)
        _draw_change(console, facts)

    return Answer(data, draw)


def _settings(request: Request) -> str:
    """The settings that decide the picture, those that there are."""
    told = {
        "family {}": request.family,
        "model {}": request.model,
        "{} wide": request.width,
        "{} high": request.height,
        "{} steps": request.steps,
        "CFG {:g}": request.cfg,
        "sampler {}": request.sampler,
    }
    return ", ".join(words.format(value) for words, value in told.items() if value is not None)


def _draw_change(console: Console, facts: dict[str, Any]) -> None:
    """What a variation changes, where it is one, and what the eye added."""
    for line in facts.get("taste_words", ()):
        console.print(plain(f"  {line}"), soft_wrap=True)
    for edit in facts.get("edits", ()):
        console.print(plain(f"  {edit}"), soft_wrap=True)
    if facts.get("difference"):
        difference.draw(console, facts["difference"])


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
