"""The client that is kept open between calls, and what becomes of it when nobody holds it."""

from __future__ import annotations

import gc
import threading
import time

import pytest

from ategnatos.engines.comfyui import held
from tests.comfyui.conftest import Server


def test_a_collector_never_waits_for_the_connections_to_close(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may run in the middle of an import, whose lock the closing needs."""
    let_go, closed = threading.Event(), threading.Event()
    close = held._close_here

    def stuck(opened: list[object]) -> None:
        let_go.wait(60)
        close(opened)  # type: ignore[arg-type]
        closed.set()

    monkeypatch.setattr(held, "_close_here", stuck)
    client = held.Held(server.address)
    assert client.use(lambda one: one.system())
    started = time.monotonic()
    del client
    gc.collect()
    assert time.monotonic() - started < 30
    assert not closed.is_set()
    let_go.set()
    assert closed.wait(60)
