"""The check of types, beside the other tests: it takes long, and most of them wait."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).parents[1]
# Of a few tests alone it is not worth its time before somebody asks for it.
_MANY = 1000

_Begun = tuple["subprocess.Popen[bytes]", IO[bytes]]
_BEGUN = pytest.StashKey[_Begun]()


def ahead(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin the check where the whole suite is run, the test of it with it."""
    if len(items) >= _MANY and any(one.name == "test_the_types_hold" for one in items):
        config.stash[_BEGUN] = _begin()


def checked(config: pytest.Config) -> tuple[int, str]:
    """The exit status of the check, and what it said."""
    process, said = config.stash.get(_BEGUN, None) or _begin()
    status = process.wait(600)
    said.seek(0)
    return status, said.read().decode()


def _begin() -> _Begun:
    # A file, not a pipe: nobody reads it before the end.
    said = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
    command = [sys.executable, "-m", "mypy"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
    return process, said
