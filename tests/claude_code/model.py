"""A scripted stand-in for the model's API on loopback: it says what the test wrote down.

It speaks the part of the Messages API that Claude Code uses (streaming and not, token counts) and
keeps every request, so that a test can look at what the client really sent.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Content = list[dict[str, Any]]
Turn = Content | Callable[[], Content]
"""What the model answers; a callable is called when its turn comes."""


_calls = itertools.count(1)


def tool(name: str, **wanted: Any) -> Content:
    """A turn in which the model calls one tool. No two calls share an id: the client matches
    results by it.
    """
    call = f"toolu_{name}_{next(_calls)}"
    return [{"type": "tool_use", "id": call, "name": name, "input": wanted}]


def said(text: str) -> Content:
    """A turn in which the model says something and calls nothing."""
    return [{"type": "text", "text": text}]


class Model:
    """``script`` is what the model answers, turn by turn; then it says "done".

    ``agents`` holds a script for each agent that the conversation sends, by its prompt.
    """

    def __init__(self, script: list[Turn], agents: dict[str, list[Turn]] | None = None) -> None:
        self.script = script
        self.agents = agents or {}
        self.requests: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Nothing on stderr."""

            def do_GET(self) -> None:
                self._send(404, b"{}", "application/json")

            def do_HEAD(self) -> None:
                self.do_GET()

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                asked = json.loads(self.rfile.read(length) or b"{}")
                if "count_tokens" in self.path:
                    self._send(200, b'{"input_tokens": 10}', "application/json")
                    return
                message = model.answer(asked)
                if asked.get("stream"):
                    self._send(200, streamed(message), "text/event-stream")
                else:
                    self._send(200, json.dumps(message).encode(), "application/json")

            def _send(self, status: int, data: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self.requests.append(asked)
            turn = said("done")
            script = self._script(asked)
            # Requests without tools are the client's own (a title, a summary).
            if asked.get("tools") and script:
                following = script.pop(0)
                turn = following() if callable(following) else following
        calls = any(piece["type"] == "tool_use" for piece in turn)
        return {
            "id": f"msg_{len(self.requests)}",
            "type": "message",
            "role": "assistant",
            "model": asked.get("model", "scripted"),
            "content": turn,
            "stop_reason": "tool_use" if calls else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }

    def _script(self, asked: dict[str, Any]) -> list[Turn]:
        """The script of whoever asks: an agent's first message holds its prompt."""
        first = json.dumps(asked.get("messages", [])[:1])
        return next((one for prompt, one in self.agents.items() if prompt in first), self.script)

    @property
    def heard(self) -> str:
        """Everything that the client sent, as one text."""
        return json.dumps(self.requests, ensure_ascii=False)


def streamed(message: dict[str, Any]) -> bytes:
    """``message`` as server-sent events."""
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}
    ]
    for index, piece in enumerate(message["content"]):
        if piece["type"] == "text":
            begun: dict[str, Any] = {"type": "text", "text": ""}
            delta = {"type": "text_delta", "text": piece["text"]}
        else:
            begun = {**piece, "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(piece["input"])}
        events += [
            {"type": "content_block_start", "index": index, "content_block": begun},
            {"type": "content_block_delta", "index": index, "delta": delta},
            {"type": "content_block_stop", "index": index},
        ]
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    events += [
        {"type": "message_delta", "delta": ending, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events
    ).encode()
