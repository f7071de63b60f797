"""A prompt under way with its files that are being fetched; what the prompts of a call share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.events import OnEvent
    from ategnatos.engines.comfyui.fetch import Place
    from ategnatos.engines.comfyui.following import Following
    from ategnatos.engines.comfyui.outputs import FileRef, Output


@dataclass(slots=True, eq=False)
class Journey:
    """One prompt. ``accepted`` is true once the server has said that it took it."""

    following: Following
    accepted: bool
    fetches: dict[FileRef, asyncio.Task[Output]]
    place: Place | None


@dataclass(slots=True)
class Batch:
    """What the prompts of one call share; what breaks one of them ends all."""

    on_event: OnEvent | None
    place: Place | None
    extra_data: dict[str, Any]
    journeys: list[Journey]

    def break_off(self, error: BaseException) -> None:
        """End every prompt of the call because of ``error``."""
        for journey in self.journeys:
            journey.following.break_off(error)


class Missing(Exception):  # noqa: N818 - leads to a second run
    """Outputs that the server cannot hand out: files gone, or pictures that the socket missed.

    ``nodes`` are those whose files are gone.
    """

    def __init__(self, text: str, nodes: frozenset[str]) -> None:
        super().__init__(text)
        self.nodes = nodes
