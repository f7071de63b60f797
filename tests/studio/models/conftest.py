"""Model files of a few kilobytes with real headers, and a file server that lies on request."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ategnatos.guard.locks.store import FOLDER_VARIABLE
from ategnatos.studio.comfyui import instances

Shapes = Mapping[str, Sequence[int]]


def safetensors(shapes: Shapes, metadata: Mapping[str, str] | None = None) -> bytes:
    """A safetensors file of zeros in F16."""
    entries: dict[str, object] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    for name, shape in shapes.items():
        size = 2
        for side in shape:
            size *= side
        entries[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    header = json.dumps(entries).encode()
    return len(header).to_bytes(8, "little") + header + bytes(at)


LORA = {
    "lora_unet_down_blocks_0_attentions_0_attn2_to_k.lora_down.weight": (4, 768),
    "lora_unet_down_blocks_0_attentions_0_attn2_to_k.lora_up.weight": (320, 4),
}
TAGS = {"10_sks cat": {"sks cat": 12, "sitting": 4, "red hair": 12}}
METADATA = {
    "ss_base_model_version": "sd_v1",
    "ss_sd_model_name": "v1-5-pruned.safetensors",
    "ss_network_dim": "4",
    "ss_network_alpha": "1.0",
    "ss_num_train_images": "120",
    "ss_steps": "1500",
    "ss_learning_rate": "0.0001",
    "ss_tag_frequency": json.dumps(TAGS),
    "ss_dataset_dirs": json.dumps({"10_sks cat": {"n_repeats": 10, "img_count": 12}}),
    "ss_optimizer": "None",
}


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv(instances.ENVIRONMENT, str(tmp_path / "state"))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "locks"))
    for name in ("HF_TOKEN", "CIVITAI_TOKEN", "HUGGING_FACE_HUB_TOKEN", "CIVITAI_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@dataclass
class FileServer:
    """Serves ``data`` at every path. What it does wrong is set on it, request by request.

    ``cuts``: bytes after which the connection breaks, one entry a request (None: does not).
    """

    port: int
    data: bytes = b""
    etag: str = '"v1"'
    cuts: list[int | None] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    ignore_range: bool = False
    ignore_if_range: bool = False
    claim: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    redirect: str = ""
    before: Callable[[BaseHTTPRequestHandler], None] = lambda handler: None
    slow: threading.Event | None = None
    seen: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/file.safetensors"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.seen.append({k.lower(): v for k, v in handler.headers.items()})
        self.before(handler)
        if self.redirect:
            return self._head(handler, 302, {"Location": self.redirect})
        if self.statuses and (status := self.statuses.pop(0)) != 200:
            return self._head(handler, status, {})
        start, headers = 0, {"ETag": self.etag, **self.headers} if self.etag else self.headers
        asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
        current = self.ignore_if_range or handler.headers.get("If-Range") == self.etag
        body = self.data
        if asked and not self.ignore_range and current:
            start = int(asked[1])
            if start >= len(body):
                return self._head(handler, 416, {"Content-Range": f"bytes */{len(body)}"})
            body = body[start:]
            span = f"bytes {start}-{len(self.data) - 1}/{len(self.data)}"
            headers = {**headers, "Content-Range": span}
        claim = len(body) if self.claim is None else self.claim
        self._head(handler, 206 if start else 200, {**headers, "Content-Length": str(claim)})
        cut = self.cuts.pop(0) if self.cuts else None
        try:
            self._send(handler, body if cut is None else body[:cut])
        except OSError:
            return None
        if cut is not None or claim > len(body):
            handler.wfile.flush()
            handler.connection.shutdown(2)
        return None

    def _send(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        if self.slow is None:
            handler.wfile.write(body)
            return
        for place in range(len(body)):
            handler.wfile.write(body[place : place + 1])
            if self.slow.wait(0.02):
                return

    def _head(
        self, handler: BaseHTTPRequestHandler, status: int, headers: Mapping[str, str]
    ) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if "Content-Length" not in headers:
            handler.send_header("Content-Length", "0")
        handler.end_headers()


@pytest.fixture
def servers() -> Iterator[Callable[[], FileServer]]:
    """``servers()``: one more file server on loopback."""
    running: list[ThreadingHTTPServer] = []

    def start() -> FileServer:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.close_connection = True
                files.answer(self)

            def log_message(self, *_: object) -> None:
                """Silent."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        files = FileServer(server.server_address[1])
        running.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return files

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def server(servers: Callable[[], FileServer]) -> FileServer:
    """A file server with a small LoRA."""
    one = servers()
    one.data = safetensors(LORA, METADATA)
    return one
