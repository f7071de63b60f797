"""A studio on either database: every test that takes ``either`` runs on both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ategnatos.grimoire.project import Project
from tests import postgres


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    """A Postgres server for the whole run."""
    why = postgres.why_not()
    if why:
        pytest.skip(why)
    started = postgres.Server()
    yield started
    started.remove()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def either(
    request: pytest.FixtureRequest, project: Project, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """An empty studio, on SQLite and again on Postgres."""
    if request.param == "postgres":
        found: postgres.Server = request.getfixturevalue("server")
        url = found.fresh(f"t{abs(hash(request.node.nodeid)):x}")
        monkeypatch.setenv("ATEGNATOS_DATABASE_URL", url)
    return project
