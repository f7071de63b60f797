"""One real refusal for every error code of the life of a ComfyUI server."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import patch

from ategnatos.guard.locks.store import FOLDER_VARIABLE
from ategnatos.guard.values.urls import parse_url
from ategnatos.studio.comfyui import (
    check,
    comfy_cli,
    flags,
    installs,
    instances,
    packs,
    processes,
    start,
    stop,
)
from ategnatos.studio.gpu import Found
from tests.studio.comfyui.conftest import free_port, make_comfyui


@contextmanager
def _machine(folder: Path) -> Iterator[None]:
    own = {
        "HOME": str(folder),
        instances.ENVIRONMENT: str(folder / "state"),
        FOLDER_VARIABLE: str(folder / "locks"),
        "PATH": str(folder / "bin"),
    }
    with patch.dict(os.environ, own):
        try:
            yield
        finally:
            for one in instances.everything():
                processes.end(one.identity, ladder=((signal.SIGKILL, 5.0),))


def _begin(folder: Path, port: int, patience: float, **behaviour: object) -> None:
    comfyui = make_comfyui(folder / "ComfyUI", **behaviour)
    start.start(
        start.command_line(installs.one(comfyui), ["--port", str(port)]),
        folder=comfyui,
        port=port,
        patience=patience,
        tmux=False,
        now=lambda: datetime(2026, 11, 20, tzinfo=UTC),
        say=lambda _: None,
    )


def _end(port: int) -> None:
    stop.stop(port, anyone=False, force=False, say=lambda _: None)


def comfyui_unsafe(folder: Path) -> None:
    refusal = check.check(parse_url("http://203.0.113.5:8188")).refusal()
    assert refusal is not None
    raise refusal


def comfyui_missing(folder: Path) -> None:
    with _machine(folder):
        installs.one()


def comfyui_folder(folder: Path) -> None:
    installs.one(folder)


def flag_refused(folder: Path) -> None:
    flags.plan(Found(), port=8188, extra=["--listen=0.0.0.0"])


def port_taken(folder: Path) -> None:
    class Other(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Silent."""

    with _machine(folder), ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            _begin(folder, server.server_address[1], 5)
        finally:
            server.shutdown()


def comfyui_died(folder: Path) -> None:
    with _machine(folder):
        _begin(folder, free_port(), 20, die="No module named 'einops'")


def comfyui_slow(folder: Path) -> None:
    with _machine(folder):
        _begin(folder, free_port(), 0.1, start_seconds=30)


def comfyui_not_startable(folder: Path) -> None:
    comfyui = make_comfyui(folder / "ComfyUI")
    (comfyui / "venv" / "bin" / "python").unlink()
    start.command_line(installs.one(comfyui), [])


def server_not_ours(folder: Path) -> None:
    with _machine(folder), socket.create_server(("127.0.0.1", 0)) as other:
        threading.Thread(target=lambda: other.accept()[0].close(), daemon=True).start()
        _end(other.getsockname()[1])


def server_at_work(folder: Path) -> None:
    port = free_port()
    with _machine(folder):
        _begin(folder, port, 20, queue=1)
        _end(port)


def stop_failed(folder: Path) -> None:
    port = free_port()
    with _machine(folder):
        _begin(folder, port, 20)
        stop.stop(port, anyone=False, force=False, say=lambda _: None, ladder=())


def comfy_cli_missing(folder: Path) -> None:
    with _machine(folder), patch.object(sys, "executable", str(folder / "python")):
        comfy_cli.run(["which"], workspace=None, patience=5)


def comfy_cli_failed(folder: Path) -> None:
    program = folder / "bin" / "comfy"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'No space left on device' >&2\nexit 1\n")
    program.chmod(0o755)
    with _machine(folder):
        comfy_cli.run(["update", "comfy"], workspace=folder, patience=20)


def pack_invalid(folder: Path) -> None:
    packs.checked_name("--channel")


CASES: dict[str, Callable[[Path], None]] = {
    "comfyui_unsafe": comfyui_unsafe,
    "comfyui_missing": comfyui_missing,
    "comfyui_folder": comfyui_folder,
    "flag_refused": flag_refused,
    "port_taken": port_taken,
    "comfyui_died": comfyui_died,
    "comfyui_slow": comfyui_slow,
    "comfyui_not_startable": comfyui_not_startable,
    "server_not_ours": server_not_ours,
    "server_at_work": server_at_work,
    "stop_failed": stop_failed,
    "comfy_cli_missing": comfy_cli_missing,
    "comfy_cli_failed": comfy_cli_failed,
    "pack_invalid": pack_invalid,
}
