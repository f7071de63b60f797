"""A studio with a dataset that is GO: made once a module, copied for each test."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ategnatos.grimoire.project import Project
from tests.train.gates import fakes, ready


@pytest.fixture(scope="module")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The studio that is copied."""
    folder = tmp_path_factory.mktemp("pictured")
    ready.pictures(Project.create(folder / "studio"))
    return folder / "studio"


@pytest.fixture
def studio(pictured: Path, tmp_path: Path) -> Project:
    """A studio, and ``base.safetensors`` beside it for a base model."""
    shutil.copytree(pictured, tmp_path / "studio", copy_function=os.link)
    # What is appended to must not be shared.
    for path in (tmp_path / "studio" / "grimoire" / ".state").rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            path.unlink()
            path.write_bytes(raw)
    # Links keep size, time and inode: what was seen of each picture holds under its new path.
    (seen,) = (tmp_path / "studio").rglob("looks.sqlite")
    raw = seen.read_bytes()
    seen.unlink()
    seen.write_bytes(raw)
    with closing(sqlite3.connect(seen)) as table, table:
        renamed = (str(pictured), str(tmp_path / "studio"))
        table.execute("UPDATE looks SET path = replace(path, ?, ?)", renamed)
    fakes.weights(tmp_path / "base.safetensors")
    return Project.find(tmp_path / "studio")
