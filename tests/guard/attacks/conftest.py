"""A studio in signed mode, its person elsewhere, and an attacker with the same account."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ategnatos.grimoire.project import Project
from tests.guard import keys


@dataclass(frozen=True)
class Target:
    """What is attacked. ``environment`` is the person's own, which the attacker knows too."""

    project: Project
    environment: dict[str, str]

    @property
    def root(self) -> Path:
        return self.project.root

    @property
    def config(self) -> Path:
        return Path(self.environment["XDG_CONFIG_HOME"]) / "ategnatos"


@pytest.fixture
def target(project: Project, tmp_path: Path) -> Iterator[Target]:
    """Two candidates wait; the keys are real, only their seal is cheap, for speed."""
    # Short: the path of a socket has room for about a hundred bytes.
    runtime = Path(tempfile.mkdtemp(prefix="gate-"))
    home = tmp_path / "account"
    with keys.account(home):
        keys.made(project)
        keys.founded(project)
    yield Target(
        project,
        {"XDG_CONFIG_HOME": os.fspath(home), "XDG_RUNTIME_DIR": os.fspath(runtime)},
    )
    shutil.rmtree(runtime, ignore_errors=True)
