"""A program that listens on a machine: it says hello to whoever asks."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler


class Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *arguments: object) -> None:
        pass
