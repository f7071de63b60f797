"""A keeper that takes its time: it is waited for, and nothing begins twice."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.machines import MACHINE_TIMEOUT, Machine
from ategnatos.machines.local import LocalMachine
from ategnatos.train.run import attempts, control, following, record, state, status
from ategnatos.train.run.keeper import Keeper, command_file
from ategnatos.train.run.lines import Rhythm
from tests.train import fakes
from tests.train.run.studio import QUICK, Here, followed, ordered, studio
from tests.waiting import wait_until


def slow(folder: Path, real: str = sys.executable) -> Path:
    """A Python that comes up when there is a file ``come``; each start of it leaves a line."""
    python = folder / "slow"
    python.write_text(
        f'#!/bin/sh\necho x >>"{folder}/asked"\n'
        # Those that the keeper itself starts are as quick as ever.
        f'[ "$5" = away ] && while [ ! -e "{folder}/come" ]; do sleep 0.05; done\n'
        f'exec "{real}" "$@"\n'
    )
    python.chmod(0o755)
    return python


def asked(folder: Path) -> int:
    path = folder / "asked"
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.fixture
def late(tmp_path: Path) -> Keeper:
    """A keeper whose Python is slow, and whose trainer leaves a line a start."""
    folder = tmp_path / "run"
    place = folder / "attempts" / "1"
    place.mkdir(parents=True)
    command = command_file(["sh", "-c", "echo begun; sleep 0.2"], str(tmp_path), {})
    (place / "command.sh").write_bytes(command)
    keeper = Keeper(LocalMachine(), str(folder), str(slow(tmp_path)))
    keeper.install()
    return keeper


def test_a_start_that_is_asked_for_again_begins_once(late: Keeper, tmp_path: Path) -> None:
    for _ in range(3):
        late.start(1)
    wait_until(lambda: asked(tmp_path) == 3)
    look = late.look(1, 0)
    assert (look.began, look.over, look.keeper_pid) == (True, False, None)
    (tmp_path / "come").touch()
    wait_until(lambda: late.look(1, 0).over)
    look = late.look(1, 0)
    assert (look.status, look.log) == (0, b"begun\n")
    assert not late.forbid(1)


def test_what_was_forbidden_never_begins(late: Keeper, tmp_path: Path) -> None:
    late.start(1)
    wait_until(lambda: asked(tmp_path) == 1)
    assert late.forbid(1)
    (tmp_path / "come").touch()
    late.start(1)
    # The shell that waited for the slow one is gone when it has come and left again.
    wait_until(lambda: not _running(tmp_path))
    look = late.look(1, 0)
    assert (look.alive, look.keeper_pid, look.log) == (False, None, b"")


def test_a_keeper_that_finds_itself_forbidden_when_it_speaks_starts_nothing(
    late: Keeper, tmp_path: Path
) -> None:
    (tmp_path / "come").touch()
    # Who forbade died before it could take the keeper's place.
    (Path(late.place(1)) / "forbidden").touch()
    late.start(1)
    wait_until(lambda: late.look(1, 0).over)
    assert (late.look(1, 0).status, late.look(1, 0).log) == (125, b"")


def begun(tmp_path: Path) -> tuple[Any, record.Run, Path]:
    home = fakes.install(tmp_path / "home", "ai-toolkit", {"log": "success"})
    python = home / "venv" / "bin" / "python"
    fast = python.rename(python.with_name("fast"))
    slow(tmp_path, str(fast)).rename(python)
    project, kept = studio(tmp_path, "sdxl/base", steps=10)
    return project, ordered(project, kept, "ai-toolkit", home), home


def test_a_run_whose_keeper_speaks_late_is_waited_for_and_begins_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_AGAIN_SECONDS", 0.1)
    project, run, home = begun(tmp_path)
    here = Here(rhythm=Rhythm(0.02, 0.05, 60.0, QUICK.patience))
    here(project, control.number_of(run))
    wait_until(lambda: asked(tmp_path) >= 3)
    seen = status.snapshot(project, record.load(project, run.id))
    assert (seen["state"], seen["followed"], seen["findings"]) == ("training", True, [])
    (tmp_path / "come").touch()
    here.join()
    run = record.load(project, run.id)
    assert run.state == "finished", run.why
    assert len(fakes.starts(home)) == len(attempts.every(run.folder)) == 1


@pytest.mark.parametrize("stopped", [False, True])
def test_a_run_that_is_given_up_before_it_began_never_begins(tmp_path: Path, stopped: bool) -> None:
    project, run, home = begun(tmp_path)
    if stopped:
        here = Here(rhythm=Rhythm(0.02, 0.05, 600.0, QUICK.patience))
        here(project, control.number_of(run))
        wait_until(lambda: asked(tmp_path) == 1)
        state.want_stop(run.folder, "user:ann")
        here.join()
    else:
        followed(project, run, rhythm=Rhythm(0.02, 0.05, 0.3, QUICK.patience))
    run = record.load(project, run.id)
    tried = attempts.every(run.folder)[-1]
    assert (run.state, tried.code) == (("stopped",) * 2 if stopped else ("failed", "not_begun"))
    (tmp_path / "come").touch()
    wait_until(lambda: not _running(tmp_path))
    assert not fakes.starts(home)


class _CutOff(LocalMachine):
    """Its line breaks just after the start was carried out, and once before it."""

    def __init__(self) -> None:
        super().__init__()
        self.starts = 0

    def run(self, command: Any, **more: Any) -> Any:
        if "start" not in command[:3]:
            return super().run(command, **more)
        self.starts += 1
        if self.starts > 1:
            done = super().run(command, **more)
        if self.starts < 3:
            raise StudioError(MACHINE_TIMEOUT, "It took too long.", hint="Wait.")
        return done


def test_a_start_that_was_not_answered_is_no_failure(tmp_path: Path) -> None:
    home = fakes.install(tmp_path / "home", "ai-toolkit", {"log": "success"})
    project, kept = studio(tmp_path, "sdxl/base", steps=10)
    run = ordered(project, kept, "ai-toolkit", home)
    cut = _CutOff()

    def machine(project: Any, name: str) -> Machine:
        return cut

    run = followed(project, run, machine=machine)
    assert run.state == "finished", run.why
    assert cut.starts == 3
    assert len(fakes.starts(home)) == 1


def _running(folder: Path) -> bool:
    """Whether a process still names the slow Python or the keeper of that folder."""
    mark = str(folder).encode()
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = one.read_bytes()
        except OSError:
            continue
        if mark in words and b"away" in words:
            return True
    return False
