"""A vendor that bills: over HTTP on the loopback interface, with every bad habit of real ones.

It keeps a till. It knows no idempotency: the same key twice is billed twice, so that whoever
sends twice is caught.
"""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

# How long an accepted request may stay invisible, in seconds.
SLOW_TO_SHOW = 0.35

HABITS = {
    "fair": 12,
    "slow": 3,  # made at once, answers late
    "late": 3,  # accepted, and made after a while
    "dropped": 3,  # made, and the connection cut before the answer
    "created500": 3,  # made, and answers with a server error
    "refused": 1,  # a definite no, nothing billed
    "broken": 1,  # a server error, nothing billed
}


class Vendor:
    """``bills`` counts what was billed under each key. ``mute``: it makes what is ordered, and
    never answers.
    """

    def __init__(self, seed: int, *, mute: bool = False) -> None:
        self._mute = mute
        self._closing = threading.Event()
        self.bills: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                vendor.serve(self, unquote(self.path[1:]))

            def do_GET(self) -> None:
                key = unquote(self.path[1:])
                made = vendor.bills[key] > 0
                self.answer(200 if made else 404, output(key) if made else b"")

            def answer(self, status: int, body: bytes) -> None:
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # who asked is dead: that is what this is about

            def log_message(self, *arguments: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # a client that was killed while it spoke

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def serve(self, handler: BaseHTTPRequestHandler, key: str) -> None:
        """Answer one order, in a mood."""
        with self._lock:
            habit = self._random.choices(list(HABITS), list(HABITS.values()))[0]
            wait = self._random.uniform(0, SLOW_TO_SHOW)
            self.seen[habit] += 1
        if habit in ("refused", "broken") and not self._mute:
            handler.answer(402 if habit == "refused" else 503, b"")  # type: ignore[attr-defined]
            return
        if habit == "late":
            time.sleep(wait)
        with self._lock:
            self.bills[key] += 1
        if self._mute:
            self._closing.wait()
            return
        if habit == "slow":
            time.sleep(wait * 2)
        if habit == "dropped":
            handler.close_connection = True
            handler.connection.close()
            return
        handler.answer(  # type: ignore[attr-defined]
            500 if habit == "created500" else 200, output(key)
        )

    def close(self) -> None:
        """Stop serving."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()


def output(key: str) -> bytes:
    """What the vendor makes of an order: the same for the same key."""
    return hashlib.sha256(key.encode()).digest() * 64
