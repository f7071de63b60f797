"""``art history``: how pictures came to be, as a tree of what was changed and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.terminal import plain
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.art.tree import Node
    from ategnatos.grimoire.jobs.assets import Asset
    from ategnatos.grimoire.jobs.database import Database

# Columns of lines before a tree with a single branch stops moving to the right.
_DEEP = 60


def register(app: typer.Typer) -> None:
    """Add the verb of this module to the art room."""
    command(app, "history", example="ategnatos art history site/owl")(history)


def history(
    call: Call,
    name: Annotated[
        str | None,
        typer.Argument(help="A job (j1), candidate ('j1#2'), version (v3) or asset (site/owl)."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Without a name: so many.")] = 10,
) -> Answer:
    """How a picture or an asset came to be: each change, why, and the verdict.

    Of a job it tells its own story too: each step to it, with what happened and who did it.
    """
    from ategnatos.art import tree
    from ategnatos.grimoire.jobs import database

    project = call.project()
    steps: list[dict[str, Any]] = []
    job_id: int | None = None
    asset: Asset | None = None
    trees: list[Node] = []
    with database.connect(project) as db:
        if name is None:
            trees = tree.newest(db, limit)
        else:
            job_id, asset, note = _meant(db, name)
            if note:
                call.warn(note)
            trees = [tree.around(db, job_id)] if job_id else tree.of_asset(db, _sure(asset))
    if job_id is not None:
        from ategnatos.art.history import steps_to

        steps = steps_to(project, job_id)

    def words(console: Console) -> None:
        if asset is not None and job_id is None:
            console.print(plain(f"{asset.full_name}  {asset.brief['subject']}"), soft_wrap=True)
        for one in trees:
            _draw(console, one, job_id, asset)
        if not trees:
            console.print("Nothing was made yet.")
        if steps:
            console.print()
        for step in steps:
            console.print(plain(f"{step['job']}  {step['prompt']}"), soft_wrap=True)
            if step["parent"]:
                why = f", because {step['reason']}" if step["reason"] else ""
                told = f"  from {step['parent']}, asked: {step['change']}{why}"
                console.print(plain(told), soft_wrap=True)
            for event in step["events"]:
                told = f"  {event['time'][:19]}  {event['actor']}  {event['what']}"
                console.print(plain(told), soft_wrap=True)

    return Answer(
        {
            "steps": steps,
            "tree": [one.facts() for one in trees],
            "asset": None if asset is None else asset.full_name,
        },
        words,
    )


def _meant(db: Database, name: str) -> tuple[int | None, Asset | None, str]:
    """The job that ``name`` means, or the asset, and what was assumed."""
    from ategnatos.art import briefs, naming
    from ategnatos.art.references import REFERENCE

    try:
        found = naming.named(db, name)
    except StudioError as error:
        if error.code is not REFERENCE or naming.names_version(name):
            raise
        return None, briefs.find(db, name), ""
    return found.job, found.asset, found.note


def _sure(asset: Asset | None) -> Asset:
    assert asset is not None
    return asset


def _draw(console: Console, root: Node, marked: int | None, asset: Asset | None) -> None:
    """A tree with lines; no recursion, and no folding of what a person may want to copy."""
    waiting: list[tuple[Node, str, str]] = [(root, "", "")]
    while waiting:
        node, lead, below = waiting.pop()
        first, more = _lines(node, asset)
        style = "bold" if node.job.id == marked else None
        mark = "  <" if node.job.id == marked else ""
        console.print(plain(f"{lead}{first}{mark}"), style=style, soft_wrap=True)
        for line in more:
            stem = f"{below}{'│ ' if node.children else '  '}"
            console.print(plain(f"{stem}    {line}"), style="dim", soft_wrap=True)
        last = len(node.children) - 1
        for place, child in reversed(list(enumerate(node.children))):
            corner, stem = ("└─ ", "   ") if place == last else ("├─ ", "│  ")
            # A long chain stays readable: past that depth only branches move to the right.
            if last == 0 and len(below) >= _DEEP:
                stem = ""
            waiting.append((child, below + corner, below + stem))


def _lines(node: Node, asset: Asset | None) -> tuple[str, list[str]]:
    """What a node says: its name and change, then prompt, reason and what became of it."""
    from ategnatos.art import iterations

    job = node.job
    names = list(node.versions)
    if asset is not None:
        own = f"{asset.full_name}/"
        names = [one.removeprefix(own) for one in names if one.startswith(own)]
    called = f"{' '.join(names)} ({job.name})" if names else job.name
    told = f"{called}  {job.asked}"
    if job.change:
        told = f"{called}  from {job.parent}: {job.change}"
    more = []
    if job.change:
        more.append(job.asked)
    if job.reason:
        more.append(f"because {job.reason}")
    outcome = iterations.outcome(node.pictures)
    more.append(f"{job.state.replace('_', ' ')}, {outcome}, {job.created_at[:10]}")
    more += [
        f"#{one.number} {one.verdict}: {one.reason}"
        for one in node.pictures
        if one.verdict and one.reason
    ]
    return told, more
