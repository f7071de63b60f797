"""A page judges only the verdicts that it shows, and says of these what a full reading says."""

from __future__ import annotations

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import book, record
from ategnatos.guard.gate.record import Standing
from ategnatos.studio import overview

VERDICTS = (
    ("j1#1", "a" * 64, "rejected"),
    ("j1#1", "a" * 64, "approved"),
    ("j1#11", "b" * 64, "approved"),
    ("j11#1", "c" * 64, "approved"),
    ("j2#1", "d" * 64, "rejected"),
)


@pytest.fixture
def judged(project: Project) -> Project:
    for candidate, sha256, verdict in VERDICTS:
        journal.append(
            project,
            record.VERDICT_EVENT,
            actor="test",
            references={"candidate": candidate, "sha256": sha256},
            data={"verdict": verdict, "reason": '"candidate":"j9#9"', "gate": "unsigned"},
        )
    return project


@pytest.mark.parametrize("about", [set(), {"j1#1"}, {"j11#1", "j1#11"}, {"j9#9"}])
def test_what_is_shown_is_judged_as_in_a_full_reading(judged: Project, about: set[str]) -> None:
    full, _ = book.for_display(judged)
    less, problem = book.for_display(judged, about)
    assert problem == ""
    assert [one.event for one in less.judged] == [
        one.event for one in full.judged if one.event.references["candidate"] in about
    ]
    for candidate, sha256, verdict in VERDICTS:
        if candidate in about:
            assert less.on_record(candidate, sha256, verdict) == full.on_record(
                candidate, sha256, verdict
            )
        else:
            assert less.on_record(candidate, sha256, verdict)[0] is Standing.BROKEN


def test_a_status_judges_the_newest_approvals_and_counts_all(
    judged: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overview, "MOST_JUDGED", 2)
    page = overview.Overview("", "", "")
    approved = [("j1#1", "a" * 64), ("j1#11", "b" * 64), ("j11#1", "c" * 64)]
    overview._verdicts(judged, approved, page)
    assert page.approvals == {"unsigned": 2}
