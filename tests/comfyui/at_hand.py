"""Fixtures: an account of its own, and a server that the engine finds by its usual variable."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.comfyui.fake import FakeComfyUI
from tests.engines.test_comfyui_contract import serving


@pytest.fixture(autouse=True)
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeComfyUI]:
    with serving() as (fake, server):
        monkeypatch.setenv("ATEGNATOS_COMFYUI_URL", server.url)
        yield fake
