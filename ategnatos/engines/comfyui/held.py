"""The asynchronous client for callers that are not: one loop and its connections, kept open.

A call costs no thread and no new connection: the loop runs while a call is on, and stands still
between two. Ctrl-C cancels what runs, which stops it at the server, and passes through.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from ategnatos.engines.comfyui.address import Address
from ategnatos.engines.comfyui.client import Client
from ategnatos.engines.comfyui.patience import USUAL, Patience
from ategnatos.grimoire.errors import StudioError

T = TypeVar("T")


class Held:
    """A client for one address, made when it is first needed and closed with its owner."""

    def __init__(self, address: Address, patience: Patience = USUAL) -> None:
        self.address = address
        self._patience = patience
        self._busy = threading.Lock()
        self._open: list[tuple[asyncio.Runner, Client]] = []
        self._finalizer = weakref.finalize(self, _close_unowned, self._open)
        self._finalizer.atexit = False  # the process takes its connections with it

    def use(self, work: Callable[[Client], Awaitable[T]]) -> T:
        """Run ``work`` to its end and give what it returns or raises."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._here(work)
        # The caller runs a loop of its own, which cannot be entered twice: use another thread.
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self._once, work).result()

    def close(self) -> None:
        """Close the connections; the next use opens them again."""
        with self._busy:
            _close(self._open)

    def _here(self, work: Callable[[Client], Awaitable[T]]) -> T:
        if not self._busy.acquire(blocking=False):
            return self._once(work)  # another thread is at it
        try:
            if not self._open:
                runner = asyncio.Runner()
                runner.run(_nothing())
                self._open.append((runner, Client(self.address, patience=self._patience)))
            runner, client = self._open[0]

            async def working() -> T:
                return await work(client)

            return runner.run(working())
        finally:
            self._busy.release()

    def _once(self, work: Callable[[Client], Awaitable[T]]) -> T:
        async def working() -> T:
            async with Client(self.address, patience=self._patience) as client:
                return await work(client)

        return asyncio.run(working())


async def _nothing() -> None:
    """Makes a runner create its loop."""


def _close_unowned(held: list[tuple[asyncio.Runner, Client]]) -> None:
    """Close what nobody owns any more, without waiting for it.

    A collector calls this anywhere: inside of somebody's running loop, or in the middle of an
    import, whose lock the closing needs. Waiting there would be for ever.
    """
    if held:
        threading.Thread(target=_close_here, args=(held,), daemon=True).start()


def _close(held: list[tuple[asyncio.Runner, Client]]) -> None:
    """Close what is open, and wait for it."""
    if not held:
        return
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        _close_here(held)
        return
    closing = threading.Thread(target=_close_here, args=(held,))
    closing.start()
    closing.join()


def _close_here(held: list[tuple[asyncio.Runner, Client]]) -> None:
    while held:
        runner, client = held.pop()
        # Nobody is left to tell: the connections end with the process at the latest.
        with suppress(OSError, RuntimeError, StudioError):
            runner.run(client.close())
        with suppress(RuntimeError):
            runner.close()
