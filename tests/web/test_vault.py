"""The vault: when a file was used last, what lies idle, and checkpoints with the best of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ategnatos.grimoire import documents
from ategnatos.grimoire.jobs import database, model_use
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.schemas.models import ModelFile
from ategnatos.web.pages import vault
from tests.guard import keys
from tests.web import trainings
from tests.web.serving import Inside, inside
from tests.web.test_agreeing import person


@pytest.fixture
def page(project: Project) -> Iterator[Inside]:
    with inside(project) as page:
        yield page


def files(project: Project, *names: str) -> None:
    """Model files of that name on the record, half a year old."""
    old = int((datetime.now(UTC) - timedelta(days=180)).timestamp() * 1e9)
    with documents.edit(project, "models") as document:
        document.files = [
            ModelFile(name=name, kind="lora", path=f"/models/{name}.safetensors", modified_ns=old)
            for name in names
        ]


def used(project: Project, lora: str, days: int) -> None:
    """Say of the only job that it was made with a LoRA, so many days ago."""
    then = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    with database.connect(project) as db, database.writing(db):
        db.execute("DELETE FROM job_words")
        db.execute(
            "UPDATE job SET created_at=?, request=json_set(request, '$.loras', json(?))",
            (then, f'[{{"name": "{lora}", "weight": 1.0}}]'),
        )


@pytest.mark.parametrize(("days", "idle"), [(3, False), (100, True)])
def test_a_file_is_idle_when_no_order_named_it_for_long(
    project: Project, days: int, idle: bool
) -> None:
    keys.made(project, 2)
    files(project, "Inky-Owl", "never")
    used(project, "inky-owl.safetensors", days)
    with database.connect(project) as db:
        assert model_use.last(db)["inky-owl.safetensors"].job == 1
    shelves = {one.file.name: one for one in vault.facts(project, datetime.now(UTC))["models"]}
    assert (shelves["Inky-Owl"].job, shelves["Inky-Owl"].idle) == ("j1", idle)
    assert (shelves["never"].job, shelves["never"].idle) == ("", True)


def test_checkpoints_and_what_could_be_deleted_are_shown(page: Inside, tmp_path: Path) -> None:
    run = trainings.at_work(page.project, state="finished")
    cache = run.folder / "output" / "cache.npz"
    cache.write_bytes(b"x" * 4096)
    os.utime(cache, (1, 1))
    files(page.project, "never")
    with person(page) as client:
        shown = client.get("/vault").text
    assert f'href="/runs/{run.id}"' in shown
    assert "mark-best" in shown
    assert "never used here" in shown
