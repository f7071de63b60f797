"""A holding that lasts as long as another process does."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard import locks
from ategnatos.guard.locks import process
from ategnatos.guard.locks.store import Store

NAME = "gpu:local:7"


def test_it_outlives_us_and_ends_with_the_process_it_was_handed_to(tmp_path: Path) -> None:
    store = Store(tmp_path)
    held = locks.acquire(NAME, who="train:owl-1", process=process.this(), store=store)
    with subprocess.Popen(["sleep", "600"]) as other:
        held.hand_over(process.of(other.pid))
        again = locks.standing(NAME, "train:owl-1", store=store)
        assert again is not None
        assert again.token == held.token
        assert locks.standing(NAME, "train:owl-2", store=store) is None
        with pytest.raises(StudioError) as refused:
            locks.acquire(NAME, who="/art", process=process.this(), store=store, timeout=0)
        assert refused.value.code is locks.RESOURCE_HELD
        other.kill()
        other.wait()
    assert locks.standing(NAME, "train:owl-1", store=store) is None
    free = locks.acquire(NAME, who="/art", process=process.this(), store=store, timeout=0)
    with pytest.raises(StudioError) as lost:
        held.hand_over(process.this())
    assert lost.value.code is locks.LOCK_LOST
    free.give_back()
