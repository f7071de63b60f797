"""What a person sees of runs under way: one rising count over all pictures, and a line of words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.engines import Progress, ProgressCallback, Request

if TYPE_CHECKING:
    from ategnatos.engines.comfyui.events import Event

_PREVIEW_PAUSE = 0.25  # seconds between two previews on disk


class Showing:
    """Turns the events of all prompts of one request into progress that never falls.

    A picture counts as many units as it has steps, or 100 where nobody says how many.
    """

    def __init__(
        self,
        exact: Request,
        on_progress: ProgressCallback | None,
        preview: Path | None,
        now: Callable[[], float],
    ) -> None:
        self._units = exact.steps or 100
        self._count = exact.count
        self._on_progress = on_progress
        self._preview = preview
        self._now = now
        self._shares: dict[str, float] = {}
        self._done = 0
        self._previewed = 0.0

    def hear(self, event: Event) -> None:
        """Take an event of any of the prompts."""
        if event.picture is not None:
            self._keep_preview(event.picture)
        if event.what == "ended":
            self._shares[event.prompt_id] = 1.0
        elif event.nodes:
            within = event.step / event.steps if event.steps else 0.0
            share = min(1.0, (event.nodes_done + within) / event.nodes)
            # Until a picture is in hand it is not done.
            before = self._shares.get(event.prompt_id, 0.0)
            self._shares[event.prompt_id] = max(before, min(share, 0.99))
        if event.what != "preview":
            self._tell(_words(event, len(self._shares), self._count))

    def say(self, text: str) -> None:
        """Words without progress."""
        self._tell(text)

    def end(self) -> None:
        """All of it is done."""
        total = self._units * self._count
        if self._on_progress is not None:
            self._on_progress(Progress(total, total, "done"))

    def _tell(self, words: str) -> None:
        if self._on_progress is None:
            return
        total = self._units * self._count
        # The last of it is kept for the end, which comes when every picture is whole.
        done = min(int(sum(self._shares.values()) * self._units), total - 1)
        self._done = max(self._done, done, 0)
        self._on_progress(Progress(self._done, total, words))

    def _keep_preview(self, picture: bytes) -> None:
        if self._preview is None or self._now() - self._previewed < _PREVIEW_PAUSE:
            return
        from ategnatos.grimoire.files import write_atomic

        self._previewed = self._now()
        self._preview.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self._preview, picture)


def _words(event: Event, place: int, count: int) -> str:
    """One line about what happens now."""
    start = f"picture {place} of {count}: " if count > 1 else ""
    if event.what == "step":
        left = "" if event.seconds_left is None else f", about {event.seconds_left:.0f} s left"
        return f"{start}{event.title}, step {event.step} of {event.steps}{left}"
    if event.what == "node":
        return f"{start}{event.title} (node {event.nodes_done + 1} of {event.nodes})"
    return start + {
        "accepted": "taken by ComfyUI",
        "waiting": f"waiting, {event.ahead} before it",
        "started": "started",
        "text": event.text,
        "output": f"fetching {event.text}",
        "reconnecting": "the connection broke; connecting again",
        "again": f"{event.text} is gone at the server; made again",
        "ended": "in hand",
    }.get(event.what, event.what)
