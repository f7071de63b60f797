"""The page as a person runs it: the program at a pseudo-terminal, its code read from there."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.project import Project

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from ategnatos.web import running

LIMIT_SECONDS = 60


class Served:
    """A page that runs at a terminal of its own."""

    def __init__(self, project: Project, *arguments: str, **environment: str) -> None:
        self.project = project
        self.seen = ""
        self.child, self.screen = pty.fork()
        if self.child == 0:
            os.chdir(project.root)
            os.environ.update(environment)
            program = [sys.executable, "-m", "ategnatos", "web", *arguments]
            os.execv(sys.executable, program)
        fcntl.ioctl(self.screen, termios.TIOCSWINSZ, b"\x32\x00\xa0\x00\x00\x00\x00\x00")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while piece := os.read(self.screen, 65536):
                self.seen += piece.decode(errors="replace")

    def wait_for(self, pattern: str, start: int = 0) -> re.Match[str]:
        """The first match in what the terminal shows, from ``start``."""
        deadline = time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < deadline:
            found = re.search(pattern, self.seen[start:])
            if found:
                return found
            select.select([], [], [], 0.02)
        raise AssertionError(f"{pattern!r} was not shown:\n{self.seen}")

    @property
    def link(self) -> str:
        """The newest one-time link."""
        self.wait_for(r"http://\S+enter\?code=[a-z0-9-]+\s")
        return re.findall(r"http://\S+enter\?code=[a-z0-9-]+(?=\s)", self.seen)[-1]

    @property
    def address(self) -> str:
        """``http://127.0.0.1:41234``."""
        return self.link.partition("/enter")[0]

    @property
    def state(self) -> dict[str, Any]:
        """What the page's own file says of it."""
        found: dict[str, Any] = json.loads((self.project.state / "locks" / "web.json").read_bytes())
        return found

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        os.kill(self.child, signal.SIGKILL)
        self._gone()

    def end(self) -> int:
        """Ctrl-C; its exit status."""
        os.kill(self.child, signal.SIGINT)
        return self._gone()

    def _gone(self) -> int:
        _, status = os.waitpid(self.child, 0)
        self.child = 0
        self.reader.join(LIMIT_SECONDS)
        os.close(self.screen)
        return os.waitstatus_to_exitcode(status)


@contextmanager
def served(project: Project, *arguments: str, **environment: str) -> Iterator[Served]:
    """A page at a terminal, on a port that is free."""
    page = Served(project, "--port", str(free_port()), *arguments, **environment)
    try:
        yield page
    finally:
        if page.child:
            page.end()


@dataclass(frozen=True, slots=True)
class Inside:
    """A page that runs in this process, where its waiting times can be made short."""

    page: running.Page
    project: Project
    app: Starlette

    @property
    def address(self) -> str:
        """``http://127.0.0.1:41234``."""
        return self.page.address.rstrip("/")

    @property
    def link(self) -> str:
        """A fresh one-time link, as the terminal shows it."""
        code = self.page.doorkeeper.new_code(time.monotonic())
        return f"{self.address}/enter?code={code}"


@contextmanager
def inside(project: Project) -> Iterator[Inside]:
    """A page in a thread of this process, on a port that is free."""
    import uvicorn

    from ategnatos.web import running
    from ategnatos.web.house import build

    with running.prepared(project, free_port()) as page:
        page.terminal = True
        app = build(page)
        settings = uvicorn.Config(
            app, log_level="critical", lifespan="on", timeout_graceful_shutdown=2, ws="none"
        )
        server = uvicorn.Server(settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [page.listener]})
        thread.start()
        try:
            yield Inside(page, project, app)
        finally:
            server.should_exit = True
            thread.join(LIMIT_SECONDS)


def free_port() -> int:
    """A port that nothing listens on just now."""
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert isinstance(port, int)
        return port


def without_terminal(project: Project) -> subprocess.Popen[str]:
    """A page without a terminal, as an agent or a script starts one."""
    return subprocess.Popen(
        [sys.executable, "-m", "ategnatos", "web", "--port", str(free_port()), "--json"],
        cwd=project.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
