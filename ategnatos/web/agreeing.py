"""What needs a person's agreement, done from the page as by the command: read, agreed, recorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from ategnatos.commands.contract import Call
from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.gate import at_page, held, trust
from ategnatos.web.answers import project_of, refused, session_of, values_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from ategnatos.grimoire.project import Project
    from ategnatos.web.sessions import Session

T = TypeVar("T")
Act = Callable[["Project", dict[str, Any]], dict[str, Any]]


def call_of(project: Project, name: str) -> Call:
    """An invocation of a command by the page: its answer is taken as values."""
    return Call(name, json=True, quiet=True, project_option=project.root)


def key_of(project: Project, session: Session, passphrase: object) -> held.HeldKey | None:
    """The browser's opened key, opened now if a passphrase came along. ``session.busy`` is held.

    Raises StudioError (``passphrase_wrong``, ``no_key``, ``approver_unknown``, ...).
    """
    now = time.monotonic()
    if isinstance(passphrase, str) and passphrase:
        approvers = trust.known(project)
        if approvers is not None and approvers.signing:
            session.hold(held.opened(approvers, passphrase), now)
    return session.key(now)


def carry_out(project: Project, session: Session, given: dict[str, Any], act: Act) -> Any:
    """``act`` with the person's agreement, where it asks for one. Raises StudioError
    (``agreement_wanted`` with what is to be read, and those of the act).
    """
    passphrase = given.pop("passphrase", None)
    agreed = str(given.pop("agreed", "") or "")
    # One at a time in a browser, and one guess.
    with session.busy:
        key = key_of(project, session, passphrase)
        with at_page.reading(agreed, key):
            return act(project, given)


async def answer(request: Request, act: Act) -> Response:
    """The answer to a form whose act may need agreement; the page's script shows what is to be
    read and sends the form again.
    """
    given, session = await values_of(request), session_of(request)
    try:
        done = await run_in_threadpool(carry_out, project_of(request), session, given, act)
    except StudioError as error:
        if error.code is not at_page.AGREEMENT_WANTED:
            return refused(error)
        needs_key = bool(error.details["signs"]) and session.key(time.monotonic()) is None
        return JSONResponse(
            {
                "error": {"code": error.code.code, "message": error.message, "hint": error.hint},
                "wanted": {
                    "lines": error.details["lines"],
                    "agreed": error.details["agreed"],
                    "signs": error.details["signs"],
                    "needs_key": needs_key,
                },
            },
            409,
        )
    return JSONResponse(done)
