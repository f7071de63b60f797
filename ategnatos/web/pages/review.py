"""Review: the desk in a browser, and its requests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from ategnatos.art import batch
from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.gate import statements
from ategnatos.knowledge import feedback
from ategnatos.web import agreeing, desk
from ategnatos.web.answers import drawn, project_of, refused, session_of, told, values_of

if TYPE_CHECKING:
    from starlette.requests import Request

# Reasons at hand: one phrase of each wish that the studio knows to act on.
_MOST_REASONS = 24


def page(request: Request) -> Response:
    """The page itself; its pictures come by script."""
    names = request.query_params.getlist("name")
    return drawn(request, "review.html", names=names, reasons=reasons())


def reasons() -> list[str]:
    """What may be said of a picture that is rejected, in the words of ``feedback.json``."""
    by_wish: dict[str, str] = {}
    for phrase, action in feedback.meaning("tags").phrases.items():
        by_wish.setdefault(action.name, phrase)
    return list(by_wish.values())[:_MOST_REASONS]


def line(request: Request) -> Response:
    """The names of all that waits, what was chosen, and what signing will ask for."""
    project, session = project_of(request), session_of(request)
    signer: dict[str, Any] = {"signs": False, "open": False, "problem": None, "key": None}
    try:
        signer["signs"] = desk.signs(project)
        if signer["signs"] and session.may_decide:
            batch.check_signer(project)
            opened = session.key(time.monotonic())
            signer["open"] = opened is not None
            signer["key"] = statements.fingerprint(opened.public) if opened else None
    except StudioError as error:
        signer["problem"] = told(error)
    try:
        names = batch.line(project, request.query_params.getlist("name"))
        facts = {"names": names, "choices": desk.chosen(project, names)}
    except StudioError as error:
        return refused(error)
    return JSONResponse(
        {**facts, "signer": signer, "may_decide": session.may_decide},
        headers={"cache-control": "no-store"},
    )


def pictures(request: Request) -> Response:
    """Some of them, by name: what a person should know of each."""
    names = request.query_params.getlist("name")[: desk.MOST_SHOWN]
    try:
        found = desk.shown(project_of(request), names)
    except StudioError as error:
        return refused(error)
    return JSONResponse(found, headers={"cache-control": "no-store"})


async def choose(request: Request) -> Response:
    """Keep one choice."""
    given = await values_of(request)
    try:
        count = await run_in_threadpool(
            desk.choose,
            project_of(request),
            *(str(given.get(key) or "") for key in ("name", "sha256", "verdict", "reason")),
        )
    except StudioError as error:
        return refused(error)
    return JSONResponse({"choices": count})


async def sign(request: Request) -> Response:
    """Open the key if a passphrase came along, and record the batch."""
    given = await values_of(request)
    passphrase = given.pop("passphrase", None)
    shown = given.get("choices")
    shown = [one for one in shown if isinstance(one, dict)] if isinstance(shown, list) else []
    try:
        done = await run_in_threadpool(_sign, request, passphrase, shown)
    except StudioError as error:
        return refused(error)
    return JSONResponse(
        {
            "recorded": [
                {
                    "name": one.candidate,
                    "verdict": one.verdict,
                    "signed": one.signed,
                    "approver": one.approver,
                    "event": one.event,
                }
                for one in done.done
            ],
            "failed": [told(error) for error in done.failed],
            "left": done.left,
        }
    )


def _sign(request: Request, passphrase: Any, shown: list[dict[str, Any]]) -> desk.Signed:
    project, session = project_of(request), session_of(request)
    # One batch at a time in a browser, and one guess.
    with session.busy:
        return desk.sign(project, shown, agreeing.key_of(project, session, passphrase))


async def lock(request: Request) -> Response:
    """Let the opened key go."""
    session_of(request).hold(None, time.monotonic())
    return JSONResponse({"open": False})
