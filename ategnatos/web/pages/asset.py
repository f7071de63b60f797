"""One job, one asset: its tree, what differs between its steps, how each picture came to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from ategnatos.art import briefs, history, iterations, tree
from ategnatos.art.references import parse_candidate, parse_job
from ategnatos.commands.art.compare import notation_of
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, store
from ategnatos.guard.gate import book
from ategnatos.prompts.diff import word_diff
from ategnatos.web import making
from ategnatos.web.answers import drawn, project_of, refused, values_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from ategnatos.art.tree import Node
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.project import Project

TRAINING = "training"


def job(request: Request) -> Response:
    """A job with its pictures, one of them large, and the tree that it stands in."""
    project = project_of(request)
    number = parse_job(request.path_params["job"])
    with database.connect(project) as db:
        one = store.get(db, number)
        if one.kind == TRAINING:
            return RedirectResponse(f"/runs/{one.data['run']}", 303)
        pictures = store.candidates(db, number)
        root = tree.around(db, number)
        facts = _step(db, one, pictures)
    wanted = request.query_params.get("picture", "")
    chosen = next((p for p in pictures if str(p.number) == wanted), None) or _best(pictures)
    return drawn(
        request,
        "job.html",
        job=one,
        pictures=pictures,
        chosen=chosen,
        steps=history.steps_to(project, number),
        worth=_worth(project, chosen),
        rows=_rows([root]),
        **facts,
    )


def asset(request: Request) -> Response:
    """An asset: its brief, and every version under the one that it varies."""
    project = project_of(request)
    with database.connect(project) as db:
        found = briefs.find(db, request.path_params["name"])
        nodes = tree.of_asset(db, found)
    return drawn(request, "asset.html", asset=found, rows=_rows(nodes))


async def vary(request: Request) -> Response:
    """Change one thing about a picture, in the person's words."""
    given = await values_of(request)
    return await _made(request, making.vary, given)


async def again(request: Request) -> Response:
    """The next take of a job: the same words and settings, another seed."""
    given = await values_of(request)
    return await _made(request, making.again, given)


async def _made(request: Request, make: making.Make, given: dict[str, Any]) -> Response:
    try:
        answer = await run_in_threadpool(make, project_of(request), given)
    except StudioError as error:
        return refused(error)
    return JSONResponse(answer)


def _best(pictures: list[store.Candidate]) -> store.Candidate | None:
    there = [one for one in pictures if one.cleaned_at is None]
    order = {store.APPROVED: 0, None: 1, store.REJECTED: 2}
    return min(there, key=lambda one: (order.get(one.verdict, 1), one.number), default=None)


def _step(db: Database, one: store.Job, pictures: list[store.Candidate]) -> dict[str, Any]:
    """What was asked of a job, and what that changed of its parent's words and settings."""
    words: list[Any] = []
    changed: list[tuple[str, Any, Any]] = []
    if one.parent is not None:
        parent = store.get(db, parse_candidate(one.parent)[0])
        words = list(word_diff(parent.asked, one.asked, notation_of(one)))
        before, now = iterations.settings(parent), iterations.settings(one)
        changed = [
            (name, before.get(name), now.get(name))
            for name in dict.fromkeys([*before, *now])
            if before.get(name) != now.get(name) and name != "seed"
        ]
    made_with = iterations.hashes(pictures[0].settings) if pictures else {}
    return {
        "words": words,
        "changed": changed,
        "settings": iterations.settings(one),
        "hashes": made_with,
        "versions": tree.version_names(db, one.id),
    }


def _worth(project: Project, one: store.Candidate | None) -> dict[str, str]:
    """What the verdict on a picture is worth, and whose it is."""
    if one is None or one.verdict is None:
        return {}
    given, _ = book.for_display(project, [one.reference])
    standing, problem = given.on_record(one.reference, one.sha256, one.verdict)
    judged = given.of(one.reference, one.sha256)
    return {
        "standing": standing.value,
        "problem": problem,
        "by": judged.approver if judged is not None else "",
    }


def _rows(roots: list[Node]) -> list[tuple[int, Node]]:
    """The trees as lines, each with its depth; no recursion, a chain may be a thousand long."""
    found: list[tuple[int, Node]] = []
    waiting = [(0, root) for root in reversed(roots)]
    while waiting:
        depth, node = waiting.pop()
        found.append((depth, node))
        waiting += [(depth + 1, child) for child in reversed(node.children)]
    return found
