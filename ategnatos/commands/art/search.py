"""``art search``: find an iteration again by its words, its verdict, its model, its asset."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.commands.page import Line, Row, draw
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.art.search import Found
    from ategnatos.commands.art.wanted import WantedFor
    from ategnatos.grimoire.project import Project


def register(app: typer.Typer) -> None:
    """Add the verb of this module to the art room."""
    command(app, "search", example="ategnatos art search owl --approved --since 7d")(search)


def search(
    call: Call,
    words: Annotated[
        list[str] | None,
        typer.Argument(help="Words that must all be there; '\"a phrase\"' stays together."),
    ] = None,
    approved: Annotated[bool, typer.Option("--approved", help="With an approved picture.")] = False,
    rejected: Annotated[bool, typer.Option("--rejected", help="With a rejected picture.")] = False,
    undecided: Annotated[
        bool, typer.Option("--undecided", help="With a picture that has no verdict.")
    ] = False,
    family: Annotated[
        str | None, typer.Option("--family", metavar="NAME", help="The model family, like sdxl.")
    ] = None,
    engine: Annotated[str | None, typer.Option("--engine", help="The engine.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Words of the model's name.")] = None,
    lora: Annotated[str | None, typer.Option("--lora", help="Words of a LoRA's name.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="The seed of a picture.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="12h, 7d, 2w, 3m, 1y ago, or a date.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Before that: the same forms.")
    ] = None,
    wanted: Annotated[
        str, typer.Option("--for", metavar="NAME", help="An asset (site/owl) or a project (site).")
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make the index of words anew first.")
    ] = False,
) -> Answer:
    """Find iterations, the newest first. A word matches where a word begins with it."""
    from ategnatos.art import search as room
    from ategnatos.commands.art.wanted import wanted_for
    from ategnatos.grimoire.jobs import database, job_words

    verdict = _verdict(approved=approved, rejected=rejected, undecided=undecided)
    project, now = call.project(), datetime.now(UTC)
    goal = wanted_for(call, project, wanted)
    query = job_words.Query(
        words=" ".join(words or ()),
        verdict=verdict,
        family=_family(family),
        engine=engine,
        model=model,
        lora=lora,
        seed=seed,
        since=None if since is None else room.moment(since, now),
        until=None if until is None else room.moment(until, now),
        asset=None if goal.asset is None else goal.asset.id,
        project=_project(goal),
    )
    found: list[Found] = []
    total = 0
    if database.exists(project):
        with database.connect(project) as db:
            if rebuild:
                job_words.rebuild(db)
            found, total = room.search(db, query, limit=limit)
    rows = [_row(one) for one in found]

    def draw_all(console: Any) -> None:
        draw(console, rows)
        if not found:
            console.print("Nothing was found. Fewer words find more; 'art list' shows the newest.")
        elif total > len(found):
            console.print(f"{total - len(found)} more: add words, or --limit {total}")

    return Answer(
        {"found": [_facts(project, one) for one in found], "total": total},
        draw_all,
        (f"ategnatos art history {found[0].job.name}",) if found else (),
    )


def _verdict(*, approved: bool, rejected: bool, undecided: bool) -> str | None:
    chosen = [
        word
        for word, given in (("approved", approved), ("rejected", rejected), ("none", undecided))
        if given
    ]
    if len(chosen) > 1:
        raise StudioError(
            USAGE,
            "--approved, --rejected and --undecided exclude each other; nothing was searched.",
            hint="Choose one of them.",
        )
    return chosen[0] if chosen else None


def _family(name: str | None) -> str | None:
    """The family as jobs record it: 'sdxl' finds all its variants."""
    from ategnatos.knowledge.feedback import STARTER_FAMILY

    if name is None or name == STARTER_FAMILY:
        return name
    from ategnatos.knowledge import families

    variant = families.find(name)
    return variant.key if "/" in name else variant.family


def _project(goal: WantedFor) -> str | None:
    return goal.project_name or None if goal.asset is None else None


def _facts(project: Project, one: Found) -> dict[str, Any]:
    from ategnatos.art import iterations

    facts = iterations.facts(one.job, one.pictures)
    for verdict in facts["verdicts"]:
        verdict["path"] = str(project.root / verdict["path"])
    facts["version"] = None
    facts["versions"] = [f"{asset.full_name}/{version.name}" for asset, version in one.versions]
    return facts


def _row(one: Found) -> Row:
    from ategnatos.art import iterations

    told = [one.job.created_at[:10], one.job.request.get("family") or one.job.engine]
    told += [f"{asset.full_name}/{version.name}" for asset, version in one.versions]
    told.append(iterations.outcome(one.pictures))
    return Row(
        ((one.job.name, "bold"),),
        [Line(one.job.asked), Line("  ".join(told), "dim")]
        + ([Line(f"{one.job.parent} changed: {one.job.change}", "dim")] if one.job.change else []),
    )
