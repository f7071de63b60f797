"""A studio in which somebody has chosen a LoRA: made once for all tests here, copied for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ategnatos.grimoire.project import Project
from tests.train.registering import chosen


@pytest.fixture(scope="package")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        patch.setenv("XDG_STATE_HOME", str(home / "state"))
        project = chosen.studio(tmp_path_factory.mktemp("judged"))
        chosen.decided(project)
        yield project


@pytest.fixture
def studio(judged: Project, tmp_path: Path) -> Project:
    return chosen.copied(judged, tmp_path)
