"""``art list``, ``show``, ``sheet``, ``info``: what there is, and from where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.art import present
from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.terminal import plain
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.grimoire.jobs.store import Candidate

STATE = ErrorCode("state_unknown", "There is no job state of that name.")


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the art room."""
    command(app, "list", example="ategnatos art list --state awaiting_review")(list_jobs)
    command(app, "show", example="ategnatos art show 'j1#2' --json")(show)
    command(app, "sheet", example="ategnatos art sheet j1")(sheet)
    command(app, "info", example="ategnatos art info picture.png")(info)


def list_jobs(
    call: Call,
    state: Annotated[str | None, typer.Option("--state", help="Only jobs in this state.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
) -> Answer:
    """Jobs, newest first."""
    from ategnatos.grimoire.jobs import database, store
    from ategnatos.grimoire.jobs.records import PICTURE_SAGAS
    from ategnatos.grimoire.jobs.saga import load as load_saga
    from ategnatos.guard.gate import requests

    project = call.project()
    known = list(load_saga("picture").states)
    if state is not None and state not in known:
        raise StudioError(
            STATE,
            f"There is no state {state!r}; nothing was listed.",
            hint=f"States: {', '.join(known)}.",
            given=state,
        )
    with database.connect(project) as db:
        wanted = [] if state is None else [state]
        jobs = store.jobs(db, states=wanted, sagas=PICTURE_SAGAS, limit=limit)
        rows = [(job, store.candidates(db, job.id)) for job in jobs]
    pictures = [one for _, candidates in rows for one in candidates]
    worth, problem = present.standings(project, pictures)
    if problem:
        call.warn(problem)
    undecided = {one.reference for one in pictures if one.verdict is None}
    asked = requests.waiting(project, undecided)

    def words(console: Console) -> None:
        if not rows:
            console.print("No jobs yet." if state is None else f"No job is {state}.")
            return
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("Job", "State", "Pictures", "Verdicts", "Prompt"):
            table.add_column(title, overflow="fold" if title == "Prompt" else "ellipsis")
        for job, candidates in rows:
            marks = "".join(
                {"approved": "+", "rejected": "-"}.get(one.verdict or "", ".") for one in candidates
            )
            told = ", ".join(f"{count} {kind}" for kind, count in _counted(candidates, worth))
            how = present.state_words(job)
            table.add_row(job.name, how, marks, told, plain(_title(job)))
        console.print(table)
        console.print("Pictures: + approved, - rejected, . no verdict yet")
        for one in asked:
            console.print(f"Please look at {one.candidate}: {plain(one.note)} ({plain(one.actor)})")

    return Answer(
        {
            "jobs": [
                {
                    **present.job_facts(job),
                    "candidates": len(candidates),
                    "undecided": sum(one.verdict is None for one in candidates),
                    "verdicts": dict(_counted(candidates, worth)),
                }
                for job, candidates in rows
            ],
            "review_requests": [asdict(one) for one in asked],
        },
        words,
        () if rows else ("ategnatos art generate 'a red potion, outlined'",),
    )


def show(
    call: Call,
    name: Annotated[str, typer.Argument(help="A job (j1), candidate ('j1#2') or version (v3).")],
) -> Answer:
    """Everything the record knows about a job or one candidate."""
    from ategnatos.art import naming
    from ategnatos.art.tree import version_names
    from ategnatos.grimoire.jobs import database, store

    project = call.project()
    with database.connect(project) as db:
        meant = naming.named(db, name)
        if meant.note:
            call.warn(meant.note)
        job = store.get(db, meant.job)
        if meant.picture is not None:
            pictures = [store.get_candidate(db, meant.job, meant.picture)]
        else:
            pictures = store.candidates(db, job.id)
        versions = version_names(db, job.id)
    worth, problem = present.standings(project, pictures)
    if problem:
        call.warn(problem)

    def words(console: Console) -> None:
        console.print(f"{job.name}  {_title(job)}  ({present.state_words(job)})")
        for key, value in _settings(job.request).items():
            console.print(f"  {key}: {value}")
        made_from = present.recipe_facts(job).get("recipe")
        if made_from is None:
            console.print(f"  binding: {job.binding}, take {job.take}, made {job.created_at}")
        else:
            levers = " ".join(f"{name}={value}" for name, value in made_from["levers"].items())
            console.print(f"  recipe: {job.recipe_id}, {levers}, by {made_from['engine_key']}")
            console.print(
                f"  binding: {made_from['binding']}, child {job.take}, made {job.created_at}"
            )
        if versions:
            console.print(f"  made for {', '.join(versions)}")
        if job.parent:
            why = f", because {job.reason}" if job.reason else ""
            console.print(f"  from {job.parent}, changed: {job.change}{why}")
        if job.error:
            console.print(f"  failed: {job.error['message']}")
        present.draw_candidates(console, project, pictures)
        for one in pictures:
            verdict = one.verdict or "no verdict yet"
            if one.reference in worth:
                verdict += f" ({worth[one.reference]})"
            reason = f" because {one.reason}" if one.reason else ""
            console.print(f"  {one.reference}  {verdict}{reason}  {one.sha256[:16]}  {one.path}")

    return Answer(
        {
            **present.job_facts(job),
            "versions": versions,
            "request": job.request,
            "warnings": list(job.warnings),
            "attempts": job.attempts,
            "candidates": [
                {
                    **present.candidate_facts(project, one, worth.get(one.reference)),
                    "settings": one.settings,
                }
                for one in pictures
            ],
        },
        words,
    )


def sheet(
    call: Call,
    name: Annotated[str | None, typer.Argument(help="A job; default: the newest.")] = None,
) -> Answer:
    """Draw a job's contact sheet, with the verdicts so far, and say where it is."""
    from ategnatos.art import sheets
    from ategnatos.art.references import parse_job
    from ategnatos.grimoire.jobs import database, store
    from ategnatos.grimoire.jobs.records import PICTURE_SAGAS

    project = call.project()
    with database.connect(project) as db:
        if name is None:
            newest = store.jobs(db, sagas=PICTURE_SAGAS, limit=1)
            if not newest:
                raise StudioError(
                    sheets.NO_PICTURES,
                    "There is no job yet, so there is no sheet to draw.",
                    hint="Make pictures: ategnatos art generate 'a red potion, outlined'",
                )
            job = newest[0]
        else:
            job = store.get(db, parse_job(name))
        candidates = store.candidates(db, job.id)
    path = sheets.write_job_sheet(project, job, candidates)

    def words(console: Console) -> None:
        console.print(f"{job.name}  {_title(job)}")
        present.draw_candidates(console, project, candidates)
        console.print(f"Sheet: {present.relative(path)}")

    return Answer({**present.job_facts(job), "sheet": str(path)}, words)


def info(
    call: Call,
    file: Annotated[Path, typer.Argument(help="A picture file, of any origin.")],
    perceptual: Annotated[
        bool, typer.Option("--perceptual", help="Also the perceptual hash.")
    ] = False,
) -> Answer:
    """What a picture file is, and what it says of its making."""
    from ategnatos.commands.art.about import said
    from ategnatos.pictures.inspect import picture_info

    found = picture_info(file, perceptual=perceptual)
    facts: dict[str, Any] = {key: _json_value(value) for key, value in asdict(found).items()}
    return Answer(facts, lambda console: said(console, found))


def _json_value(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _counted(candidates: Iterable[Candidate], worth: dict[str, str]) -> list[tuple[str, int]]:
    """How many verdicts there are of each standing."""
    told = Counter(
        worth[one.reference].partition(":")[0].partition(" ")[0]
        for one in candidates
        if one.reference in worth
    )
    return sorted(told.items())


def _title(job: Any) -> str:
    return str(job.asked)


def _settings(request: dict[str, Any]) -> dict[str, Any]:
    shown = {
        "prompt as used": request["prompt"],
        "engine model": request["model"],
        "negative": request["negative"],
        "size": f"{request['width']}x{request['height']}",
        "steps": request["steps"],
        "CFG": request["cfg"],
        "sampler": request["sampler"],
        "first seed": request["seed"],
        "starts from picture": request["init"] and request["init"][:16],
        "strength": request["strength"],
        "LoRAs": ", ".join(f"{one['name']} at {one['weight']:g}" for one in request["loras"]),
    }
    return {key: value for key, value in shown.items() if value not in (None, "")}
