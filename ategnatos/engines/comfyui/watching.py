"""Asks over HTTP what became of prompts that the socket says nothing of.

Silence proves nothing: a server may have forgotten a socket, a connection may be half open. What
the server says over HTTP counts: as long as it works on a prompt, nobody gives up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from ategnatos.engines.comfyui.web import NoAnswer
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.following import Following
    from ategnatos.engines.comfyui.journey import Journey
    from ategnatos.engines.comfyui.listening import Listener
    from ategnatos.engines.comfyui.patience import Patience
    from ategnatos.engines.comfyui.watch import Sighting, Watch


class Watching:
    """Looks after ``journeys`` (by prompt id) for as long as there are any.

    ``silent`` makes the error for a server that stopped answering.
    """

    def __init__(
        self,
        watch: Watch,
        journeys: Mapping[str, Journey],
        patience: Patience,
        silent: Callable[[NoAnswer], StudioError],
    ) -> None:
        self._watch = watch
        self._journeys = journeys
        self._patience = patience
        self._silent = silent
        self._look_now = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._away_since: float | None = None

    def soon(self) -> None:
        """Something may have been missed: look without waiting."""
        self._look_now.set()

    def start(self, listener: Listener) -> None:
        """Begin, unless it is at it."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._keep(listener))

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _keep(self, listener: Listener) -> None:
        self._away_since = None
        healed = loop_time()
        while self._journeys:
            quiet = await self._quiet_ones(listener)
            if not quiet:
                continue
            try:
                sightings = await self._watch.look([run.prompt_id for run in quiet])
            except NoAnswer as silence:
                if self._away_too_long(silence):
                    self._break_all(self._silent(silence))
                    return
                await asyncio.sleep(self._patience.retry)
                continue
            except StudioError as error:
                self._break_all(error)
                return
            if self._away_since is not None:
                # Whoever answers now may be another server than the one that went.
                self._away_since = None
                self._watch.forget()
            for run in quiet:
                if not self._still_delivering(run, sightings[run.prompt_id], listener):
                    _take(run, sightings[run.prompt_id])
            if self._stuck(quiet) and loop_time() - healed > self._patience.heal:
                healed = loop_time()
                await listener.reopen()

    async def _quiet_ones(self, listener: Listener) -> list[Following]:
        """Wait until it is time to look, and say at what."""
        pause = self._patience.watch if listener.connected else self._patience.nearby
        at_once = True
        try:
            async with asyncio.timeout(pause):
                await self._look_now.wait()
            self._look_now.clear()
        except TimeoutError:
            at_once = not listener.connected or self._away_since is not None
        silent_for = 0.0 if at_once else pause
        return [
            journey.following
            for journey in self._journeys.values()
            if journey.accepted
            and not journey.following.over
            and loop_time() - journey.following.heard >= silent_for
        ]

    def _away_too_long(self, silence: NoAnswer) -> bool:
        self._away_since = self._away_since or loop_time()
        frozen = silence.why == "silent"
        limit = self._patience.frozen if frozen else self._patience.gone
        return loop_time() - self._away_since > limit

    def _stuck(self, runs: list[Following]) -> bool:
        """Whether a running prompt is silent for so long that the socket is suspect."""
        return any(
            run.running and not run.over and loop_time() - run.heard > self._patience.heal
            for run in runs
        )

    def _still_delivering(self, run: Following, sighting: Sighting, listener: Listener) -> bool:
        """Whether it is over and its pictures may be on their way: they come over the socket alone.

        HTTP is quicker than a socket with 6 MB in it. Where that stays silent, it is believed.
        """
        waits = listener.connected and not run.gap and run.delivers_over_socket
        if sighting.where != "over" or not waits:
            return False
        run.seen_over = run.seen_over or loop_time()
        return loop_time() - max(run.heard, run.seen_over) < self._patience.heal

    def _break_all(self, error: BaseException) -> None:
        for journey in self._journeys.values():
            journey.following.break_off(error)


def _take(run: Following, sighting: Sighting) -> None:
    if run.over:
        return
    if sighting.where == "over" and sighting.entry is not None:
        run.settle(sighting.entry)
    elif sighting.where == "nowhere":
        run.lose()
    elif sighting.where == "waiting":
        run.wait_in_queue(sighting.ahead)
    else:
        run.still_runs()


def loop_time() -> float:
    """The running loop's clock."""
    return asyncio.get_running_loop().time()
