"""An empty studio a test, copied into memory where there is room for it.

Making a studio syncs some twenty times, and every edit twice: on a busy disk that is most of a
test's time. What has to be shown on a disk asks for ``disk_project``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ategnatos.grimoire.project import Project

MEMORY = "/dev/shm"


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The studio that every test gets a copy of."""
    return Project.create(tmp_path_factory.mktemp("template") / "studio")


@pytest.fixture
def memory_path() -> Iterator[Path]:
    """A folder of the test's own, in memory if that can be had."""
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="ategnatos-test-", dir=place)).resolve()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def project(template: Project, memory_path: Path) -> Project:
    """An empty studio."""
    return Project(Path(shutil.copytree(template.root, memory_path / "studio")))


@pytest.fixture
def disk_project(template: Project, tmp_path: Path) -> Project:
    """An empty studio on a disk."""
    return Project(Path(shutil.copytree(template.root, tmp_path / "studio")).resolve())
