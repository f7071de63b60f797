"""From a prompt that is over to what it left, whole: files, pictures of the socket, texts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.engines.comfyui import faults
from ategnatos.engines.comfyui.fetch import Gone, Place, verified
from ategnatos.engines.comfyui.journey import Journey, Missing
from ategnatos.engines.comfyui.link import stopped_answering
from ategnatos.engines.comfyui.outputs import FileRef, Output
from ategnatos.engines.comfyui.web import NoAnswer

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.following import Following
    from ategnatos.engines.comfyui.listening import Listener
    from ategnatos.engines.comfyui.watch import Watch


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run left. ``outputs`` are verified files; ``texts`` lines by node.

    ``cached`` tells whether nothing was computed anew; ``warnings`` are for people.
    """

    prompt_id: str
    outputs: tuple[Output, ...]
    texts: dict[str, list[str]]
    cached: bool
    warnings: tuple[str, ...] = ()


class Bringing:
    """Brings what journeys left at one server, called ``server`` in errors."""

    def __init__(self, server: str, watch: Watch, listener: Listener) -> None:
        self._server = server
        self._watch = watch
        self._listener = listener

    async def bring(self, journey: Journey) -> Finished:
        """Wait for the end, and for the files. Raises Missing, StudioError."""
        following = journey.following
        while not following.over and following.broke is None:
            following.changed.clear()
            await following.changed.wait()
        if following.broke is not None:
            raise following.broke
        if following.lost:
            raise faults.lost(following)
        if following.gap:
            await self._complete(following)
        if following.fault is not None:
            raise faults.fault(following, *following.fault)
        for node in following.undelivered():
            raise Missing(following.title(node), frozenset())
        outputs = await self._fetched(journey)
        outputs += self._from_socket(following, journey.place)
        silent = following.silent_outputs()
        if not outputs and not following.lines:
            raise faults.nothing_made(following, silent)
        following.tell("ended")
        return Finished(
            following.prompt_id,
            tuple(outputs),
            following.lines,
            cached=set(following.graph) <= following.cached,
            warnings=(
                *faults.left_out(following, silent),
                *faults.unverified(outputs),
                *self._socket_warning(),
            ),
        )

    async def _fetched(self, journey: Journey) -> list[Output]:
        """The files in the order they were named. Raises Missing for those that are gone."""
        refs = list(journey.following.files)
        brought = await asyncio.gather(
            *(journey.fetches[ref] for ref in refs), return_exceptions=True
        )
        gone = [one.ref for one in brought if isinstance(one, Gone)]
        if gone:
            names = ", ".join(ref.filename for ref in gone)
            raise Missing(names, frozenset(ref.node for ref in gone))
        outputs = []
        for one in brought:
            if isinstance(one, BaseException):
                raise one
            outputs.append(one)
        return outputs

    async def _complete(self, following: Following) -> None:
        """Add from the history what the socket did not tell."""
        try:
            sighting = (await self._watch.look([following.prompt_id]))[following.prompt_id]
        except NoAnswer as silence:
            raise stopped_answering(self._server, silence) from silence
        if sighting.entry is not None:
            following.settle(sighting.entry)

    def _socket_warning(self) -> list[str]:
        if self._listener.connected or not self._listener.why_not:
            return []
        return [
            f"No websocket could be opened ({self._listener.why_not}), so there was no progress "
            "to show; the result is complete."
        ]

    def _from_socket(self, following: Following, place: Place | None) -> list[Output]:
        return [
            verified(
                FileRef(node, "socket", f"socket_{index:05}.png", "", "socket"), picture.data, place
            )
            for index, (node, picture) in enumerate(following.over_socket, 1)
        ]
