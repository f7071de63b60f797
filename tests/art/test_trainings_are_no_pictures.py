"""A training is a job of the line: what looks for pictures leaves it out, and says where it is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ategnatos.art import naming
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, job_words, picture_rows, store
from ategnatos.grimoire.jobs.job_words import Query
from ategnatos.grimoire.project import Project
from ategnatos.studio import cleaning
from ategnatos.train.run.record import Run
from tests.conftest import Run as Command
from tests.guard import keys
from tests.train.run import studio
from tests.web import trainings


@pytest.fixture
def training(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ATEGNATOS_LOCKS", str(tmp_path / "locks"))
    monkeypatch.chdir(project.root)
    keys.made(project, 2)
    return studio.ordered(project, trainings.planned(project))


def test_search_and_facets_know_pictures_alone(project: Project, training: Run) -> None:
    with database.connect(project) as db:
        job_words.catch_up(db)
        assert job_words.find(db, Query(words="owl"), limit=9) == ([], 0)
        assert job_words.find(db, Query(), limit=9) == ([1], 1)
        facets = picture_rows.facets(db)
    assert training.gpu not in [*facets["engine"], *facets["family"]]


def test_its_job_is_refused_with_the_way_to_it(
    project: Project, training: Run, run: Command
) -> None:
    with database.connect(project) as db, pytest.raises(StudioError) as refused:
        naming.named(db, training.job)
    assert refused.value.code is store.JOB_UNKNOWN
    assert training.id in refused.value.hint
    for words in (("art", "show", training.job), ("art", "history", training.job)):
        assert run(*words, "--json").envelope["error"]["code"] == "job_unknown"
    assert run("art", "search", "owl", "--json").code == 0


def test_one_that_failed_is_no_picture_to_be_cleaned(project: Project, training: Run) -> None:
    with database.connect(project) as db, database.writing(db):
        db.execute("UPDATE job SET state='failed', runnable=0 WHERE kind='training'")
    found = cleaning.look(project, waiting=True, now=datetime.now(UTC))
    assert [one.reference for one in found.removals] == ["j1#1", "j1#2"]
