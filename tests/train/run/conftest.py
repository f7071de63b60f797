"""Locks of these tests lie in a folder of their own: no other test's training holds their GPU."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ATEGNATOS_LOCKS", str(tmp_path / "locks"))
    yield
    # A test that failed half-way leaves no trainer behind. Only the keeper knows whose a number is.
    for script in tmp_path.rglob("keeper.sh"):
        for attempt in script.parent.glob("attempts/*"):
            subprocess.run(["sh", str(script), "signal", str(attempt), "KILL"], check=False)
