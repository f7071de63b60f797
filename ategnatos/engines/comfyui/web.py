"""HTTP to ComfyUI, behind one small module: httpx comes in here and nowhere else.

Nothing is retried here. ``NoAnswer`` says that there was none and why; what that means is for
the caller to say. Every request has time limits, so that nothing waits for ever.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal

from ategnatos.engines.comfyui.errors import NOT_COMFYUI, SIGN_IN
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from types import ModuleType

    import httpx

    from ategnatos.engines.comfyui.address import Address

CONNECT_SECONDS = 5.0
# A server that loads a model may keep others waiting; a sent workflow may take long to validate.
READ_SECONDS = 15.0
SEND_SECONDS = 60.0
# aiohttp, which ComfyUI stands on, drops idle connections after 75 s; go before it does.
KEEP_SECONDS = 30.0
CONNECTIONS = 16

Why = Literal["refused", "silent", "broken"]


class NoAnswer(Exception):  # noqa: N818 - a fact, not a failure: what it means is for the caller
    """No answer came. ``why``: refused (nobody listens), silent (too slow), broken (cut off).

    ``sent`` tells whether the server may have received the request.
    """

    def __init__(self, why: Why, detail: str, *, sent: bool) -> None:
        super().__init__(detail)
        self.why = why
        self.sent = sent


class Answer:
    """Status and body of an answer; ``json`` is None where the body is no JSON."""

    __slots__ = ("content", "status")

    def __init__(self, status: int, content: bytes) -> None:
        self.status = status
        self.content = content

    @property
    def json(self) -> Any:
        """The body as JSON values. ComfyUI writes a bare NaN, which is accepted."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None

    @property
    def text(self) -> str:
        """The beginning of the body as text, for a message."""
        return self.content[:500].decode("utf-8", "replace")


class Web:
    """Requests to one server, over connections that are kept open."""

    def __init__(self, address: Address, read_seconds: float = READ_SECONDS) -> None:
        import logging

        httpx = _httpx()
        self._address = address
        # httpx writes every URL to its log; the names of a person's files are in them.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._client = httpx.AsyncClient(
            base_url=address.url,
            headers=dict(address.headers),
            # A proxy of the environment must not come between this machine and itself, and
            # certificates take 20 ms to load where there is no https.
            trust_env=not address.local,
            verify=address.url.startswith("https"),
            timeout=httpx.Timeout(read_seconds, connect=CONNECT_SECONDS, pool=None),
            limits=httpx.Limits(
                max_connections=CONNECTIONS,
                max_keepalive_connections=CONNECTIONS,
                keepalive_expiry=KEEP_SECONDS,
            ),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def get(self, path: str, *, read_seconds: float | None = None) -> Answer:
        """GET ``path``. Raises NoAnswer, StudioError (``comfyui_sign_in``)."""
        return await self._ask("GET", path, read_seconds=read_seconds)

    async def post(
        self, path: str, body: Any, *, read_seconds: float | None = None, encoded: bool = False
    ) -> Answer:
        """POST ``body`` as JSON, or as it is where ``encoded``. Raises as :meth:`get`."""
        content = body if encoded else json.dumps(body).encode()
        return await self._ask(
            "POST",
            path,
            read_seconds=read_seconds,
            content=content,
            headers={"Content-Type": "application/json"},
        )

    async def post_file(
        self, path: str, fields: Mapping[str, str], name: str, data: bytes
    ) -> Answer:
        """POST a multipart form with a file in the field ``image``. Raises as :meth:`get`."""
        files = {"image": (name, data, "application/octet-stream")}
        return await self._ask(
            "POST", path, read_seconds=SEND_SECONDS, data=dict(fields), files=files
        )

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str]
    ) -> AsyncIterator[tuple[int, AsyncIterator[bytes]]]:
        """GET ``path`` piece by piece: status, and the body's pieces. Raises as :meth:`get`."""
        import httpx

        try:
            async with self._client.stream("GET", path, params=dict(query)) as response:
                self._admitted(response.status_code)
                yield response.status_code, response.aiter_bytes()
        except httpx.HTTPError as error:
            raise _no_answer(error) from error

    async def fetch(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET ``path`` whole. Raises as :meth:`get`."""
        return await self._ask("GET", path, params=dict(query))

    async def _ask(
        self, method: str, path: str, *, read_seconds: float | None = None, **rest: Any
    ) -> Answer:
        import httpx

        if read_seconds is not None:
            rest["timeout"] = httpx.Timeout(read_seconds, connect=CONNECT_SECONDS, pool=None)
        try:
            response = await self._client.request(method, path, **rest)
        except httpx.HTTPError as error:
            raise _no_answer(error) from error
        except httpx.InvalidURL as error:
            raise StudioError(
                NOT_COMFYUI,
                f"{self._address.url} is no address that can be asked ({error}).",
                hint="Write it out, like --server 127.0.0.1:8188",
            ) from error
        self._admitted(response.status_code)
        return Answer(response.status_code, response.content)

    def _admitted(self, status: int) -> None:
        if status not in (401, 407):
            return
        raise StudioError(
            SIGN_IN,
            f"{self._address.url} wants credentials (HTTP {status}); nothing was made. ComfyUI "
            "has no sign-in of its own, so a proxy in front of it asks.",
            hint="Set ATEGNATOS_COMFYUI_TOKEN to its token, or to user:password, and run the same "
            "command again.",
            status=status,
        )


def _httpx() -> ModuleType:
    """httpx without its command line, which loads rich and pygments: a third of its time.

    Its package does without that module where it cannot be imported, as it does where rich is
    not installed.
    """
    import sys

    if "httpx" in sys.modules:
        return sys.modules["httpx"]
    command_line = "httpx._main"
    sys.modules[command_line] = None  # type: ignore[assignment]
    try:
        import httpx
    finally:
        del sys.modules[command_line]
    return httpx


def _no_answer(error: httpx.HTTPError) -> NoAnswer:
    import httpx

    detail = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectError):
        return NoAnswer("refused", detail, sent=False)
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return NoAnswer("silent", detail, sent=False)
    if isinstance(error, httpx.TimeoutException):
        return NoAnswer("silent", detail, sent=True)
    return NoAnswer("broken", detail, sent=True)
