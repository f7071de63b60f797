"""What counts is what a person approved: lowering is free, raising is not, editing is seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.guard.budget import approved, config
from ategnatos.guard.budget.config import Config
from ategnatos.guard.gate import NEEDS_PERSON

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LOW = replace(Config(), max_daily_cost=1_000_000)


@pytest.fixture
def studio(project: Project) -> Project:
    assert approved.ensure_file(project)
    assert not approved.ensure_file(project)
    return project


def write(project: Project, one: Config) -> None:
    config.path_of(project).write_bytes(config.text_of(one))


def put(project: Project, one: Config) -> None:
    approved.put(project, one, actor="agent:test", now=NOW, redo="do it")


def refused(project: Project) -> StudioError:
    with pytest.raises(StudioError) as error:
        approved.load(project, now=NOW, actor="agent:test")
    return error.value


def test_the_built_in_caps_need_no_approval_and_a_missing_file_refuses(studio: Project) -> None:
    assert approved.load(studio) == Config()
    config.path_of(studio).unlink()
    assert refused(studio).code is config.BUDGET_MISSING


def test_a_file_edited_to_allow_more_is_refused(studio: Project) -> None:
    for edit in (
        {"max_total_cost": 10**9},
        {"max_daily_cost": None},
        {"require_confirm": False},
        {"max_runtime_minutes": 10_000},
    ):
        write(studio, replace(Config(), **edit))
        error = refused(studio)
        assert error.code is approved.BUDGET_NOT_APPROVED
        assert error.details["fields"] == list(edit)
        assert "budget approve" in error.hint


def test_an_agent_lowers_freely_and_cannot_raise_again(studio: Project) -> None:
    put(studio, LOW)
    assert approved.load(studio) == LOW
    with pytest.raises(StudioError) as error:
        put(studio, Config())
    assert error.value.code is NEEDS_PERSON
    assert approved.load(studio) == LOW
    write(studio, Config())
    assert refused(studio).code is approved.BUDGET_NOT_APPROVED


def test_an_edit_that_is_only_stricter_counts_and_is_put_on_record(studio: Project) -> None:
    write(studio, LOW)
    assert approved.load(studio) == LOW
    assert approved.baseline(studio).config == Config()  # a mere look writes nothing
    assert approved.load(studio, now=NOW, actor="user:test") == LOW
    assert approved.baseline(studio).config == LOW
    write(studio, Config())
    assert refused(studio).code is approved.BUDGET_NOT_APPROVED


def test_an_event_that_says_lowered_and_raises_counts_for_nothing(studio: Project) -> None:
    loose = replace(Config(), max_daily_cost=10**9)
    data = {
        "config": str(config.canonical(loose)),
        "sha256": config.fingerprint(loose),
        "follows": None,
    }
    journal.append(studio, approved.LOWERED, actor="person:x", data=data, now=NOW)
    from ategnatos.grimoire.files import canonical_json

    data["config"] = canonical_json(config.canonical(loose)).decode()
    journal.append(studio, approved.LOWERED, actor="person:x", data=data, now=NOW)
    write(studio, loose)
    assert refused(studio).code is approved.BUDGET_NOT_APPROVED


def test_the_hash_of_what_was_approved_is_in_the_journal(studio: Project) -> None:
    put(studio, LOW)
    (event,) = journal.read(studio, (approved.LOWERED,))
    assert event.data["sha256"] == config.fingerprint(LOW)


def test_a_person_raises_at_the_terminal_and_an_old_approval_cannot_be_replayed(
    studio: Project, at_terminal
) -> None:
    ran = at_terminal(
        ["studio", "budget", "set", "max_daily_cost", "40.00"], cwd=studio.root, answers=["yes"]
    )
    assert ran.code == 0, ran.out
    high = replace(Config(), max_daily_cost=40_000_000)
    assert approved.load(studio) == high
    put(studio, LOW)
    (given,) = [one for one in journal.read(studio) if "budget.caps" in str(one.data)]
    journal.append(studio, given.kind, actor=given.actor, data=given.data, now=NOW)
    write(studio, high)
    assert refused(studio).code is approved.BUDGET_NOT_APPROVED


def test_no_is_no(studio: Project, at_terminal) -> None:
    ran = at_terminal(
        ["studio", "budget", "set", "max_daily_cost", "40.00"], cwd=studio.root, answers=["no"] * 3
    )
    assert ran.code == 1
    assert approved.load(studio) == Config()


def test_a_file_written_by_hand_is_approved_at_the_terminal(studio: Project, at_terminal) -> None:
    high = replace(Config(), max_total_cost=None)
    write(studio, high)
    ran = at_terminal(["studio", "budget", "approve"], cwd=studio.root, answers=["yes"])
    assert (ran.code, approved.load(studio)) == (0, high), ran.out
    assert "no cap" in ran.out
