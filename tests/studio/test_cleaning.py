"""Only what nobody approved goes; the record of it stays."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, leases, store
from ategnatos.grimoire.project import Project
from ategnatos.studio import cleaning
from ategnatos.studio.cleaning import Plan

NOW = datetime.now(UTC)


def clean(project: Project, *, waiting: bool = False) -> Plan:
    return cleaning.clean(project, waiting=waiting, actor="test", now=NOW)


def freed(plan: Plan) -> list[str | None]:
    return [one.reference for one in plan.removals]


def on_disk(project: Project) -> list[str]:
    with database.connect(project) as db:
        found = store.all_candidates(db)
    return [one.reference for one in found if (project.root / one.path).is_file()]


def test_rejected_pictures_go_and_their_record_stays(project: Project, add_job) -> None:
    add_job("rejected", "approved", None)
    plan = clean(project)
    assert freed(plan) == ["j1#1"]
    assert plan.bytes == len("picture 1 of j1")
    assert plan.kept == {"approved": 1, "waiting for a verdict": 1}
    assert on_disk(project) == ["j1#2", "j1#3"]
    with database.connect(project) as db:
        first = store.get_candidate(db, 1, 1)
    assert first.cleaned_at is not None
    assert first.verdict == "rejected"


def test_it_is_written_into_the_journal(project: Project, add_job) -> None:
    add_job("rejected")
    clean(project)
    (event,) = journal.read(project, kinds={"studio.cleaned"})
    assert event.references == {"candidates": ["j1#1"]}


def test_waiting_pictures_go_only_when_asked_for(project: Project, add_job) -> None:
    add_job(None, "approved")
    assert freed(clean(project)) == []
    assert freed(clean(project, waiting=True)) == ["j1#1"]
    assert on_disk(project) == ["j1#2"]


def test_a_second_run_finds_nothing_and_writes_nothing(project: Project, add_job) -> None:
    add_job("rejected")
    clean(project)
    before = project.journal_path.read_bytes()
    assert freed(clean(project)) == []
    assert project.journal_path.read_bytes() == before


def test_looking_changes_nothing(project: Project, add_job) -> None:
    add_job("rejected")
    assert freed(cleaning.look(project, waiting=True, now=NOW)) == ["j1#1"]
    assert on_disk(project) == ["j1#1"]


def test_a_run_that_was_cut_off_is_finished_by_the_next(project: Project, add_job) -> None:
    add_job("rejected")
    with database.connect(project) as db:
        store.mark_cleaned(db, [(1, 1)], now=store.iso(NOW))
    clean(project)
    assert on_disk(project) == []


def test_pictures_of_a_failed_job_go_with_their_folder(project: Project, add_job) -> None:
    job = add_job(None, None, state="failed")
    plan = clean(project)
    assert [one.job for one in plan.removals] == [job.name, job.name]
    assert list(project.outputs.iterdir()) == []


def test_a_job_at_work_is_left_alone(project: Project, add_job) -> None:
    job = add_job("rejected", None)
    with database.connect(project) as db:
        holds = leases.take(db, [job.id], "test", 30.0)
        assert freed(clean(project, waiting=True)) == []
        leases.release(db, holds.values())
    assert freed(clean(project, waiting=True)) == ["j1#1", "j1#2"]


@pytest.mark.parametrize("state", ["pending", "generating"])
def test_what_an_unfinished_job_starts_from_is_left_alone(
    project: Project, add_job, state: str
) -> None:
    add_job("rejected")
    with database.connect(project) as db:
        start = store.get_candidate(db, 1, 1).sha256
    add_job(state=state, init=start)
    assert clean(project).kept == {"in work": 1}


def test_a_verdict_that_only_the_journal_holds_protects(project: Project, add_job) -> None:
    add_job(None)
    with database.connect(project) as db:
        waiting = store.get_candidate(db, 1, 1)
    journal.append(
        project,
        "art.verdict",
        actor="person:test",
        references={"candidate": waiting.reference, "sha256": waiting.sha256},
        data={"verdict": "approved"},
    )
    assert freed(clean(project, waiting=True)) == []


def test_what_was_exported_is_protected_by_its_hash(project: Project, add_job) -> None:
    add_job("rejected")
    with database.connect(project) as db:
        one = store.get_candidate(db, 1, 1)
    from ategnatos.grimoire.schemas.assets import Asset

    with documents.edit(project, "assets") as assets:
        assets.assets.append(
            Asset(
                name="potion",
                version=1,
                path="exports/loose/potion/v1/potion.png",
                sha256=one.sha256,
                source_sha256=one.sha256,
                job="j1",
                candidate=1,
                recipe_id="prompt",
                binding="0" * 16,
                engine="starter",
                prompt="a potion",
                seed=1,
                verdict_event="e00000001",
                exported_at="2026-11-20T12:00:00Z",
            )
        )
    assert freed(clean(project)) == []


def test_unfinished_files_go_once_no_process_can_be_writing_them(project: Project) -> None:
    old, young = project.outputs / ".tmp-old", project.outputs / ".tmp-young"
    folder = project.exports / "loose/potion/.tmp-staging"
    folder.mkdir(parents=True)
    (folder / "potion.png").write_bytes(b"x")
    for path in (old, young):
        path.write_bytes(b"x")
    long_ago = time.time() - 7200
    for path in (old, folder):
        os.utime(path, (long_ago, long_ago))
    assert {one.path for one in clean(project).removals} == {old, folder}
    assert young.exists()
    assert not folder.exists()


def test_a_candidate_recorded_outside_the_workspace_stops_everything(
    project: Project, add_job, tmp_path: Path
) -> None:
    add_job("rejected", "rejected")
    victim = tmp_path / "victim.png"
    victim.write_bytes(b"mine")
    with database.connect(project) as db:
        db.execute("UPDATE candidate SET path='../victim.png' WHERE number=2")
    with pytest.raises(StudioError) as raised:
        clean(project)
    assert raised.value.code.code == "zone_escape"
    assert victim.exists()
    assert "j1#1" in on_disk(project)


def test_a_studio_without_jobs_has_nothing_to_free(project: Project) -> None:
    assert clean(project, waiting=True).removals == []
    assert not project.database.exists()
