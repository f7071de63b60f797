"""A provider on the loopback interface: machines that exist, and answers that go wrong on demand.

The client is written as a real adapter is: what the server did not clearly say is unknown.
"""

from __future__ import annotations

import threading
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from ategnatos.guard.budget.teardown import Ending, Look, Outcome, Presence, Teardown


class Cloud:
    """``machines`` exist now. ``mood`` is how the server takes the next calls to end one:

    obey, refuse (409), forget (202, but the machine stays), drop (ends it and hangs up before
    the answer), silent (hangs up at once), slow (202, and the machine lingers for two looks).
    ``blind`` looks answer 503 before the list is honest again.
    """

    def __init__(self) -> None:
        self.machines: set[str] = set()
        self.mood = "obey"
        self.blind = 0
        self.linger = 0
        self.asked: list[str] = []
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            def do_DELETE(self) -> None:
                name = self.path.removeprefix("/machines/")
                cloud.asked.append(name)
                there = name in cloud.machines
                if cloud.mood in {"obey", "drop"}:
                    cloud.machines.discard(name)
                if cloud.mood in {"drop", "silent"}:
                    self.close_connection = True
                    self.connection.close()
                elif cloud.mood == "refuse":
                    self._answer(409)
                elif cloud.mood == "slow":
                    cloud.linger = 2
                    self._answer(202)
                else:
                    self._answer(202 if there else 404)

            def do_GET(self) -> None:
                name = self.path.removeprefix("/machines/")
                if cloud.blind:
                    cloud.blind -= 1
                    self._answer(503)
                    return
                if cloud.linger:
                    cloud.linger -= 1
                    if not cloud.linger:
                        cloud.machines.discard(name)
                self._answer(200 if name in cloud.machines else 404)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def __enter__(self) -> Cloud:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def find(self, provider: str) -> tuple[Teardown | None, str]:
        """What the entry point gives: this provider is called ``fake``."""
        if provider != "fake":
            return None, f"no provider called {provider!r} is installed"
        return CloudClient(self.port), ""


class CloudClient:
    """The adapter of :class:`Cloud`."""

    def __init__(self, port: int) -> None:
        self._port = port

    def terminate(self, resource: str) -> Ending:
        status = self._call("DELETE", resource)
        outcome = {
            202: Outcome.ACCEPTED,
            404: Outcome.ALREADY_GONE,
            409: Outcome.REFUSED,
        }.get(status, Outcome.UNKNOWN)
        return Ending(outcome, f"status {status}")

    def observe(self, resource: str) -> Look:
        status = self._call("GET", resource)
        presence = {200: Presence.PRESENT, 404: Presence.ABSENT}.get(status, Presence.UNKNOWN)
        return Look(presence, f"status {status}")

    def _call(self, method: str, resource: str) -> int:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request(method, f"/machines/{resource}")
            return connection.getresponse().status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()
