"""End a trainer: ask it, wait for its save, ask harder, and in the end end it.

Signals go to the whole group of processes: a launcher that is told to end leaves its trainer
alive.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.train.run.keeper import Keeper, Signal


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a save that is being written before anything is sent, after SIGTERM (a trainer
    may save then), and after SIGINT.
    """

    save: float = 120.0
    terminate: float = 180.0
    interrupt: float = 30.0


class Ending:
    """One trainer being ended; call :meth:`go_on` with each look while it lives."""

    def __init__(self, keeper: Keeper, attempt: int, patience: Patience) -> None:
        self._keeper, self._attempt = keeper, attempt
        waits: tuple[tuple[Signal, float], ...] = (
            ("TERM", patience.terminate),
            ("INT", patience.interrupt),
            ("KILL", float("inf")),
        )
        self._left = list(waits)
        self._save_until = time.monotonic() + patience.save
        self._next = 0.0
        self.stage = "waits for a save"

    def go_on(self, *, saving: bool) -> None:
        """Send what is due. ``saving``: a save is being written just now."""
        now = time.monotonic()
        if saving and self.stage == "waits for a save" and now < self._save_until:
            return
        if self._left and now >= self._next:
            name, wait = self._left.pop(0)
            self.stage = f"SIG{name}"
            self._keeper.signal(self._attempt, name)
            self._next = now + wait
