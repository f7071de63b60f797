"""Replays a recorded websocket transcript to a client, with its timing, frames and losses.

The recording decides what is said and when; the ids in it become those of the client. Where a
connection was lost in the recording, it is reset; where the server was killed, nothing listens
until it was started again. HTTP answers what the server knew at that moment: a run is in the
queue until its end mark, and in the history after it.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from typing import Any

from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.comfyui import recordings
from tests.comfyui.wire import Wire

_FRAMES = {
    (1, 1): "event 1, preview of a sampler (JPEG)",
    (1, 2): "event 1, final image of SaveImageWebsocket (PNG)",
    (3, None): "event 3, text",
    (4, None): "event 4, preview with metadata (JPEG)",
}


class Replay:
    """One transcript. ``speed`` 4 plays it four times as fast as it was recorded.

    ``wire`` is set by whoever serves it, so that connections can be lost.
    """

    def __init__(self, name: str, *, speed: float = 1.0, watched: str | None = None) -> None:
        self.lines = [line for line in recordings.transcript(name) if _concerns(line, watched)]
        self.speed = speed
        self.wire: Wire
        self.recorded = [line["response"]["prompt_id"] for line in self._posts()]
        self.posted: list[str] = []
        self.client_id = ""
        self.connections: list[WebSocket] = []
        self.ended: set[str] = set()
        self.forgotten = False
        self._playing: asyncio.Task[None] | None = None

    def _posts(self) -> Iterator[dict[str, Any]]:
        for line in self.lines:
            answered = str(line.get("what", "")).startswith("POST /prompt")
            if answered and line.get("status", 200) == 200:
                yield line

    def graphs(self) -> list[dict[str, Any]]:
        """A graph for each prompt, with the nodes that the transcript speaks of."""
        return [self._graph(prompt_id) for prompt_id in self.recorded]

    def _graph(self, prompt_id: str) -> dict[str, Any]:
        nodes: dict[str, str] = {}
        for line in self.lines:
            data = _data(line)
            if data.get("prompt_id") != prompt_id:
                continue
            for node in [data.get("display_node"), *data.get("nodes", ())]:
                if isinstance(node, str):
                    nodes.setdefault(node, "Node")
            if _kind(line) == "executed" and data.get("output", {}).get("images"):
                nodes[data["display_node"]] = "SaveImage"
            if data.get("node_type"):
                nodes[data["node_id"]] = data["node_type"]
        if any(line.get("image_type") == 2 for line in self.lines):
            nodes["2"] = "SaveImageWebsocket"
        others = [node for node, kind in nodes.items() if not kind.startswith("Save")]
        return {
            node: {
                "class_type": kind,
                "inputs": {f"in{i}": [other, 0] for i, other in enumerate(others)}
                if kind.startswith("Save")
                else {},
            }
            for node, kind in nodes.items()
        }

    def application(self) -> Any:
        return Starlette(
            routes=[
                Route("/api/prompt", self._prompt, methods=["POST"]),
                Route("/api/queue", self._queue, methods=["GET", "POST"]),
                Route("/api/interrupt", self._nothing, methods=["POST"]),
                Route("/api/history/{prompt_id}", self._history),
                Route("/api/object_info/{name}", self._nothing),
                Route("/api/object_info", self._nothing),
                Route("/api/view", self._view),
                WebSocketRoute("/api/ws", self._socket),
            ]
        )

    # --- what is said over the socket -----------------------------------------------------------

    async def _play(self) -> None:
        """Everything after the first POST, at its time."""
        loop = asyncio.get_running_loop()
        first = next(line["t"] for line in self.lines if self._is_post(line))
        began = loop.time()
        labels = list(dict.fromkeys(line.get("client") for line in self.lines if "client" in line))
        for line in [line for line in self.lines if line["t"] >= first and not self._is_post(line)]:
            await asyncio.sleep(max(0.0, began + (line["t"] - first) / self.speed - loop.time()))
            label = line.get("client")
            connection = labels.index(label) if label in labels and len(labels) > 1 else 0
            if line["dir"] == "mark":
                await self._happen(line, connection)
            elif line["dir"] == "server->client":
                await self._say(line, connection)
        if self.wire.listening is False:
            await self.wire.listen()

    async def _say(self, line: dict[str, Any], connection: int) -> None:
        data = _data(line)
        # The server has written the history by the time it sends the end mark.
        if _kind(line) == "executing" and data.get("node") is None and data.get("prompt_id"):
            self.ended.add(data["prompt_id"])
        if connection >= len(self.connections):
            return
        socket = self.connections[-1] if connection else self.connections[0]
        try:
            if line["kind"] == "binary":
                await socket.send_bytes(self._frame(line))
            else:
                await socket.send_text(self._renamed(json.dumps(line["message"])))
        except (RuntimeError, WebSocketDisconnect, OSError):
            pass

    async def _happen(self, line: dict[str, Any], connection: int) -> None:
        what = str(line["what"])
        if "SIGKILL" in what or "SIGTERM" in what:
            self.forgotten = True
            await self.wire.refuse()
        elif what.startswith("server started again"):
            await self.wire.listen()
        elif what.startswith("GET /history/{prompt_id}") and not self.forgotten:
            self.ended |= set(self.recorded)
        elif what == "socket closed" and self._comes_more(line):
            await self.wire.cut()

    def _comes_more(self, line: dict[str, Any]) -> bool:
        """Whether the connection was lost rather than closed at the end."""
        label = line.get("client")
        if label is None or "first" not in label:
            return False
        return any(
            later["t"] > line["t"] and "second" in later.get("client", "") for later in self.lines
        )

    def _frame(self, line: dict[str, Any]) -> bytes:
        name = _FRAMES[(line["event_type"], line.get("image_type"))]
        frame = recordings.frame(name)
        if line["event_type"] == 4:
            facts = json.dumps({**line["metadata"], "prompt_id": self.posted[0]}).encode()
            start = 8 + int.from_bytes(frame[4:8], "big")
            return frame[:4] + len(facts).to_bytes(4, "big") + facts + frame[start:]
        return frame

    def _renamed(self, text: str) -> str:
        for old, new in zip(self.recorded, self.posted, strict=False):
            text = text.replace(old, new)
        return text.replace('"client-a"', json.dumps(self.client_id))

    def _is_post(self, line: dict[str, Any]) -> bool:
        return str(line.get("what", "")).startswith("POST /prompt")

    # --- HTTP -----------------------------------------------------------------------------------

    async def _socket(self, socket: WebSocket) -> None:
        await socket.accept()
        self.connections.append(socket)
        self.client_id = socket.query_params["clientId"]
        status = {"status": {"exec_info": {"queue_remaining": 0}}, "sid": self.client_id}
        await socket.send_text(json.dumps({"type": "status", "data": status}))
        try:
            while True:
                await socket.receive_text()
        except (WebSocketDisconnect, RuntimeError):
            pass

    async def _prompt(self, request: Request) -> Response:
        body = await request.json()
        refused = [line for line in self.lines if self._is_post(line) and line.get("status") == 400]
        if refused:
            return JSONResponse(refused[0]["response"], 400)
        self.posted.append(body["prompt_id"])
        if len(self.posted) == len(self.recorded):
            self._playing = asyncio.create_task(self._play())
        return JSONResponse({"prompt_id": body["prompt_id"], "number": 1, "node_errors": {}})

    async def _queue(self, request: Request) -> Response:
        if self.forgotten or request.method == "POST":
            return JSONResponse({"queue_running": [], "queue_pending": []})
        under_way = [
            [number, mine, {}, {}, []]
            for number, (theirs, mine) in enumerate(zip(self.recorded, self.posted, strict=False))
            if theirs not in self.ended
        ]
        return JSONResponse({"queue_running": under_way[:1], "queue_pending": under_way[1:]})

    async def _history(self, request: Request) -> Response:
        mine = request.path_params["prompt_id"]
        theirs = dict(zip(self.posted, self.recorded, strict=False)).get(mine)
        if self.forgotten or theirs not in self.ended:
            return JSONResponse({})
        outputs, messages = {}, []
        for line in self.lines:
            data = _data(line)
            if data.get("prompt_id") != theirs:
                continue
            if _kind(line) == "executed":
                outputs[data["display_node"]] = data["output"]
            elif _kind(line).startswith("execution_"):
                messages.append([_kind(line), data])
        if not outputs and any("second" in line.get("client", "") for line in self.lines):
            # What the client was not connected to hear; the recording shows the status only.
            outputs["2"] = {"images": [{"filename": "missed_00001_.png", "subfolder": ""}]}
        kinds = {message[0] for message in messages}
        bad = kinds & {"execution_error", "execution_interrupted"}
        status = {"status_str": "error" if bad else "success", "messages": messages}
        return JSONResponse({mine: {"outputs": outputs, "status": status}})

    async def _nothing(self, request: Request) -> Response:
        return JSONResponse({})

    async def _view(self, request: Request) -> Response:
        data = io.BytesIO()
        Image.new("RGB", (16, 16), "teal").save(data, "PNG")
        return Response(data.getvalue(), media_type="image/png")


def _concerns(line: dict[str, Any], watched: str | None) -> bool:
    return watched is None or line.get("client", watched) == watched


def _message(line: dict[str, Any]) -> dict[str, Any]:
    message = line.get("message")
    return message if isinstance(message, dict) else {}


def _data(line: dict[str, Any]) -> dict[str, Any]:
    data = _message(line).get("data")
    return data if isinstance(data, dict) else {}


def _kind(line: dict[str, Any]) -> str:
    return str(_message(line).get("type", ""))
