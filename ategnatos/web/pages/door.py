"""The way in and out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from ategnatos.web.answers import drawn, page_of, values_of
from ategnatos.web.door import cookie_name

if TYPE_CHECKING:
    from starlette.requests import Request


async def enter(request: Request) -> Response:
    """Take a code and give a cookie; without one, ask for it."""
    page = page_of(request)
    code = request.query_params.get("code", "")
    if request.method == "POST":
        code = str((await values_of(request)).get("code", ""))
    if not code:
        return drawn(request, "door.html", terminal=page.terminal, wrong=False)
    found = page.doorkeeper.enter(code, time.monotonic())
    if found is None:
        return drawn(request, "door.html", 403, terminal=page.terminal, wrong=True)
    cookie, _ = found
    answer = RedirectResponse("/", 303, headers={"cache-control": "no-store"})
    answer.set_cookie(cookie_name(page.port), cookie, path="/", httponly=True, samesite="strict")
    return answer


async def knock(request: Request) -> Response:
    """Write a fresh code to the terminal; the answer says only whether there is one."""
    page = page_of(request)
    written = await run_in_threadpool(page.write_code)
    if request.headers.get("accept", "").startswith("text/html"):
        return drawn(request, "door.html", terminal=page.terminal, wrong=False, knocked=written)
    return JSONResponse({"written": written})


async def leave(request: Request) -> Response:
    """End this browser's session, and with it its opened key."""
    page = page_of(request)
    page.doorkeeper.leave(request.cookies.get(cookie_name(page.port), ""))
    answer = JSONResponse({"left": True})
    answer.delete_cookie(cookie_name(page.port), path="/")
    return answer
