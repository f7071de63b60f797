"""What ComfyUI's own editor would send: its ``graphToPrompt`` in headless Chromium.

The editor comes from PyPI (``comfyui-frontend-package``) and is served from this machine with
the answers that it asks a server for; nothing outside is reached. Its worth is that of the node
definitions it is given, so these are handed in.
"""

from __future__ import annotations

import json
import mimetypes
import shutil
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlparse

# A fresh page now and then: the editor keeps what it opened.
PAGE_FOR = 60
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_READY = "() => window.app && window.app.graph && window.app.extensionManager"
_CONVERT = """async (ui) => {
  try {
    await app.loadGraphData(ui, true, false, null, {});
    return {graph: (await app.graphToPrompt()).output};
  } catch (error) { return {error: String(error)}; }
}"""
_SYSTEM = {
    "os": "linux",
    "comfyui_version": "0.38.1",
    "python_version": "3.11",
    "pytorch_version": "2",
    "embedded_python": False,
    "argv": [],
    "ram_total": 1,
    "ram_free": 1,
}
_ANSWERS: dict[str, Any] = {
    "/system_stats": {"system": _SYSTEM, "devices": []},
    "/users": {"storage": "server", "migrated": True},
    "/settings": {
        "Comfy.TutorialCompleted": True,
        "Comfy.Workflow.ShowMissingNodesWarning": False,
        "Comfy.Workflow.ShowMissingModelsWarning": False,
    },
    "/extensions": [],
    "/embeddings": [],
    "/i18n": {},
    "/features": {},
    "/queue": {"queue_running": [], "queue_pending": []},
    "/history": {},
    "/jobs": {"jobs": []},
    "/prompt": {"exec_info": {"queue_remaining": 0}},
    "/experiment/models": [],
    "/userdata": [],
    "/v2/userdata": [],
    "/workflow_templates": {},
}


def missing() -> str:
    """What is needed and not there, or an empty text."""
    if find_spec("comfyui_frontend_package") is None:
        return "pip install comfyui-frontend-package"
    if find_spec("playwright") is None:
        return "pip install playwright"
    return "" if _chromium() else "install Chromium (apt-get install chromium)"


def graphs(
    workflows: Iterable[tuple[str, dict[str, Any]]],
    object_info: dict[str, Any],
    progress: Callable[[str], None],
) -> dict[str, dict[str, Any]]:
    """``{"graph": ...}`` or ``{"error": ...}`` for each workflow, as the editor answers."""
    from playwright.sync_api import Error, sync_playwright

    server = _serve(object_info)
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    found: dict[str, dict[str, Any]] = {}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=_chromium(), headless=True, args=_FLAGS)

        def fresh() -> Any:
            page = browser.new_page()
            page.goto(address, wait_until="domcontentloaded")
            page.wait_for_function(_READY, timeout=120_000)
            return page

        page = fresh()
        for number, (name, ui) in enumerate(workflows, 1):
            if number % PAGE_FOR == 0:
                page.close()
                page = fresh()
                progress(f"{number} workflows")
            try:
                found[name] = page.evaluate(_CONVERT, ui)
            except Error as error:
                found[name] = {"error": str(error).splitlines()[0]}
                page.close()
                page = fresh()
        browser.close()
    server.shutdown()
    return found


def _chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")


def _serve(object_info: dict[str, Any]) -> ThreadingHTTPServer:
    spec = find_spec("comfyui_frontend_package")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(missing())
    home = Path(spec.submodule_search_locations[0]) / "static"
    answers = {**_ANSWERS, "/object_info": object_info}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = unquote(urlparse(self.path).path)
            if path.startswith("/api/"):
                answer = answers.get(path.removeprefix("/api"))
                status = 404 if answer is None else 200
                told = {} if answer is None else answer
                self._answer(status, json.dumps(told).encode(), "application/json")
                return
            file = (home / (path.lstrip("/") or "index.html")).resolve()
            if home.resolve() in file.parents and file.is_file():
                kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
                self._answer(200, file.read_bytes(), kind)
            else:
                self._answer(404, b"", "text/plain")

        do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(200, b"{}", "application/json")

        do_PUT = do_POST  # noqa: N815

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # the page was closed meanwhile

        def log_message(self, *_: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            return  # a page that is closed drops its connections

    server = Server(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server
