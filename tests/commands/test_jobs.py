"""``ategnatos jobs``: the line of work, as a person and a script see it."""

from __future__ import annotations

import pytest

from ategnatos.grimoire.project import Project
from tests.conftest import Run

FAST = ("--steps", "1", "--size", "32x32", "--count", "1")


@pytest.fixture
def queued(run: Run, project: Project) -> Project:
    """A studio with one order in the line."""
    run("art", "generate", "a red potion", *FAST, "--queue", "--json", cwd=project.root)
    return project


def _states(run: Run, project: Project) -> dict[str, str]:
    listed = run("jobs", "list", "--json", cwd=project.root).data["jobs"]
    return {one["job"]: one["state"] for one in listed}


def test_a_queued_order_is_carried_out_by_a_worker(run: Run, queued: Project) -> None:
    assert _states(run, queued) == {"j1": "pending"}
    assert not list(queued.outputs.rglob("000.png"))
    worked = run("jobs", "work", "--until-idle", "--json", cwd=queued.root).data
    assert worked["steps"] == 1
    assert worked["waiting_for_a_person"] == ["j1"]
    assert len(list(queued.outputs.rglob("000.png"))) == 1
    shown = run("jobs", "show", "j1", cwd=queued.root)
    assert "pending -> generating" in shown.out
    assert "generating -> awaiting_review" in shown.out


def test_a_paused_line_rests_until_it_is_resumed(run: Run, queued: Project) -> None:
    assert run("jobs", "pause", "--json", cwd=queued.root).code == 0
    assert run("jobs", "work", "--until-idle", "--json", cwd=queued.root).data["steps"] == 0
    assert run("jobs", "resume", "--json", cwd=queued.root).code == 0
    assert run("jobs", "work", "--until-idle", "--json", cwd=queued.root).data["steps"] == 1


def test_a_cancelled_job_is_not_worked_on(run: Run, queued: Project) -> None:
    assert run("jobs", "cancel", "j1", "--json", cwd=queued.root).code == 0
    assert run("jobs", "work", "--until-idle", "--json", cwd=queued.root).data["steps"] == 0
    assert _states(run, queued)["j1"] not in ("pending", "awaiting_review")


def test_recover_finds_nothing_where_nothing_was_cut_off(run: Run, queued: Project) -> None:
    assert run("jobs", "recover", "--json", cwd=queued.root).code == 0
    assert _states(run, queued) == {"j1": "pending"}


@pytest.mark.parametrize("verb", ["show", "cancel", "retry", "watch"])
def test_a_job_that_is_not_there_is_refused(run: Run, queued: Project, verb: str) -> None:
    done = run("jobs", verb, "j9", "--json", cwd=queued.root)
    assert done.code == 1
    assert done.envelope["error"]["code"] == "job_unknown"
