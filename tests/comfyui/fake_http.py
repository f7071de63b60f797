"""HTTP and websocket in front of the stateful fake: every route with and without /api."""

from __future__ import annotations

import json
import mimetypes
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.comfyui.fake import NEW, FakeComfyUI, Run

TROUBLE = "500 Internal Server Error\n\nServer got itself in trouble"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def application(fake: FakeComfyUI) -> Any:
    """The ASGI application of ``fake``."""
    routes = {
        "prompt": (_prompt, ["GET", "POST"]),
        "queue": (_queue, ["GET", "POST"]),
        "history": (_all_history, ["GET", "POST"]),
        "history/{prompt_id}": (_history, ["GET"]),
        "interrupt": (_interrupt, ["POST"]),
        "free": (_free, ["POST"]),
        "view": (_view, ["GET"]),
        "upload/image": (_upload, ["POST"]),
        "upload/mask": (_upload, ["POST"]),
        "system_stats": (_system_stats, ["GET"]),
        "features": (_features, ["GET"]),
        "experiment/models/{folder}": (_model_files, ["GET"]),
        "object_info": (_object_info, ["GET"]),
        "object_info/{node}": (_object_info, ["GET"]),
    }
    made: list[Any] = []
    for path, (handler, methods) in routes.items():
        made += [Route(start + path, handler, methods=methods) for start in ("/", "/api/")]
    if fake.line == NEW:
        made += [
            Route("/api/jobs", _jobs, methods=["GET"]),
            Route("/api/jobs/{prompt_id}", _job, methods=["GET"]),
            Route("/api/jobs/{prompt_id}/cancel", _cancel, methods=["POST"]),
        ]
    made += [WebSocketRoute("/ws", _socket), WebSocketRoute("/api/ws", _socket)]
    app = Starlette(routes=made)
    app.state.fake = fake

    async def guarded(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in {"http", "websocket"}:
            headers = {k.decode().lower(): v.decode("latin-1") for k, v in scope["headers"]}
            fake.requests.append((scope.get("method", "WS"), scope["path"], headers))
            canned = fake.answers.get(scope["path"].removeprefix("/api"))
            if canned is not None and scope["type"] == "http":
                await Response(canned[1], canned[0])(scope, receive, send)
                return
            if fake.sockets_refused and scope["type"] == "websocket":
                # Before it is accepted, this closes the handshake with HTTP 403.
                await send({"type": "websocket.close", "code": 1008})
                return
            if not origin_allowed(headers.get("host", ""), headers.get("origin")):
                if scope["type"] == "websocket":
                    await send({"type": "websocket.close", "code": 1008})
                else:
                    await Response(status_code=403)(scope, receive, send)
                return
        await app(scope, receive, send)

    return guarded


def origin_allowed(host: str, origin: str | None) -> bool:
    """The rule of 0.3.64: looked at only where Host is loopback; see origin recordings."""
    if not origin or not host:
        return True
    there, here = urlsplit(origin), urlsplit(f"//{host}")
    if not there.netloc or here.hostname not in LOOPBACK:
        return True
    if there.hostname != here.hostname:
        return False
    return there.port is None or here.port is None or there.port == here.port


def _fake(request: Request) -> FakeComfyUI:
    fake: FakeComfyUI = request.app.state.fake
    return fake


async def _prompt(request: Request) -> Response:
    fake = _fake(request)
    if request.method == "GET":
        return JSONResponse(fake.status()["status"])
    try:
        body = json.loads(await request.body())
        if isinstance(body, list):
            body = {}
        status, answer = await fake.enqueue(body)
    except (ValueError, AttributeError, TypeError, KeyError):
        return PlainTextResponse(TROUBLE, 500)
    if fake.drop_next_answer is not None:
        wire, fake.drop_next_answer = fake.drop_next_answer, None
        await wire.cut()
    return JSONResponse(answer, status)


async def _queue(request: Request) -> Response:
    fake = _fake(request)
    if request.method == "POST":
        body = await request.json()
        unwanted = set(body.get("delete", []))
        before = len(fake.pending)
        fake.pending = [
            run for run in fake.pending if run.prompt_id not in unwanted and not body.get("clear")
        ]
        if len(fake.pending) != before:
            await fake.broadcast_status()
        return Response()
    running = [] if fake.running is None else [fake.running.entry()]
    return JSONResponse(
        {"queue_running": running, "queue_pending": [run.entry() for run in fake.pending]}
    )


async def _history(request: Request) -> Response:
    prompt_id = request.path_params["prompt_id"]
    entry = _fake(request).history.get(prompt_id)
    return JSONResponse({} if entry is None else {prompt_id: entry})


async def _all_history(request: Request) -> Response:
    fake = _fake(request)
    if request.method == "POST":
        body = await request.json()
        for prompt_id in body.get("delete", []):
            fake.history.pop(prompt_id, None)
        if body.get("clear"):
            fake.history.clear()
        return Response()
    return JSONResponse(fake.history)


async def _interrupt(request: Request) -> Response:
    fake = _fake(request)
    body = await request.body()
    wanted = (json.loads(body) if body else {}).get("prompt_id")
    if fake.running is not None and wanted in (None, fake.running.prompt_id):
        fake.interrupting = True
    return Response()


async def _free(request: Request) -> Response:
    body = await request.json()
    if body.get("free_memory"):
        _fake(request).cache.clear()
    return Response()


async def _view(request: Request) -> Response:
    query = request.query_params
    name, folder = query.get("filename", ""), query.get("subfolder", "")
    if ".." in name or name.startswith("/"):
        return Response(status_code=400)
    if ".." in folder or folder.startswith("/"):
        return Response(status_code=403)
    data = _fake(request).files.get((query.get("type", "output"), folder, name))
    if data is None:
        return Response(status_code=404)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    quoted = {"Content-Disposition": 'filename="x"'}
    return Response(data, media_type=kind, headers=quoted)


async def _upload(request: Request) -> Response:
    fake = _fake(request)
    form = await request.form()
    file: Any = form.get("image")
    if file is None or not file.filename or "/" in file.filename:
        return PlainTextResponse(TROUBLE, 500)
    data = await file.read()
    kind, folder = str(form.get("type", "input")), str(form.get("subfolder", ""))
    stem, dot, suffix = file.filename.rpartition(".")
    name, count = file.filename, 0
    while form.get("overwrite") not in ("true", "1"):
        held = fake.files.get((kind, folder, name))
        if held is None or held == data:
            break
        count += 1
        name = f"{stem} ({count}){dot}{suffix}"
    fake.files[(kind, folder, name)] = data
    await form.close()
    return JSONResponse({"name": name, "subfolder": folder, "type": kind})


async def _system_stats(request: Request) -> Response:
    fake = _fake(request)
    system = {
        "os": "posix" if fake.line != NEW else "linux",
        "ram_total": 2**34,
        "ram_free": 2**33,
        "comfyui_version": fake.line,
        "python_version": "3.11.7",
        "pytorch_version": "2.13.0+cpu",
        "argv": ["main.py", "--cpu", "--listen", "127.0.0.1"],
    }
    device = {"name": "cpu", "type": "cpu", "index": None, "vram_total": 2**34, "vram_free": 2**33}
    return JSONResponse({"system": system, "devices": [device]})


async def _features(request: Request) -> Response:
    return JSONResponse({"supports_preview_metadata": True, "max_upload_size": 104857600})


async def _object_info(request: Request) -> Response:
    fake = _fake(request)
    node = request.path_params.get("node")
    if node is None:
        return JSONResponse(fake.object_info)
    return JSONResponse({node: fake.object_info[node]} if node in fake.object_info else {})


async def _model_files(request: Request) -> Response:
    found = _fake(request).model_files.get(request.path_params["folder"])
    return Response(status_code=404) if found is None else JSONResponse(found)


def _state_of(fake: FakeComfyUI, prompt_id: str) -> dict[str, Any] | None:
    def facts(run: Run, status: str) -> dict[str, Any]:
        return {"id": run.prompt_id, "status": status, "create_time": run.created}

    if fake.running is not None and fake.running.prompt_id == prompt_id:
        return facts(fake.running, "in_progress")
    for run in fake.pending:
        if run.prompt_id == prompt_id:
            return facts(run, "pending")
    entry = fake.history.get(prompt_id)
    if entry is None:
        return None
    events = [message[0] for message in entry["status"]["messages"]]
    status = "completed" if entry["status"]["status_str"] == "success" else "failed"
    if "execution_interrupted" in events:
        status = "cancelled"
    errors = [data for kind, data in entry["status"]["messages"] if kind == "execution_error"]
    return {
        "id": prompt_id,
        "status": status,
        "outputs": entry["outputs"],
        "execution_error": errors[0] if errors else None,
    }


async def _jobs(request: Request) -> Response:
    return JSONResponse({"jobs": [], "pagination": {"total": 0, "has_more": False}})


async def _job(request: Request) -> Response:
    found = _state_of(_fake(request), request.path_params["prompt_id"])
    if found is None:
        return JSONResponse({"error": "Job not found"}, 404)
    return JSONResponse(found)


async def _cancel(request: Request) -> Response:
    fake = _fake(request)
    prompt_id = request.path_params["prompt_id"]
    if fake.running is not None and fake.running.prompt_id == prompt_id:
        fake.interrupting = True
        return JSONResponse({"cancelled": True})
    before = len(fake.pending)
    fake.pending = [run for run in fake.pending if run.prompt_id != prompt_id]
    return JSONResponse({"cancelled": len(fake.pending) != before})


async def _socket(socket: WebSocket) -> None:
    fake: FakeComfyUI = socket.app.state.fake
    client = socket.query_params.get("clientId") or "minted-by-the-server"
    await socket.accept()
    fake.sockets[client] = socket
    first = {"type": "status", "data": fake.status() | {"sid": client}}
    await socket.send_text(json.dumps(first))
    if fake.running is not None and fake.running.client_id == client and fake.running.graph:
        # A reconnect is told the node, without the prompt it belongs to.
        node = next(iter(fake.running.graph))
        await socket.send_text(json.dumps({"type": "executing", "data": {"node": node}}))
    opening = True
    try:
        while True:
            text = await socket.receive_text()
            if opening and '"feature_flags"' in text:
                if json.loads(text)["data"].get("supports_preview_metadata"):
                    fake.metadata_wanted.add(client)
                flags = {"supports_preview_metadata": True, "max_upload_size": 104857600}
                await socket.send_text(json.dumps({"type": "feature_flags", "data": flags}))
            opening = False
    except (WebSocketDisconnect, RuntimeError, KeyError):
        pass
    finally:
        # As in the real server: whoever closes first takes the other one of that id along.
        fake.sockets.pop(client, None)
