"""One real refusal for every error code of model files and their download."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import patch

from filelock import FileLock

from ategnatos.commands.contract import Call
from ategnatos.commands.studio import models as commands
from ategnatos.commands.studio import models_download
from ategnatos.grimoire.project import Project
from ategnatos.guard.values import tensor_header as header
from ategnatos.guard.values.urls import parse_url
from ategnatos.studio.comfyui import instances
from ategnatos.studio.models import adding, download, places, sources
from ategnatos.studio.models.part import Wanted
from tests.studio.models.conftest import LORA, FileServer, safetensors


@contextmanager
def _server(folder: Path) -> Iterator[FileServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            files.answer(self)

        def log_message(self, *_: object) -> None:
            """Silent."""

    with (
        patch.dict(os.environ, {instances.ENVIRONMENT: str(folder / "state")}),
        ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server,
    ):
        files = FileServer(server.server_address[1], safetensors(LORA))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield files
        finally:
            server.shutdown()


def _get(server: FileServer, path: Path, *, reserve: int = 0, **more: str) -> None:
    manner = download.Manner(lambda url: None, patience=5, wait=0.1, pause=0.01, reserve=reserve)
    download.download(Wanted(parse_url(server.url), path, **more), manner)  # type: ignore[arg-type]


def download_not_model(folder: Path) -> None:
    with _server(folder) as server:
        server.data = b"<html>Log in</html>"
        _get(server, folder / "x.safetensors")


def download_damaged(folder: Path) -> None:
    with _server(folder) as server:
        _get(server, folder / "x.safetensors", sha256="0" * 64)


def download_cut(folder: Path) -> None:
    with _server(folder) as server:
        server.cuts = [0] * 10
        _get(server, folder / "x.safetensors")


def download_busy(folder: Path) -> None:
    import hashlib

    path = folder / "x.safetensors"
    with _server(folder) as server:
        key = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
        with FileLock(instances.home() / f"download-{key}.lock"):
            _get(server, path)


def model_exists(folder: Path) -> None:
    (folder / "x.safetensors").write_bytes(b"mine")
    with _server(folder) as server:
        _get(server, folder / "x.safetensors", sha256="0" * 64)


def no_space(folder: Path) -> None:
    with _server(folder) as server:
        _get(server, folder / "x.safetensors", reserve=1 << 60)


def redirect_refused(folder: Path) -> None:
    with _server(folder) as server:
        server.redirect = server.url
        _get(server, folder / "x.safetensors")


def download_refused(folder: Path) -> None:
    with _server(folder) as server:
        server.statuses = [403]
        _get(server, folder / "x.safetensors")


def url_token(folder: Path) -> None:
    sources.find("https://civitai.com/api/download/models/1?token=0123456789")


def model_unknown(folder: Path) -> None:
    sources.find("no-such-model")


def header_invalid(folder: Path) -> None:
    (folder / "x.safetensors").write_bytes(b"\xff" * 100)
    header.read_header(folder / "x.safetensors")


def no_models_folder(folder: Path) -> None:
    places.places(folder / "none", None, {})


def model_kind_unknown(folder: Path) -> None:
    places.folder_of("checkpoint-file")


def model_unusable(folder: Path) -> None:
    adding.add(Project.create(folder), folder / "none", adding.Said(), now=commands._now)


def model_not_listed(folder: Path) -> None:
    commands.where(Call("x", project_option=Project.create(folder).root), "none")


def models_differ(folder: Path) -> None:
    project = Project.create(folder)
    (folder / "x.safetensors").write_bytes(safetensors(LORA))
    adding.add(project, folder / "x.safetensors", adding.Said(), now=commands._now)
    (folder / "x.safetensors").unlink()
    failed = commands.verify(Call("x", quiet=True, project_option=folder)).failed
    assert failed is not None
    raise failed


def download_unclear(folder: Path) -> None:
    models_download.download(Call("x"), "https://example.com/x.safetensors", models=folder)


CASES: dict[str, Callable[[Path], None]] = {
    "download_not_model": download_not_model,
    "download_damaged": download_damaged,
    "download_cut": download_cut,
    "download_busy": download_busy,
    "model_exists": model_exists,
    "no_space": no_space,
    "redirect_refused": redirect_refused,
    "download_refused": download_refused,
    "url_token": url_token,
    "model_unknown": model_unknown,
    "header_invalid": header_invalid,
    "no_models_folder": no_models_folder,
    "model_kind_unknown": model_kind_unknown,
    "model_unusable": model_unusable,
    "model_not_listed": model_not_listed,
    "models_differ": models_differ,
    "download_unclear": download_unclear,
}
