"""A loopback server in a thread of its own, behind a wire that a test can cut.

The wire is a plain TCP relay: it can reset every connection, fall silent without closing
anything (a half-open connection), refuse new ones, or break off after so many bytes of an
answer. What the client sees is then what it would see on a real network.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import uvicorn

App = Callable[[Any, Any, Any], Awaitable[None]]
START_SECONDS = 20.0


class Wire:
    """The relay: ``port`` is where clients connect, ``target`` where the server listens."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.silent = False
        self.break_after: int | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def listening(self) -> bool:
        return self._server is not None

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """New connections are refused, standing ones reset."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self.cut()

    async def cut(self) -> None:
        """Reset every connection: no close frame, no end of stream."""
        for writer in list(self._writers):
            reset(writer)
        for task in list(self._tasks):
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, there_writer}
        one = asyncio.create_task(self._copy(reader, there_writer, counted=False))
        two = asyncio.create_task(self._copy(there_reader, writer, counted=True))
        self._tasks |= {one, two}
        await asyncio.wait({one, two})
        self._tasks -= {one, two}
        self._writers -= {writer, there_writer}
        for end in (writer, there_writer):
            end.close()

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool
    ) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                if self.silent:
                    continue
                if counted and self.break_after is not None:
                    data, rest = data[: self.break_after], data[self.break_after :]
                    self.break_after -= len(data)
                    writer.write(data)
                    if rest or not self.break_after:
                        await writer.drain()
                        self.break_after = None
                        reset(writer)
                        return
                    continue
                writer.write(data)
                await writer.drain()
            if not self.silent:
                writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN, as a killed process or a lost route does."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Loopback:
    """``with Loopback(app) as server``: serves ``app`` at ``server.url`` until the block ends."""

    def __init__(self, app: App, *, port: int = 0) -> None:
        self.app = app
        self._port = port
        self.wire: Wire
        self.direct = 0
        self.loop: asyncio.AbstractEventLoop
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        """The address through the wire."""
        return f"http://127.0.0.1:{self.wire.port}"

    def __enter__(self) -> Loopback:
        self._thread.start()
        assert self._ready.wait(START_SECONDS), "the loopback server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self.wire.refuse())
        self._uvicorn.should_exit = True
        self._uvicorn.force_exit = True
        self._thread.join(START_SECONDS)
        assert not self._thread.is_alive(), "the loopback server did not stop"

    def do(self, work: Awaitable[Any]) -> Any:
        """Run a coroutine in the server's thread and wait for it."""

        async def wrapped() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(wrapped(), self.loop).result(START_SECONDS)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self._port))
        self.direct = listening.getsockname()[1]
        self.wire = Wire(self.direct)
        await self.wire.listen()
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                self.app,
                log_level="critical",
                lifespan="off",
                ws="websockets-sansio",
                ws_max_size=2**31,
                ws_ping_interval=None,
                timeout_graceful_shutdown=1,
            )
        )
        serving = asyncio.create_task(self._uvicorn.serve(sockets=[listening]))
        while not self._uvicorn.started and not serving.done():
            await asyncio.sleep(0.005)
        self._ready.set()
        await serving
