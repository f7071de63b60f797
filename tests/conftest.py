"""What every test may use: a studio in a fresh folder, and the program run as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from ategnatos import cli
from ategnatos.grimoire.project import Project
from tests import types

# The same examples in every run, so that a run that is red is red again; HYPOTHESIS_PROFILE=explore
# looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# Folders of tests lie in memory where there is room for them: a program that brings every write to
# the disk waits for the disk most of the time, and no test pulls the plug.
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 << 30


def pytest_configure() -> None:
    """Make SIGINT work, and choose where the folders of the tests lie."""
    # The background of a script has it ignored, and every program that a test starts would
    # inherit that and outlive its Ctrl-C.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "PYTEST_DEBUG_TEMPROOT" in os.environ or not os.access(_MEMORY, os.W_OK):
        return
    there = os.statvfs(_MEMORY)
    # Tests write programs and run them.
    if there.f_bavail * there.f_frsize >= _ROOM_BYTES and not there.f_flag & os.ST_NOEXEC:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(_MEMORY)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin what takes long beside the tests."""
    types.ahead(session.config, session.items)


@pytest.fixture(autouse=True)
def _no_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the environment that the tests run in may decide their outcome."""
    # An account of its own: no key, no pins, no secrets, no locks.
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ".state"))
    for name in list(os.environ):
        if name.startswith(("ATEGNATOS_", "CLAUDE")):
            monkeypatch.delenv(name)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty studio."""
    return Project.create(tmp_path / "studio")


@dataclass(frozen=True)
class Ran:
    """What a run of the program left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def envelope(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        found = json.loads(self.out)
        assert set(found) == {"ok", "command", "data", "warnings", "error"}
        assert isinstance(found, dict)
        return found

    @property
    def data(self) -> dict[str, Any]:
        """The facts of a run that succeeded."""
        assert self.envelope["ok"], self.envelope
        data = self.envelope["data"]
        assert isinstance(data, dict)
        return data


Run = Callable[..., Ran]
AtTerminal = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the front door in this process: ``run("art", "list", "--json")``."""

    def call(*arguments: str | Path, cwd: Path | None = None) -> Ran:
        monkeypatch.setattr(sys, "argv", ["ategnatos", *map(str, arguments)])
        if cwd is not None:
            monkeypatch.chdir(cwd)
        capfd.readouterr()
        with pytest.raises(SystemExit) as leave:
            cli.main()
        printed = capfd.readouterr()
        code = leave.value.code
        return Ran(code if isinstance(code, int) else 1, printed.out, printed.err)

    return call


@pytest.fixture
def program() -> Run:
    """Run the program as a process of its own, without a terminal (a session of its own)."""

    def call(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "ategnatos", *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            timeout=120,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def at_terminal() -> AtTerminal:
    """``at_terminal(["art", "approve", "j1#1"], answers=["yes"], cwd=...)``."""
    from tests.terminal import at_a_terminal

    return at_a_terminal
