"""Evaluate: checkpoints judged blind, the ranking, the names at the end, the winner registered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from ategnatos.commands.train.register import register as register_command
from ategnatos.grimoire import documents
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.guard.actor import login, person
from ategnatos.pictures.metadata import strip
from ategnatos.train.evaluation import pairs, record, reporting, verdict, votes
from ategnatos.web import agreeing, blind
from ategnatos.web.answers import drawn, project_of, refused, told, values_of
from ategnatos.web.pictures import FOR_EVER, gone

if TYPE_CHECKING:
    from starlette.requests import Request

    from ategnatos.grimoire.project import Project
    from ategnatos.train.evaluation.record import Evaluation


def page(request: Request) -> Response:
    """Every evaluation, the newest first."""
    project = project_of(request)
    problem, rows = None, []
    try:
        rows = [_row(project, one) for one in reversed(record.every(project))]
    except StudioError as error:
        problem = told(error)
    return drawn(request, "evaluations.html", rows=rows, problem=problem)


def evaluation(request: Request) -> Response:
    """One evaluation: pairs to vote on while the names are hidden, then the ranking.

    ``as`` in the address is who votes.
    """
    project, one = project_of(request), _of(request)
    name = "vote.html" if "pair" in request.query_params else "evaluation.html"
    return drawn(request, name, **_facts(project, one, _voter(request.query_params.get("as"))))


def picture(request: Request) -> Response:
    """A picture of an evaluation by its key, if its bytes are those that were made; it says
    nothing of itself but its pixels.
    """
    one = _of(request)
    key = request.path_params["key"]
    cell = next((cell for cell in one.cells if cell.key == key), None)
    if cell is None:
        return gone("file_gone", "The evaluation has no such picture.")
    try:
        data = one.picture(cell).read_bytes()
    except OSError:
        return gone("file_gone", "The picture is not on disk.")
    if not cell.sha256 or sha256_bytes(data) != cell.sha256:
        return gone("bytes_changed", "The picture was changed on disk: it is not shown.")
    # An engine writes into a picture what made it, the LoRA and its weight among it.
    return Response(strip(data), media_type="image/png", headers=FOR_EVER)


async def vote(request: Request) -> Response:
    """Take one vote; the next pair comes back, as a piece of the page."""
    given = await values_of(request)
    project, one = project_of(request), _of(request)
    voter = _voter(given.get("as"))

    def cast() -> dict[str, Any]:
        said = None
        try:
            _cast(project, one, voter, given)
        except StudioError as error:
            said = told(error)
        return {**_facts(project, one, voter), "said": said}

    return drawn(request, "vote.html", **await run_in_threadpool(cast))


async def reveal(request: Request) -> Response:
    """Say which is which, once and for all."""
    return await _done(request, _reveal)


async def decide(request: Request) -> Response:
    """Choose the winner: shown, agreed to, and signed where the studio has keys."""
    one = _of(request)
    return await agreeing.answer(request, lambda project, given: chosen(project, one, given))


async def register(request: Request) -> Response:
    """Put the chosen LoRA to use under a name, as ``train register`` does."""
    return await _done(request, _register)


def _cast(project: Project, one: Evaluation, voter: str, given: dict[str, Any]) -> None:
    pairs = {pair.id: pair for pair in votes.pairs(one, voter)}
    pair = pairs.get(str(given.get("pair") or ""))
    shown = "" if pair is None else blind.pair_of(one, pair).sha256
    if pair is not None and given.get("shown") != shown:
        raise StudioError(
            votes.VOTE_INVALID,
            "These are not the pictures that you were shown: they were made anew meanwhile. No"
            " vote was taken.",
            hint="Look at them once more.",
            evaluation=one.name,
        )
    votes.cast(
        project,
        one,
        voter,
        str(given.get("pair") or ""),
        str(given.get("choice") or ""),
        datetime.now(UTC),
        shown_sha256=shown,
    )


def _reveal(project: Project, one: Evaluation, given: dict[str, Any]) -> str:
    pairs.intact(one)
    ranked = verdict.reveal(project, one, actor=person(), now=datetime.now(UTC))
    reporting.write(project, one)
    return ranked.said[0] if ranked.said else "The names are known now."


def chosen(project: Project, one: Evaluation, given: dict[str, Any]) -> dict[str, Any]:
    """Sign for ``winner``, ``because`` of something. Raises StudioError (``votes_blind``, and those
    of :func:`ategnatos.train.evaluation.verdict.decide`).
    """
    reason = " ".join(str(given.get("because") or "").split()) or None
    if not verdict.revealed(project, one):
        raise votes.still_blind(one)
    decided = verdict.decide(
        project, one, str(given.get("winner") or ""), now=datetime.now(UTC), reason=reason
    )
    reporting.write(project, one)
    signed = " (signed)" if decided.signed else ""
    return {
        "said": f"{decided.approver} chose {decided.checkpoint} at {decided.best:g}{signed}.",
        "event": decided.event,
    }


def _register(project: Project, one: Evaluation, given: dict[str, Any]) -> str:
    call = agreeing.call_of(project, "train register")
    called = str(given.get("called") or "").strip()
    done = register_command(call, one.name, called=called, models=None).data
    words = [f"{done['name']} can be used now: --lora {done['name']}", *done["notes"]]
    return " ".join(f"{text.rstrip('.')}." for text in words)


async def _done(
    request: Request, act: Callable[[Project, Evaluation, dict[str, Any]], str]
) -> Response:
    given = await values_of(request)
    try:
        said = await run_in_threadpool(act, project_of(request), _of(request), given)
    except StudioError as error:
        return refused(error)
    return JSONResponse({"said": said})


def _of(request: Request) -> Evaluation:
    asked = request.path_params
    return record.load(project_of(request), asked["plan"], asked["number"])


def _voter(said: object) -> str:
    return " ".join(str(said or "").split())[:60] or login()


def _row(project: Project, one: Evaluation) -> dict[str, Any]:
    given = votes.cast_votes(project, one)
    known = verdict.revealed(project, one)
    return {
        "one": one,
        "votes": len(given),
        "voters": len({vote.voter for vote in given}),
        "revealed": known,
        "verdict": verdict.standing(project, one.plan, one) if known else None,
    }


def _facts(project: Project, one: Evaluation, voter: str) -> dict[str, Any]:
    known = verdict.revealed(project, one)
    given = votes.cast_votes(project, one)
    every = votes.pairs(one, voter)
    facts: dict[str, Any] = {
        "one": one,
        "voter": voter,
        "revealed": known,
        "votes": given,
        "voters": sorted({vote.voter for vote in given}),
        "mine": sum(vote.voter == voter for vote in given),
        "pairs": len(every),
        "pair": None,
        "seen": None,
        "said": None,
        "ranking": None,
        "verdict": None,
        "registered": None,
        "notes": [],
        "columns": blind.columns(one, voter, named=known),
        "keys": sorted({cell.key for cell in one.cells}),
    }
    if known:
        ranked = votes.rank(one, given)
        low = min((place.low for place in ranked.places), default=-1.0)
        high = max((place.high for place in ranked.places), default=1.0)
        winner = verdict.standing(project, one.plan, one)
        rows = documents.read(project, "loras").loras
        return facts | {
            "ranking": ranked,
            "low": low,
            "span": (high - low) or 1.0,
            "verdict": winner,
            "notes": reporting.notes(one),
            "registered": None
            if winner is None
            else next((row for row in rows if row.sha256 == winner.sha256), None),
        }
    if one.finished_at:
        pair = votes.next_pair(project, one, voter)
        try:
            facts |= {"pair": pair, "seen": None if pair is None else blind.pair_of(one, pair)}
        except StudioError as error:
            facts |= {"said": told(error)}
    return facts
