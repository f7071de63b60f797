"""What a run says while it works, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

What = Literal[
    "accepted", "waiting", "started", "node", "step", "preview", "text", "output", "reconnecting",
    "again", "ended",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one prompt.

    ``node`` and ``title`` name the node of the posted graph; ``step`` of ``steps`` is within
    it; ``nodes_done`` of ``nodes`` counts nodes. ``seconds_left`` is an estimate for the node,
    None where there is none. ``picture`` holds the bytes of a preview (JPEG or PNG). ``ahead``
    counts prompts before this one in the queue.
    """

    what: What
    prompt_id: str
    node: str | None = None
    title: str = ""
    step: int = 0
    steps: int = 0
    nodes_done: int = 0
    nodes: int = 0
    ahead: int = 0
    seconds_left: float | None = None
    text: str = ""
    picture: bytes | None = None


OnEvent = Callable[[Event], None]
