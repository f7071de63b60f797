"""``ategnatos jobs cancel``, ``retry``, ``pause``, ``resume`` and ``limit``."""

from __future__ import annotations

from typing import Annotated

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.grimoire.errors import StudioError

_ENGINE = typer.Argument(help="An engine's name; left out: every engine.", metavar="[ENGINE]")


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the room."""
    command(app, "cancel", example="ategnatos jobs cancel j3", dry_run=True)(cancel)
    command(app, "retry", example="ategnatos jobs retry j3", dry_run=True)(retry)
    command(app, "pause", example="ategnatos jobs pause comfyui --because 'new GPU'", dry_run=True)(
        pause
    )
    command(app, "resume", example="ategnatos jobs resume comfyui", dry_run=True)(resume)
    command(
        app,
        "limit",
        example="ategnatos jobs limit comfyui --concurrency 2 --rate 10/60",
        dry_run=True,
    )(limit)


def cancel(call: Call, name: Annotated[str, typer.Argument(help="A job, like j3.")]) -> Answer:
    """Stop a job. What was sent stays sent, and its money stays reserved until that is clear."""
    from ategnatos.art.references import parse_job
    from ategnatos.grimoire.jobs import database, moves, store
    from ategnatos.guard.actor import actor

    project = call.project()
    with database.connect(project) as db:
        job = store.get(db, parse_job(name))
        if call.dry_run:
            if not job.runnable:
                raise moves.refused(job, moves.CANCELLED)
            at_work = job.held(db.now())
            told = "its worker would be asked to stop" if at_work else "it would stop at once"
            return Answer({"job": job.name, "dry_run": True, "at_work": at_work}, told)
        stopped = moves.cancel(db, job.id, who=actor())
    told = "It is cancelled." if stopped else "Its worker was asked to stop; it does so soon."
    return Answer({"job": job.name, "stopped": stopped}, told, (f"ategnatos jobs show {job.name}",))


def retry(call: Call, name: Annotated[str, typer.Argument(help="A job, like j3.")]) -> Answer:
    """Put a failed job back where it failed. What it made and paid for is kept."""
    from ategnatos.art.references import parse_job
    from ategnatos.grimoire.jobs import database, moves, saga, store
    from ategnatos.guard.actor import actor

    project = call.project()
    with database.connect(project) as db:
        job = store.get(db, parse_job(name))
        rules = saga.load(job.saga)
        if job.kind == "training":
            raise StudioError(
                moves.JOB_STATE,
                f"{job.name} is a training: its saves are looked into before it goes on. Nothing"
                " was changed.",
                hint=f"ategnatos train resume {job.data['run']}",
                state=job.state,
                wanted="tried again",
            )
        if call.dry_run:
            if job.state != rules.failed:
                raise moves.refused(job, "tried again")
            back = job.failed_in or rules.start
            return Answer({"job": job.name, "dry_run": True, "state": back}, f"Back to: {back}")
        state = moves.retry(db, job.id, who=actor())
    return Answer(
        {"job": job.name, "state": state},
        f"{job.name} is in the line again: {rules.states[state].says}.",
        ("ategnatos jobs work --until-idle", f"ategnatos jobs watch {job.name}"),
    )


def pause(
    call: Call,
    engine: Annotated[str | None, _ENGINE] = None,
    because: Annotated[str, typer.Option("--because", help="Why; everybody sees it.")] = "",
) -> Answer:
    """Begin no more jobs of an engine, or of all; what runs is finished."""
    from ategnatos.grimoire.jobs import database, throttle
    from ategnatos.guard.actor import actor

    project = call.project()
    name, spoken = _named(engine)
    if call.dry_run:
        return Answer({"engine": name, "dry_run": True}, f"{spoken} would be paused.")
    with database.connect(project) as db:
        changed = throttle.pause(db, name, who=actor(), why=because.strip())
    told = f"{spoken} is paused." if changed else f"{spoken} was paused already."
    again = "ategnatos jobs resume" + ("" if engine is None else f" {engine}")
    return Answer({"engine": name, "changed": changed}, told, (again,))


def resume(call: Call, engine: Annotated[str | None, _ENGINE] = None) -> Answer:
    """End a pause; an engine that was left alone after failures is tried again at once."""
    from ategnatos.grimoire.jobs import database, throttle

    project = call.project()
    name, spoken = _named(engine)
    if call.dry_run:
        return Answer({"engine": name, "dry_run": True}, f"{spoken} would go on.")
    with database.connect(project) as db:
        changed = throttle.resume(db, name)
    told = f"{spoken} goes on." if changed else f"Nothing held {spoken.lower()} back."
    return Answer({"engine": name, "changed": changed}, told)


def limit(
    call: Call,
    engine: Annotated[str, typer.Argument(help="An engine's name.")],
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", help="How many of its jobs may run at once.")
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option("--rate", metavar="N/SECONDS", help="How many may begin in so many seconds."),
    ] = None,
) -> Answer:
    """Set an engine's limits, for all workers together; what is left out is without limit."""
    from ategnatos.grimoire.jobs import database, throttle

    project = call.project()
    parsed = None if rate is None else _rate(rate)
    throttle.check_limit(concurrency, parsed)
    data = {"engine": engine, "concurrency": concurrency, "rate": rate}
    if call.dry_run:
        return Answer({**data, "dry_run": True}, "Its limits would be set.")
    with database.connect(project) as db:
        throttle.limit(db, engine, concurrency=concurrency, rate=parsed)
    many = "any number" if concurrency is None else str(concurrency)
    often = "" if rate is None else f", {parsed[0]} in {parsed[1]:g} s" if parsed else ""
    return Answer(data, f"{engine}: {many} at once{often}.")


def _named(engine: str | None) -> tuple[str, str]:
    from ategnatos.grimoire.jobs import throttle

    if engine is None:
        return throttle.EVERY, "Every engine"
    return engine, f"Engine {engine}"


def _rate(text: str) -> tuple[int, float]:
    count, _, seconds = text.partition("/")
    try:
        return int(count), float(seconds)
    except ValueError:
        raise StudioError(
            USAGE,
            f"{text!r} is no rate; nothing was changed.",
            hint="Write how many in how many seconds, like --rate 10/60",
            given=text,
        ) from None
