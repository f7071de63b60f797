"""A ComfyUI to start: a folder that looks like one, whose main.py is a real small server."""

from __future__ import annotations

import json
import random
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ategnatos.guard.locks.store import FOLDER_VARIABLE
from ategnatos.studio.comfyui import instances, processes
from ategnatos.studio.comfyui.processes import Ladder
from tests.waiting import LONG_SECONDS

MARKS = ("nodes.py", "execution.py", "folder_paths.py", "server.py")

# Below the ports that systems hand out to connections (Linux from 32768, macOS from 49152), so
# that nobody is given one of these between the look and its use.
PORTS = range(20_000, 30_000)

MakeComfyUI = Callable[..., Path]
Serve = Callable[[Callable[[BaseHTTPRequestHandler], None]], int]


def make_comfyui(folder: Path, **behaviour: Any) -> Path:
    """A ComfyUI of this behaviour in ``folder``."""
    (folder / "comfy").mkdir(parents=True)
    (folder / "models" / "checkpoints").mkdir(parents=True)
    (folder / "custom_nodes").mkdir()
    for mark in MARKS:
        (folder / mark).write_text("")
    shutil.copy(Path(__file__).parent / "fake_main.py", folder / "main.py")
    (folder / "comfyui_version.py").write_text('# made by a build\n__version__ = "0.3.64"\n')
    (folder / "behaviour.json").write_text(json.dumps(behaviour))
    python = folder / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    return folder


def free_port() -> int:
    """A port that nobody listens on and that no connection is given by chance."""
    chance = random.SystemRandom()
    while True:
        port = chance.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def ladder(*unheard: signal.Signals) -> Ladder:
    """Signals in turn: those that are ignored get a moment, the others as long as it takes."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    return [(number, 0.3 if number in unheard else LONG_SECONDS) for number in numbers]


@pytest.fixture
def comfyui(tmp_path: Path) -> MakeComfyUI:
    """``comfyui(start_seconds=1, ignore=["SIGINT"])``: its folder."""
    return lambda **behaviour: make_comfyui(tmp_path / "ComfyUI", **behaviour)


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home, a state folder and a tmux of this test's own; nothing it started outlives it."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv(instances.ENVIRONMENT, str(tmp_path / "state"))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "locks"))
    monkeypatch.setenv("TMUX_TMPDIR", str(home))
    monkeypatch.delenv("TMUX", raising=False)
    yield
    for one in instances.everything():
        processes.end(one.identity, ladder=((signal.SIGKILL, LONG_SECONDS),))


@pytest.fixture
def port() -> int:
    """A free port."""
    return free_port()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """``serve(answer)``: a loopback HTTP server whose GET is ``answer(handler)``; its port."""
    running: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[BaseHTTPRequestHandler], None]) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, *_: object) -> None:
                """Silent."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        running.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return int(server.server_address[1])

    yield start
    for server in running:
        server.shutdown()
        server.server_close()
