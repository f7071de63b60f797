"""HTTP to a provider, behind one small module: httpx comes in here and nowhere else.

A send happens exactly once. Only :meth:`Web.read` asks again, and only for what changes nothing.
Every call has a limit for the whole of it, so that a server that drips keeps nobody waiting.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ategnatos._version import __version__
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    import httpx

PROVIDER_ADDRESS = ErrorCode("provider_address", "A provider's address would leak its key.")

CONNECT_SECONDS = 10.0
LARGEST_BODY = 32 << 20
# Seconds before the second try of a question; a server's own Retry-After counts more. A look and
# an order to end, each tried twice, fit into the time for which a watchdog claims a machine.
PAUSES = (1.0,)
LONGEST_PAUSE = 12.0

Why = Literal["refused", "silent", "broken"]


class NoAnswer(Exception):  # noqa: N818 - a fact, not a failure: what it means is for the caller
    """No whole answer came. ``why``: refused (nobody listens), silent (too slow), broken (cut off).

    ``sent`` tells whether the server may have received the request.
    """

    def __init__(self, why: Why, detail: str, *, sent: bool) -> None:
        super().__init__(detail)
        self.why = why
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The body as JSON values, None where it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            return None

    @property
    def object(self) -> dict[str, Any]:
        """The body as a JSON object, empty where it is none."""
        found = self.json
        return found if isinstance(found, dict) else {}

    @property
    def text(self) -> str:
        """The beginning of the body as one line, for a message."""
        return " ".join(self.content[:300].decode("utf-8", "replace").split())

    @property
    def wait(self) -> float | None:
        """Seconds of ``Retry-After``, where it is a number."""
        said = self.headers.get("retry-after", "")
        return float(said) if said.isdigit() else None


class Web:
    """Requests to one provider.

    ``headers`` gives those that carry the key, asked for at each request, so that building a
    provider finds no credential. ``limits`` are seconds by verb. ``pace(method, path)`` waits
    until the request may be sent (see :mod:`~ategnatos.providers.pace`). ``transport`` carries
    the requests instead of the network.
    """

    def __init__(
        self,
        base: str,
        headers: Callable[[], Mapping[str, str]],
        limits: Mapping[str, float],
        *,
        pace: Callable[[str, str], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._transport = transport
        self._base = base.rstrip("/")
        self._headers = headers
        self._limits = limits
        self._pace = pace
        self._sleep = sleep
        self._client: httpx.Client | None = None

    def read(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        """Ask what may be asked twice: a question, or an order to end; again where it failed.

        Raises :class:`NoAnswer` after the last try; 429 and 5xx come back as they are.
        """
        for pause in (*PAUSES, None):
            try:
                answer = self.send(verb, method, path, query=query, body=body)
            except NoAnswer:
                if pause is None:
                    raise
                self._sleep(pause)
                continue
            later = answer.status == 429 or answer.status >= 500
            if not later or pause is None:
                return answer
            wait = answer.wait
            if wait is not None and wait > LONGEST_PAUSE:
                return answer
            self._sleep(pause if wait is None else wait)
        raise AssertionError("the last try returns or raises")

    def send(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        last_look: Callable[[], None] | None = None,
    ) -> Answer:
        """Send once. ``last_look`` is called when connected, right before the first byte.

        Raises :class:`NoAnswer`, and what ``last_look`` raises.
        """
        import httpx

        headers = {"User-Agent": f"ategnatos/{__version__}", **self._headers()}
        if self._pace is not None:
            self._pace(method, path)
        written = False

        def trace(name: str, info: Mapping[str, Any]) -> None:
            nonlocal written
            if name.endswith("send_request_headers.started"):
                if last_look is not None:
                    last_look()
                written = True

        limit = self._limits[verb]
        end = time.monotonic() + limit
        try:
            with self._open().stream(
                method,
                self._base + path,
                params=None if query is None else dict(query),
                json=body,
                headers=headers,
                timeout=httpx.Timeout(limit, connect=min(limit, CONNECT_SECONDS)),
                extensions={"trace": trace},
            ) as response:
                content = _within(response, end)
                return Answer(response.status_code, dict(response.headers), content)
        except httpx.TimeoutException as error:
            said = f"no whole answer within {limit:g} seconds"
            raise NoAnswer("silent", said, sent=written) from error
        except httpx.ConnectError as error:
            raise NoAnswer("refused", str(error) or "no connection", sent=written) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            said = str(error) or type(error).__name__
            raise NoAnswer("broken", said, sent=written) from error

    def close(self) -> None:
        """Let the connections go."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _open(self) -> httpx.Client:
        if self._client is None:
            import logging

            import httpx

            # httpx writes every URL to its log; names of a person's machines are in them.
            logging.getLogger("httpx").setLevel(logging.WARNING)
            # A connection is used once: one that a server has dropped meanwhile would turn a
            # create into "broken after it was sent".
            self._client = httpx.Client(
                limits=httpx.Limits(max_keepalive_connections=0), transport=self._transport
            )
        return self._client


def base_url(variable: str, usual: str) -> str:
    """The provider's address: ``usual``, or what the environment says instead.

    Another address gets the account's key, so it must be https, or this computer. Raises
    StudioError (``provider_address``, ``url_invalid``).
    """
    said = os.environ.get(variable, "").strip()
    if not said:
        return usual
    from ategnatos.guard.values.hosts import Reach
    from ategnatos.guard.values.urls import parse_url

    url = parse_url(said, field=f"The variable {variable}")
    if url.scheme != "https" and url.reach is not Reach.LOOPBACK:
        raise StudioError(
            PROVIDER_ADDRESS,
            f"The variable {variable} sends the account's key unprotected to {url.host}; nothing"
            " was sent.",
            hint=f"Write https:// in {variable}, or remove it to use {usual}.",
            variable=variable,
        )
    return str(url)


def _within(response: httpx.Response, end: float) -> bytes:
    import httpx

    content = bytearray()
    for piece in response.iter_bytes():
        content += piece
        if time.monotonic() > end:
            raise httpx.ReadTimeout("the answer drips", request=response.request)
        if len(content) > LARGEST_BODY:
            raise httpx.RemoteProtocolError("the answer is too large", request=response.request)
    return bytes(content)
