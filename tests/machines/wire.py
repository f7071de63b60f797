"""A loopback TCP proxy: a line that can be cut, silenced, closed and counted."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress


class Wire:
    """Forwards to ``target``. ``refuse`` closes each connection at once; ``cut_after`` ends the
    line after so many bytes from the far side (counted over the connection), once.
    ``silent`` lets nothing through and closes nothing. ``delay`` holds each piece back so many
    seconds, as a line to the other side of the world does.
    """

    def __init__(self, target: int, *, host: str = "127.0.0.1") -> None:
        self._target = target
        self.connections = 0
        self.refuse = 0
        self.cut_after: int | None = None
        self.cuts = 0
        self.silent = False
        self.delay = 0.0
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listening = socket.create_server((host, 0))
        self.port = int(self._listening.getsockname()[1])
        self._over = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Break every connection that stands, hard."""
        with self._lock:
            broken = list(self._open)
            self._open.clear()
        for one in broken:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """The end of the proxy."""
        self._over = True
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()
        self._thread.join(10)

    def _accept(self) -> None:
        while not self._over:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            if self.refuse:
                self.refuse -= 1
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target), timeout=30)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._open |= {near, far}
            for one, other, counted in ((near, far, False), (far, near, True)):
                threading.Thread(target=self._pump, args=(one, other, counted), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket, counted: bool) -> None:
        seen = 0
        with suppress(OSError):
            while data := one.recv(65536):
                seen += len(data)
                limit = self.cut_after
                if counted and limit is not None and seen >= limit:
                    self.cut_after = None
                    self.cuts += 1
                    break
                if self.delay:
                    time.sleep(self.delay)
                if not self.silent:
                    other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open -= {one, other}
        one.close()
