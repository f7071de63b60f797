"""Minimum intervals between requests, as a provider demands them, kept before it has to say so."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """At least ``seconds`` between two requests of this method whose path matches."""

    method: str
    path: str
    seconds: float

    def covers(self, method: str, path: str) -> bool:
        """Whether the request is one of these; method ``*`` is any."""
        return self.method in ("*", method) and re.fullmatch(self.path, path) is not None


class Pace:
    """Waits until a request may be sent; one for all requests to one provider in a process.

    Other processes with the same key are not seen: their requests show as 429, which every
    caller survives.
    """

    def __init__(
        self,
        intervals: Sequence[Interval],
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._intervals = tuple(intervals)
        self._free = [0.0] * len(self._intervals)
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()

    def __call__(self, method: str, path: str) -> None:
        """Wait for this request's turn, and take it."""
        with self._lock:
            now = self._clock()
            turns = [n for n, one in enumerate(self._intervals) if one.covers(method, path)]
            start = max([now, *(self._free[n] for n in turns)])
            for n in turns:
                self._free[n] = start + self._intervals[n].seconds
        if start > now:
            self._sleep(start - now)
