"""Runs: every training, and one of them closely: curves, samples, checkpoints, stop and go on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from ategnatos.commands.train.run.words import attended, duration
from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.actor import person
from ategnatos.train.checkpoints import ledger
from ategnatos.train.run import attempts, control, record, status
from ategnatos.web import charts, curves, hero, samples
from ategnatos.web.answers import drawn, project_of, refused, told
from ategnatos.web.pictures import KINDS, gone

if TYPE_CHECKING:
    from starlette.requests import Request

    from ategnatos.grimoire.project import Project
    from ategnatos.train.run.record import Run

_MOST_ENDED = 60
# A supervisor looks every few seconds; at a far machine every half minute.
_STALE_SECONDS = 90.0
_PARTS = {"panel": "run_panel.html", "samples": "samples.html", "ledger": "run_ledger.html"}
# A resumed run may write a sample anew.
_SHORTLY = {"cache-control": "private, max-age=30"}


def page(request: Request) -> Response:
    """All runs; those at work closely."""
    template = "runs_panel.html" if "panel" in request.query_params else "runs.html"
    project = project_of(request)
    every = record.every(project)
    at_work = [one for one in every if one.state not in record.ENDED]
    ended = [one for one in every if one.state in record.ENDED]
    return drawn(
        request,
        template,
        at_work=[status.snapshot(project, one) for one in at_work],
        ended=ended[:_MOST_ENDED],
        more=len(ended) - len(ended[:_MOST_ENDED]),
        hero=hero.of(every),
        duration=duration,
        number=charts.spoken,
    )


def run(request: Request) -> Response:
    """One run, or that part of it that the address asks for."""
    project = project_of(request)
    one = record.load(project, request.path_params["run"])
    part = next((name for name in _PARTS if name in request.query_params), "")
    return drawn(request, _PARTS.get(part, "run.html"), **_facts(project, one, part))


def sample(request: Request) -> Response:
    """A sample picture that the run's ledger or its sample folders name."""
    project = project_of(request)
    one = record.load(project, request.path_params["run"])
    wanted = request.path_params["path"]
    named = {path for _, paths in _samples(one) for path in paths}
    place = (one.folder / wanted).resolve()
    if wanted not in named or not place.is_relative_to(one.folder.resolve()):
        return gone("file_gone", "The run has no such sample.")
    try:
        data = place.read_bytes()
    except OSError:
        return gone("file_gone", "The sample is not on disk.")
    return Response(data, media_type=KINDS[place.suffix.lower()], headers=_SHORTLY)


async def stop(request: Request) -> Response:
    """Have it stopped, as ``train stop`` does; its trainer may finish a save first."""
    return await _steered(request, _stop)


async def resume(request: Request) -> Response:
    """Go on from its newest whole checkpoint, as ``train resume`` does."""
    return await _steered(request, _resume)


async def _steered(request: Request, act: Callable[[Project, Run], str]) -> Response:
    project = project_of(request)

    def steer() -> str:
        return act(project, record.load(project, request.path_params["run"]))

    try:
        return JSONResponse({"said": await run_in_threadpool(steer)})
    except StudioError as error:
        return refused(error)


def _stop(project: Project, one: Run) -> str:
    after = control.stop(project, one, actor=person(), now=datetime.now(UTC))
    if after.state in record.ENDED:
        return f"{after.id} {after.says}."
    return f"{after.id} was asked to stop: between two steps, or when a save is finished."


def _resume(project: Project, one: Run) -> str:
    made = control.resume(project, one, actor=person(), now=datetime.now(UTC))
    broken = f" Left out, as it is broken: {'; '.join(made.broken)}." if made.broken else ""
    if made.attached:
        return f"{made.run.id} is followed again."
    return f"{made.run.id} goes on from step {made.step}.{broken}"


def _facts(project: Project, one: Run, part: str) -> dict[str, Any]:
    """What the page shows, or what that part of it does."""
    if part == "samples":
        return {"run": one, "samples": _samples(one)}
    seen = status.snapshot(project, one)
    problem, saved = None, ledger.Ledger()
    try:
        saved = ledger.read(one.folder)
    except StudioError as error:
        problem = told(error)
    best, latest = saved.best(), saved.latest()
    return {
        "run": one,
        "seen": seen,
        "problem": problem,
        "ended": one.state in record.ENDED,
        "resumable": one.state in record.ENDED and one.state != "finished",
        "attended": attended(seen) if one.state in record.AT_WORK else "",
        "saved": list(reversed(saved.entries)),
        "metric": saved.metric(),
        "best": best,
        "latest": latest,
        "chart": None
        if part == "ledger"
        else curves.drawn(one.folder, seen["steps"], saved.entries, best),
        "samples": [] if part == "ledger" else _samples(one),
        "stale": _stale(one, seen),
        "duration": duration,
        "number": charts.spoken,
    }


def _stale(one: Run, seen: dict[str, Any]) -> str:
    """Since when nobody looked at a run that trains; "" where somebody does."""
    if one.state != "training" or not seen["seen_at"]:
        return ""
    since = datetime.fromisoformat(seen["seen_at"])
    age = (datetime.now(UTC) - since).total_seconds()
    return str(seen["seen_at"]) if age > _STALE_SECONDS else ""


def _samples(one: Run) -> list[tuple[int, list[str]]]:
    """Sample pictures by step, oldest first."""
    outputs = [attempt.output for attempt in attempts.every(one.folder)]
    epochs = {
        point.epoch: point.step for point in curves.points_of(one.folder) if point.epoch is not None
    }
    return samples.by_step(one.folder, outputs or ["output"], epochs)
