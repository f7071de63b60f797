"""What every fake provider shares: machines in time, faults on demand, a server and its books."""

from __future__ import annotations

import json
import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.providers.clouds import openapi

KEY = "test-account-key-0123456789"


class Fault(StrEnum):
    """How one call goes wrong. ``*_AFTER``: it was carried out, and the answer is lost."""

    DROP_BEFORE = "the line drops before anything happens"
    ERROR_BEFORE = "5xx, and nothing happens"
    DROP_AFTER = "done, then the line drops"
    ERROR_AFTER = "done, then 5xx"
    GARBAGE_AFTER = "done, then an answer that is no JSON"
    SLOW_AFTER = "done, then silence for longer than anybody waits"
    UNAUTHORIZED = "401"
    NO_MONEY = "402 or what the provider has for it"
    NO_CAPACITY = "nothing free, in the provider's own shape"
    TOO_MANY = "429 with its headers"
    REFUSE = "a definite no, in the provider's own shape"
    FORGET = "accepted, and nothing happens"


_AFTER = {Fault.DROP_AFTER, Fault.ERROR_AFTER, Fault.GARBAGE_AFTER, Fault.SLOW_AFTER}
_BEFORE = {Fault.DROP_BEFORE, Fault.ERROR_BEFORE}


@dataclass(slots=True)
class Reply:
    """An answer; ``end`` is "drop" or "slow" where it never arrives."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    end: str = ""

    @property
    def content(self) -> bytes:
        """The body as it goes over the wire."""
        if self.body is None:
            return b""
        if isinstance(self.body, str):
            return self.body.encode()
        return json.dumps(self.body).encode()


@dataclass(slots=True)
class Rented:
    """One machine. Times are seconds of the cloud's clock; ``rate`` is USD an hour.

    ``forced`` is a raw state that holds from now on. ``ended`` is when it was asked to end; it
    is gone ``linger`` seconds later, and bills until then.
    """

    id: str
    label: str
    made: float
    rate: Decimal
    boot: float
    linger: float
    request: dict[str, Any]
    forced: str = ""
    stuck: bool = False
    ended: float | None = None
    keys: list[str] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)

    def gone(self, now: float) -> bool:
        """Whether it exists no more."""
        return self.ended is not None and now >= self.ended + self.linger

    def cost(self, now: float) -> Decimal:
        """What it has cost, from its making to its end, by the second."""
        end = now if self.ended is None else min(now, self.ended + self.linger)
        return self.rate * Decimal(str(max(0.0, end - self.made))) / 3600


class Cloud(ABC):
    """A provider. ``clock`` is its time in seconds; a test may hand in one that it turns.

    ``boot``: seconds until a machine runs. ``linger``: seconds until an ended one is gone.
    ``lag``: seconds for which a new machine is missing in lists; ``get_lag`` by its id.
    ``lose_keys``: machines come up without the key. ``check`` holds requests and answers
    against the OpenAPI document and collects what is wrong in ``wrong``.
    """

    provider: str

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        *,
        check: bool = True,
        seed: int = 0,
        boot: float = 0.0,
        linger: float = 0.0,
    ) -> None:
        self.clock = clock
        self.check = check
        self.honest = True
        self.random = random.Random(seed)
        self.boot = boot
        self.linger = linger
        self.lag = 0.0
        self.get_lag = 0.0
        self.lose_keys = False
        self.rented: dict[str, Rented] = {}
        self.requests: list[tuple[str, str, Any]] = []
        self.wrong: list[str] = []
        self._faults: dict[str, list[Fault]] = {}
        self._lock = threading.RLock()
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self.closing = threading.Event()

    # What a test does to it.

    def inject(self, verb: str, *faults: Fault) -> None:
        """The next calls of ``verb`` go wrong in this order."""
        with self._lock:
            self._faults.setdefault(verb, []).extend(faults)

    def force(self, resource: str, raw: str) -> None:
        """The machine has this raw state from now on, whatever it means.

        No document lists a state of next year, so answers are not held against it any more.
        """
        self.honest = False
        self.rented[resource].forced = raw

    @abstractmethod
    def outbid(self, resource: str) -> None:
        """Somebody else has taken its GPU, or what comes closest there."""

    @abstractmethod
    def offline(self, resource: str) -> None:
        """Its host has gone away, or what comes closest there."""

    @abstractmethod
    def break_start(self, resource: str) -> None:
        """It can never come up, and says so, where the provider has such a thing."""

    @abstractmethod
    def leave_behind(self, name: str) -> str:
        """Something of that name that bills without a machine; returns its id."""

    @abstractmethod
    def left_behind(self) -> list[str]:
        """The ids of what is left."""

    def alive(self, label: str | None = None) -> list[Rented]:
        """The machines that exist now, and so bill."""
        now = self.clock()
        with self._lock:
            return [
                one
                for one in self.rented.values()
                if not one.gone(now) and (label is None or one.label == label)
            ]

    def cost(self) -> Decimal:
        """What everything has cost until now."""
        return sum((one.cost(self.clock()) for one in self.rented.values()), Decimal(0))

    def creates(self) -> int:
        """How many requests to create have arrived."""
        return sum(1 for method, path, _ in self.requests if self.verb(method, path) == "create")

    # What a provider is asked.

    @abstractmethod
    def verb(self, method: str, path: str) -> str:
        """Which verb of ours a request belongs to."""

    @abstractmethod
    def route(self, method: str, path: str, query: dict[str, str], body: Any) -> Reply:
        """The honest answer, with its effects."""

    @abstractmethod
    def shape(self, fault: Fault, verb: str) -> Reply:
        """How this provider says that something is wrong."""

    def authorized(self, headers: dict[str, str]) -> bool:
        """Whether the request bears the account's key."""
        return headers.get("authorization") == f"Bearer {KEY}"

    def answer(self, method: str, target: str, headers: dict[str, str], content: bytes) -> Reply:
        """What becomes of one request, faults included."""
        parts = urlsplit(target)
        path, query = parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))
        body = json.loads(content) if content else None
        with self._lock:
            self.requests.append((method, path, body))
            if self.check:
                self.wrong += openapi.wrong_request(self.provider, method, path, query, body)
            if not self.authorized(headers):
                return self.shape(Fault.UNAUTHORIZED, "")
            verb = self.verb(method, path)
            waiting = self._faults.get(verb)
            fault = waiting.pop(0) if waiting else None
            if fault is Fault.DROP_BEFORE:
                return Reply(0, end="drop")
            if fault is Fault.FORGET:
                return self.pretend(method, path, query, body)
            if fault is not None and fault not in _AFTER:
                return self.shape(fault, verb)
            reply = self.route(method, path, query, body)
            if self.check and self.honest:
                self.wrong += openapi.wrong_answer(
                    self.provider, method, path, reply.status, reply.body
                )
            return self._spoilt(reply, fault, verb)

    def pretend(self, method: str, path: str, query: dict[str, str], body: Any) -> Reply:
        """The answer of success, without its effects."""
        before = {key: _copy(one) for key, one in self.rented.items()}
        reply = self.route(method, path, query, body)
        self.rented = before
        return reply

    def _spoilt(self, reply: Reply, fault: Fault | None, verb: str) -> Reply:
        if fault is Fault.DROP_AFTER:
            return Reply(0, end="drop")
        if fault is Fault.SLOW_AFTER:
            return Reply(0, end="slow")
        if fault is Fault.ERROR_AFTER:
            return self.shape(Fault.ERROR_AFTER, verb)
        if fault is Fault.GARBAGE_AFTER:
            return Reply(reply.status, "<html>something else answered</html>")
        return reply

    # Its two fronts: a server on the loopback interface, and a transport without a wire.

    def __enter__(self) -> Cloud:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        assert self._server is not None
        assert self._thread is not None
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def address(self) -> str:
        """Where it listens."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"


def _copy(one: Rented) -> Rented:
    from dataclasses import replace

    return replace(one, keys=list(one.keys), more=dict(one.more))


def _handler(cloud: Cloud) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            content = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = cloud.answer(self.command, self.path, headers, content)
            if reply.end == "slow":
                cloud.closing.wait(60)
            if reply.end:
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)

        do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - the names of http.server

        def log_message(self, *arguments: object) -> None:
            pass

        def finish(self) -> None:
            try:
                super().finish()
            except (OSError, ValueError):
                return  # the connection was dropped on purpose

    return Handler
