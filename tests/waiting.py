"""Waiting for what another thread or process brings about: for the event, never for the clock."""

from __future__ import annotations

import time
from collections.abc import Callable

LONG_SECONDS = 60.0
"""More than a busy machine may need: only a test that fails ever waits so long."""


def wait_until(true: Callable[[], object], seconds: float = LONG_SECONDS) -> None:
    """Wait until ``true()``; fail after ``seconds``."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"still not so after {seconds:g} s"
        time.sleep(0.01)
