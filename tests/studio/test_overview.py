"""The page of how things stand: complete, and not stopped by any damage."""

from __future__ import annotations

from pathlib import Path

import pytest

from ategnatos.grimoire import documents, schemas
from ategnatos.grimoire.jobs import database, leases
from ategnatos.grimoire.project import Project
from ategnatos.studio.overview import look


def test_an_empty_studio_has_nothing_to_say_but_its_machine_and_engines(project: Project) -> None:
    page = look(project)
    assert [page.waiting, page.running, page.failed, page.drift, page.problems] == [[]] * 5
    assert page.machine["cores"] > 0
    assert page.machine["disk_free_gib"] > 0
    assert "starter" in [engine.name for engine in page.engines if engine.ok]
    assert not project.database.exists(), "looking makes nothing"


def test_jobs_are_sorted_by_what_they_wait_for(project: Project, add_job) -> None:
    add_job(None, "rejected", None)
    add_job(None, state="failed")
    add_job("approved", None)
    add_job(state="pending")
    page = look(project)
    assert [(line.job, line.pictures) for line in page.waiting] == [("j1", 2)]
    assert [line.job for line in page.failed] == ["j2"]
    assert [line.job for line in page.running] == ["j4"]
    assert (page.jobs, page.approved, page.not_exported) == (4, 1, ["j3#1"])


def test_a_job_in_progress_is_told_from_one_that_was_cut_off(project: Project, add_job) -> None:
    job = add_job(state="generating")
    assert [line.at_work for line in look(project).running] == [False]
    with database.connect(project) as db:
        (hold,) = leases.take(db, [job.id], "test", 30.0).values()
        leases.renew(db, hold, 30.0, {"done": 1, "total": 4, "message": "step 1"})
    (line,) = look(project).running
    assert line.at_work
    assert line.progress == {"done": 1, "total": 4, "message": "step 1"}


def test_what_bills_is_added_up_and_an_unknown_price_is_counted(project: Project) -> None:
    from ategnatos.grimoire.schemas.studio import Instance

    with documents.edit(project, "studio") as studio:
        studio.active_instances = [
            Instance(id="a", status="running", cost_per_hour="0.30"),
            Instance(id="b", status="", cost_per_hour="0.44"),
            Instance(id="c", status="running", cost_per_hour="lots"),
            Instance(id="d", status="Terminated", cost_per_hour="9"),
        ]
    page = look(project)
    assert [one["id"] for one in page.bills] == ["a", "b", "c"]
    assert (page.per_hour_usd, page.price_unknown) == ("0.74", 1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "missing"),
        ("by hand\n", "by hand"),
        ("append", "edited"),
    ],
)
def test_a_page_that_does_not_agree_is_named(
    project: Project, content: str | None, why: str
) -> None:
    page = project.grimoire / "studio.md"
    page.chmod(0o644)
    before = page.read_text()
    page.unlink()
    if content is not None:
        page.write_text(before + "more\n" if content == "append" else content)
    (drift,) = look(project).drift
    assert drift["page"] == "grimoire/studio.md"
    assert why in drift["why"]


def test_a_document_without_a_page_misses_none(project: Project) -> None:
    (project.state / "approvers.json").write_text("{}")
    assert look(project).drift == []
    assert {name for name in schemas.names() if not schemas.load(name).has_view} == (
        schemas.WITHOUT_PAGE
    )


def test_a_record_changed_by_hand_is_seen(project: Project) -> None:
    path = project.state / "studio.json"
    path.write_text(path.read_text().replace("127.0.0.1", "10.0.0.1"))
    assert [one["document"] for one in look(project).drift] == ["studio"]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b"\xff", b'{"active_instances": 3}'])
def test_damaged_documents_become_problems_and_the_page_stands(
    project: Project, damage: bytes
) -> None:
    (project.state / "studio.json").write_bytes(damage)
    (project.state / "assets.json").write_bytes(damage)
    page = look(project)
    assert page.problems or page.drift


def test_lost_documents_and_a_broken_database_become_problems(project: Project) -> None:
    (project.state / "eye.json").unlink()
    (project.state / "assets.json").unlink()
    project.database.write_bytes(b"nonsense" * 500)
    page = look(project)
    assert len(page.problems) == 2


def test_an_unreadable_document_is_a_problem(project: Project) -> None:
    path: Path = project.state / "studio.json"
    path.unlink()
    path.mkdir()
    assert any("studio.json" in problem for problem in look(project).problems)
