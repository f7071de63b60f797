"""Keeps one websocket open while prompts are on their way, and tells each what concerns it.

The socket is a convenience: it tells at once what HTTP would tell in a few seconds. It may
break, fall silent or never open; the client goes on by asking over HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from ategnatos.engines.comfyui.live import Socket, SocketClosed
from ategnatos.engines.comfyui.messages import NodeText, Picture, Told, read
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.address import Address
    from ategnatos.engines.comfyui.following import Following

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


class Listener:
    """One client id's socket. ``runs`` are the prompts under way, by id.

    ``on_change`` is called when the socket broke or came back: what it missed must be asked for.
    """

    def __init__(
        self,
        address: Address,
        client_id: str,
        runs: dict[str, Following],
        on_change: Callable[[], None],
    ) -> None:
        self._address = address
        self._client_id = client_id
        self._runs = runs
        self._on_change = on_change
        self._socket: Socket | None = None
        self._task: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        self.why_not = ""
        """Why there is no socket, where the server will never give one."""

    @property
    def connected(self) -> bool:
        """Whether a socket is open, as far as anybody knows."""
        return self._socket is not None

    async def ensure(self) -> None:
        """Have a socket, or know that there is none for now. Raises StudioError (sign-in)."""
        # What happened to the socket while nobody ran the loop becomes known in these turns.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if self._task is None or self._task.done():
            self._settled.clear()
            self._task = asyncio.create_task(self._keep())
        await self._settled.wait()
        if self._task.done():
            self._task.result()

    async def reopen(self) -> None:
        """Close the socket, so that a fresh one is opened: the server may have forgotten it."""
        if self._socket is not None:
            await self._socket.close()

    async def close(self) -> None:
        """Close the socket and stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError, StudioError):
                await self._task
        if self._socket is not None:
            await self._socket.close()
            self._socket = None

    async def _keep(self) -> None:
        """Connect, listen, and connect again for as long as a prompt is under way."""
        pause, first = _FIRST_PAUSE, True
        try:
            while first or self._runs:
                try:
                    self._socket = await Socket.open(self._address, self._client_id)
                except SocketClosed as closed:
                    self._settled.set()
                    if closed.permanent or first:
                        # The very first attempt: the POST that follows says what is wrong.
                        self.why_not = str(closed)
                    if closed.permanent:
                        return
                    first = False
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE)
                    continue
                self.why_not = ""
                self._settled.set()
                if not first:
                    self._on_change()
                first, pause = False, _FIRST_PAUSE
                await self._listen(self._socket)
        finally:
            self._settled.set()

    async def _listen(self, socket: Socket) -> None:
        try:
            while True:
                self._pass_on(await socket.receive())
        except SocketClosed:
            self._socket = None
            for run in self._runs.values():
                run.gap = True
                run.tell("reconnecting")
            self._on_change()

    def _pass_on(self, message: bytes) -> None:
        heard = read(message)
        if heard is None:
            return
        if isinstance(heard, Told):
            prompt_id = heard.data.get("prompt_id")
            if prompt_id is None and heard.kind == "executing" and heard.data.get("node"):
                # What a reconnect is told first: the node at work, not whose it is.
                for run in self._at_work():
                    run.hear(heard)
                return
            known = self._runs.get(str(prompt_id))
            if known is not None:
                known.hear(heard)
        elif isinstance(heard, Picture):
            for run in self._of(heard.prompt_id):
                run.hear_picture(heard)
        elif isinstance(heard, NodeText):
            for run in self._at_work():
                run.hear_text(heard)

    def _of(self, prompt_id: str | None) -> Iterable[Following]:
        if prompt_id is None:
            return self._at_work()
        run = self._runs.get(prompt_id)
        return () if run is None else (run,)

    def _at_work(self) -> list[Following]:
        """The prompt that runs now: a server runs one at a time."""
        return [run for run in self._runs.values() if run.running and not run.over][:1]
