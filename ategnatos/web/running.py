"""One page a studio: starting it, finding it again, and what is said to whom.

The page's address and its read-only token lie in a file that only this account reads. The code
that lets a person decide is written to ``/dev/tty`` and is in no file, argument or log.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import write_atomic
from ategnatos.grimoire.locks import LOCKED, hold
from ategnatos.guard import gate
from ategnatos.web.sessions import Doorkeeper, spoken

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

PORT_TAKEN = ErrorCode("web_port_taken", "Something else listens on the page's port.")

HOST = "127.0.0.1"
_LOCK = "web"
_KNOCK_SECONDS = 5.0
# A server that was just started holds its lock a moment before its file says where it is.
_APPEARS_SECONDS = 10.0


def _place(project: Project) -> Path:
    return project.state / "locks" / "web.json"


def find(project: Project) -> dict[str, Any] | None:
    """Where this studio's page runs (``address``, ``pid``, ``token``); None where it does not.

    Whether it runs is the kernel's word: the lock dies with its process.
    """
    try:
        with hold(project, _LOCK, wait=0):
            return None
    except StudioError as error:
        if error.code is not LOCKED:
            raise
    deadline = time.monotonic() + _APPEARS_SECONDS
    while True:
        try:
            found: dict[str, Any] = json.loads(_place(project).read_bytes())
        except (OSError, ValueError):
            found = {}
        if found.get("address"):
            return found
        if time.monotonic() > deadline:
            raise StudioError(
                LOCKED,
                "Another process starts or ends this studio's page; nothing was started.",
                hint="Run the same command again in a moment.",
            )
        time.sleep(0.05)


def knock(page: dict[str, Any]) -> bool:
    """Have a running page write a fresh code to its own terminal; whether it has one."""
    import httpx

    try:
        answer = httpx.post(
            f"{page['address']}knock",
            headers={
                "Authorization": f"Bearer {page['token']}",
                "Origin": str(page["address"]).rstrip("/"),
            },
            timeout=10,
            trust_env=False,
        )
        return bool(answer.json().get("written"))
    except (httpx.HTTPError, ValueError):
        return False


@dataclass(slots=True)
class Page:
    """A page that is about to be served. ``terminal`` is whether a person can get a code."""

    project: Project
    port: int
    listener: socket.socket
    token: str
    terminal: bool
    doorkeeper: Doorkeeper = field(init=False)
    _knocked: float = 0.0

    def __post_init__(self) -> None:
        self.doorkeeper = Doorkeeper(self.token)

    @property
    def address(self) -> str:
        """``http://127.0.0.1:8888/``."""
        return f"http://{HOST}:{self.port}/"

    @property
    def announcement(self) -> list[str]:
        """What is said on stderr; no code in it."""
        if self.terminal:
            return [f"The page: {self.address}   (Ctrl-C ends it)"]
        return [
            f"The page: {self.address}enter?code={self.token}",
            "There is no terminal of a person here, so it is read-only: nobody can approve on it.",
        ]

    def write_code(self) -> bool:
        """Write a fresh code to the person's terminal; whether there is one. One that was
        written within ``_KNOCK_SECONDS`` and still works is left to stand.
        """
        if not self.terminal:
            return False
        now = time.monotonic()
        if now - self._knocked < _KNOCK_SECONDS and self.doorkeeper.code_stands(now):
            return True
        self._knocked = now
        code = self.doorkeeper.new_code(now)
        try:
            with gate.terminal.opened("ategnatos web") as screen:
                gate.terminal.show(
                    screen,
                    [
                        "",
                        "For you, once, within ten minutes:",
                        f"  {self.address}enter?code={spoken(code)}",
                        f"or open {self.address} and type  {spoken(code)}",
                        "",
                    ],
                )
        except StudioError:
            return False
        return True

    def serve(self) -> None:
        """Serve until the process is told to end."""
        import uvicorn

        from ategnatos.web.house import build

        self.write_code()
        settings = uvicorn.Config(
            build(self),
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            lifespan="on",
            timeout_graceful_shutdown=2,
            timeout_keep_alive=30,
            ws="none",
        )
        uvicorn.Server(settings).run(sockets=[self.listener])


@contextmanager
def prepared(project: Project, port: int) -> Iterator[Page]:
    """A page with its lock, its port and its file. Raises StudioError (``web_port_taken``,
    ``locked``).
    """
    with hold(project, _LOCK, wait=0):
        listener = _listen(port)
        place = _place(project)
        try:
            token = secrets.token_urlsafe(32)
            page = Page(project, listener.getsockname()[1], listener, token, gate.person_present())
            facts = {"address": page.address, "pid": os.getpid(), "token": token}
            write_atomic(place, json.dumps(facts).encode(), 0o600)
            yield page
        finally:
            place.unlink(missing_ok=True)
            listener.close()


def _listen(port: int) -> socket.socket:
    # Named TCP, so that asyncio sends at once (TCP_NODELAY): 40 ms a request otherwise.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise StudioError(
            PORT_TAKEN,
            f"Port {port} of this machine cannot be used ({error.strerror}); the page was not"
            " started.",
            hint=f"Another studio's page may be there. Take another port: ategnatos web --port"
            f" {port + 1 if port < 65535 else port - 1}",
            port=port,
        ) from error
    return listener


def open_browser(address: str) -> None:
    """Show the address in the person's browser. It carries no code: arguments can be read."""
    import webbrowser

    webbrowser.open(address)


def print_started(command: str, page: Page) -> None:
    """The one JSON object on stdout, as soon as the page listens."""
    facts = {"address": page.address, "pid": os.getpid(), "read_only": not page.terminal}
    said = {"ok": True, "command": command, "data": facts, "warnings": [], "error": None}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
