"""Locks of these tests lie in a folder of their own: no other test's training holds their GPU."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATEGNATOS_LOCKS", str(tmp_path / "locks"))
