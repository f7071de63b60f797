"""What was held of each step, and how long it took."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager


class NotHeldError(Exception):
    """Something that should hold does not; the text says what was seen instead."""


def hold(so: object, said: str) -> None:
    """Raise NotHeldError with ``said`` where it is not so."""
    if not so:
        raise NotHeldError(said)


class Held:
    """A table that is printed line by line as the walk goes."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self._notes: list[str] = []

    @contextmanager
    def step(self, title: str, *, goes_on: bool = False) -> Iterator[None]:
        """One step. Where something does not hold it is said, and the walk ends, unless what comes
        after it does not need it (``goes_on``).
        """
        self._notes = []
        began = time.monotonic()
        try:
            yield
        except NotHeldError as error:
            self._line("NOT SO", title, str(error), began)
            self.failed.append(title)
            if not goes_on:
                raise
        except Exception as error:
            self._line("ERROR", title, traceback.format_exc(limit=4), began)
            self.failed.append(title)
            if not goes_on:
                raise NotHeldError(str(error)) from error
        else:
            self._line("held", title, "; ".join(self._notes), began)

    def note(self, text: str) -> None:
        """Something that was seen and held, for the line of this step."""
        self._notes.append(text)

    @staticmethod
    def _line(how: str, title: str, said: str, began: float) -> None:
        print(f"{how:<7}{time.monotonic() - began:>7.1f} s  {title}", flush=True)
        for line in said.splitlines():
            print(f"{'':>17}{line}", flush=True)
