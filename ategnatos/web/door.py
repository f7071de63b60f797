"""What every request passes first: the right Host, the right Origin, and a session.

A page of another site that the person has open can send requests to loopback. It cannot send our
cookie (SameSite=Strict), read an answer (no CORS), name our Host after a DNS rebinding, or give
our Origin; and a form of ours carries a token that it does not know.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response

from ategnatos.web.sessions import READER, Doorkeeper, Session

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# 'self' alone: no inline script, no inline style, nothing from elsewhere, in no frame.
POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]
_SAFE = frozenset({"GET", "HEAD"})
# Open without a session: the door itself, what it looks like, and numbers for a monitor.
_OPEN = frozenset({"/enter", "/knock", "/metrics"})
_LARGEST_BODY = 4 << 20


def cookie_name(port: int) -> str:
    """Cookies of one host are shared by its ports; ours is told from another studio's."""
    return f"ategnatos-{port}"


class Door:
    """The outermost layer of the page."""

    def __init__(self, app: ASGIApp, *, doorkeeper: Doorkeeper, port: int) -> None:
        self._app = app
        self._doorkeeper = doorkeeper
        self._cookie = cookie_name(port)
        names = ("127.0.0.1", "localhost")
        self._hosts = {f"{name}:{port}" for name in names} | (set(names) if port == 80 else set())
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        asked = HTTPConnection(scope)
        path, method = scope["path"], scope["method"]
        if asked.headers.get("host", "").lower() not in self._hosts:
            return _no("host", "This page answers on this machine's own address alone.", 421)
        origin = asked.headers.get("origin")
        if (origin is not None or method not in _SAFE) and origin not in self._origins:
            return _no("origin", "This came from another page, or from no page. Nothing was done.")
        length = asked.headers.get("content-length", "0")
        if method not in _SAFE and not (length.isdecimal() and int(length) <= _LARGEST_BODY):
            return _no("too_large", "That is more than a form of this page sends.", 413)
        session = self._session(asked)
        scope["session"] = session
        if path in _OPEN or path.startswith("/static/"):
            return None
        if session is None:
            if path.startswith("/api/") or method not in _SAFE:
                return _no("session", "No session: come in through the page's door first.")
            return RedirectResponse("/enter", 303)
        if method in _SAFE:
            return None
        if not session.may_decide:
            return _no("read_only", "This session may look and not decide. Nothing was done.")
        if asked.headers.get("x-csrf-token", "") != session.csrf:
            return _no("csrf", "The form is not one of this session. Load the page again.")
        return None

    def _session(self, asked: HTTPConnection) -> Session | None:
        now = time.monotonic()
        cookie = asked.cookies.get(self._cookie)
        if cookie:
            return self._doorkeeper.find(cookie, now)
        scheme, _, token = asked.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._doorkeeper.reads(token.strip()):
            return Session(READER, "", now)
        return None


def _no(code: str, message: str, status: int = 403) -> JSONResponse:
    body: dict[str, Any] = {"error": {"code": code, "message": message}}
    return JSONResponse(body, status)
