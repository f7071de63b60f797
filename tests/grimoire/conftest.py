"""An empty studio a test, copied: making one syncs some twenty times, which a test need not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ategnatos.grimoire.project import Project


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The studio that every test gets a copy of."""
    return Project.create(tmp_path_factory.mktemp("template") / "studio")


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    """An empty studio."""
    return Project(Path(shutil.copytree(template.root, tmp_path / "studio")).resolve())
