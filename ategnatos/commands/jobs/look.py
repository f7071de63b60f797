"""``ategnatos jobs list``, ``show`` and ``watch``: how things stand in the line."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.terminal import plain
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project

STILL_RUNNING = ErrorCode("still_running", "The job was not done when the time was up.")

_LOOK_AGAIN = 0.25


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the room."""
    command(app, "list", example="ategnatos jobs list --json")(list_jobs)
    command(app, "show", example="ategnatos jobs show j1")(show)
    command(app, "watch", example="ategnatos jobs watch j1 --timeout 600")(watch)


def list_jobs(
    call: Call,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is done, rejected or approved.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
) -> Answer:
    """What runs, what waits and why; in the order in which it is taken."""
    from ategnatos.commands.jobs import present
    from ategnatos.grimoire.jobs import database, saga, store, throttle

    project = call.project()
    if not database.exists(project):
        return Answer({"jobs": [], "more": 0, "engines": []}, "No jobs yet.")
    with database.connect(project) as db:
        found = [
            job
            for job in store.jobs(db)
            if everything or not saga.load(job.saga).ends(job.state) or job.state == store.FAILED
        ]
        found.sort(key=lambda job: (not job.runnable, -job.priority, job.id))
        lines = [present.facts(db, job) for job in found[:limit]]
        held = throttle.blocked(db, db.now())
    more = len(found) - len(lines)

    def words(console: Console) -> None:
        for name, why in held.items():
            console.print(f"{'every engine' if name == throttle.EVERY else name}: {plain(why)}")
        if not lines:
            console.print("Nothing is in the line.")
            return
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("Job", "State", "Engine", "How far", "Asked"):
            table.add_column(title, overflow="fold" if title == "Asked" else "ellipsis")
        for one in lines:
            far = present.how_far(one["progress"]) if one["at_work"] else one["waits_for"]
            table.add_row(one["job"], one["says"], one["engine"], plain(far), plain(one["asked"]))
        console.print(table)
        if more:
            console.print(f"and {more} more: --limit {len(found)}")

    # A training has a supervisor of its own: no worker takes it.
    ready = any(
        one["waits_for"] == "" and not one["error"] and one["kind"] != "training" for one in lines
    )
    return Answer(
        {
            "jobs": lines,
            "more": more,
            "engines": [{"engine": name, "held": why} for name, why in held.items()],
        },
        words,
        ("ategnatos jobs work --until-idle",) if ready else (),
    )


def show(call: Call, name: Annotated[str, typer.Argument(help="A job, like j1.")]) -> Answer:
    """All that happened to a job: its moves, who worked on it, and what was sent."""
    from ategnatos.art.references import parse_job
    from ategnatos.commands.jobs import present
    from ategnatos.grimoire.jobs import database, effects, store

    project = call.project()
    with database.connect(project) as db:
        job = store.get(db, parse_job(name))
        data = {
            **present.facts(db, job),
            "request": job.request,
            "data": job.data,
            "events": [present.event_facts(one) for one in store.events(db, job.id)],
            "effects": [present.effect_facts(one) for one in effects.of_job(db, job.id)],
        }

    def words(console: Console) -> None:
        console.print(f"{data['job']}  {plain(data['asked'])}")
        console.print(f"  {data['says']}; engine {data['engine']}, saga {data['saga']}")
        if data["at_work"]:
            console.print(f"  {data['worker']} works on it  {present.how_far(data['progress'])}")
        elif data["waits_for"]:
            console.print(f"  waits: {plain(data['waits_for'])}")
        if data["error"]:
            console.print(f"  {plain(data['error']['message'])}")
        for one in data["events"]:
            why = f"  {plain(one['why'])}" if one["why"] else ""
            way = one["to"] if one["from"] in (None, one["to"]) else f"{one['from']} -> {one['to']}"
            console.print(f"  {one['at']}  {way}  by {plain(one['who'])}{why}")
        for one in data["effects"]:
            console.print(
                f"  sent: {one['key']}  {one['status']}  {plain(str(one['billed'] or ''))}"
            )

    return Answer(data, words, _next(data))


def watch(
    call: Call,
    name: Annotated[str, typer.Argument(help="A job, like j1.")],
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Seconds to wait at most.")
    ] = None,
) -> Answer:
    """Follow a job that another process carries on, until it needs a person or has ended."""
    from ategnatos.art.references import parse_job
    from ategnatos.commands.progress import progress
    from ategnatos.engines import Progress
    from ategnatos.grimoire.jobs import database, store

    project = call.project()
    job_id = parse_job(name)
    deadline = None if timeout is None else time.monotonic() + timeout
    said = ""
    with database.connect(project) as db, progress(call, name) as on_progress:
        while True:
            job = store.get(db, job_id)
            if not job.runnable:
                break
            data, told = _line(db, project, job_id)
            if told != said and on_progress is None:
                call.say(told)
            said = told
            if on_progress is not None and data["progress"]:
                on_progress(Progress(**data["progress"]))
            if deadline is not None and time.monotonic() > deadline:
                return Answer(
                    data,
                    told,
                    failed=StudioError(
                        STILL_RUNNING,
                        f"{name} is not done after {timeout:g} s; it goes on as before.",
                        hint=f"ategnatos jobs watch {name}",
                        **{"state": data["state"], "waits_for": data["waits_for"]},
                    ),
                )
            time.sleep(_LOOK_AGAIN)
        data, told = _line(db, project, job_id)
    return Answer(data, told, _next(data))


def _line(db: Database, project: Project, job_id: int) -> tuple[dict[str, Any], str]:
    from ategnatos.commands.jobs import present
    from ategnatos.grimoire.jobs import store

    data = present.facts(db, store.get(db, job_id))
    far = present.how_far(data["progress"]) if data["at_work"] else data["waits_for"]
    return data, f"{data['job']}: {data['says']}" + (f" ({far})" if far else "")


def _next(data: dict[str, Any]) -> tuple[str, ...]:
    if data["state"] == "failed":
        return (f"ategnatos jobs retry {data['job']}",)
    if data["waits_for"] == "a person":
        return (f"ategnatos art show {data['job']}",)
    return ()
