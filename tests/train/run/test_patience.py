"""What passes by itself gives no training up: a slow machine, a clock that was set."""

from __future__ import annotations

import errno
from datetime import timedelta
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.machines import MACHINE_COPY, MACHINE_TIMEOUT, MACHINE_UNREACHABLE
from ategnatos.machines.local import LocalMachine
from ategnatos.train.run import attempts, bringing, due, saves, state
from ategnatos.train.run.place import RUN_MACHINE, Place
from ategnatos.trainers import Checkpoint
from tests.train.run.studio import now


class _Away(LocalMachine):
    """A rented machine that answers with a fault."""

    def __init__(self, code: ErrorCode) -> None:
        self.name, self.code = "runpod:p1", code

    def run(self, *given: Any, **more: Any) -> Any:
        raise StudioError(self.code, "Not now.", hint="Wait.")


@pytest.mark.parametrize("code", [MACHINE_COPY, MACHINE_TIMEOUT, MACHINE_UNREACHABLE, RUN_MACHINE])
def test_a_save_that_cannot_be_brought_is_brought_later(tmp_path: Path, code: ErrorCode) -> None:
    place = Place(tmp_path, PurePosixPath("/far"), _Away(code))
    assert bringing.bring(place, "output", over=False) is False
    with pytest.raises(StudioError) as refused:
        bringing.bring(place, "output", over=True)
    assert refused.value.code is code


def test_a_clock_that_was_set_back_does_not_stop_the_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [now()]
    asked = []

    def until(project: Any, machine: str) -> Any:
        asked.append(machine)
        return moment[0] + timedelta(days=1) if len(asked) == 1 else None

    monkeypatch.setattr(due, "until", until)
    timer = due.Due(SimpleNamespace(), "runpod:p1", lambda: moment[0])  # type: ignore[arg-type]
    assert timer.wanted() == ""
    moment[0] -= timedelta(hours=1)
    with pytest.raises(StudioError) as ended:
        timer.wanted()
    assert ended.value.code.code == "run_lost"
    # And a save of what was the future is not a young one for all that time.
    path = tmp_path / "owl.safetensors"
    path.write_bytes(b"x")
    one = Checkpoint(weights=path, state=None, step=1, epoch=None, final=False)
    written = now()
    assert saves._young(one, written)
    assert not saves._young(one, written - timedelta(hours=1))


def test_a_state_that_cannot_be_read_just_now_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts.put(tmp_path, attempts.Attempt(1, 0, "", "output", 8, "2026-01-01T00:00:00Z"))

    def worn(path: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", worn)
        with pytest.raises(StudioError, match="as it was"):
            state.change(tmp_path, status="training")
    assert attempts.last(tmp_path) is not None
    assert state.change(tmp_path, status="training")["attempts"]
