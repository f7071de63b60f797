"""Taste on signed verdicts: what counts is what the gate upholds, for the account that can tell."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ategnatos.eye import say
from ategnatos.eye.record import Speaker
from ategnatos.eye.suggest import suggest
from ategnatos.grimoire import documents
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from tests.guard import keys

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
ADA = Speaker("ada", "user:ada", "day:2026-11-21")


def signed_verdict(project: Project) -> str:
    private = keys.founded(project)
    first = keys.made(project)[0]
    return keys.give(project, first, keys.approval(project, private, first)).event


def like(project: Project, text: str, evidence: list[str] | None = None) -> say.Said:
    what = say.identity("style", text, "prefer", "all")
    return say.add(project, what, ADA, now=NOW, evidence=evidence or [])


def test_a_signed_verdict_is_evidence(project: Project) -> None:
    one = like(project, "squares", [signed_verdict(project)]).preference
    assert one.approvals == 1
    assert suggest(project).verdicts == 1


def test_an_unsigned_verdict_of_a_studio_that_signs_is_none(project: Project) -> None:
    signed_verdict(project)
    from ategnatos.grimoire import journal

    forged = journal.append(
        project,
        "art.verdict",
        actor="person:ada",
        references={"candidate": "j1#2", "sha256": "0" * 64},
        data={"verdict": "approved", "reason": None, "gate": "unsigned"},
    )
    with pytest.raises(StudioError, match="broken"):
        like(project, "squares", [forged.id])


def test_an_account_that_cannot_judge_the_verdicts_does_not_fold_them_away(
    project: Project, tmp_path: Path
) -> None:
    like(project, "squares", [signed_verdict(project)])
    before = (project.journal_path.read_bytes(), (project.state / "eye.json").read_bytes())
    with keys.account(tmp_path / "elsewhere"), pytest.raises(StudioError) as raised:
        like(project, "ink")
    assert raised.value.code.code == "gate_unpinned"
    assert before == (project.journal_path.read_bytes(), (project.state / "eye.json").read_bytes())
    assert like(project, "ink").preference.id == "p2"
    assert documents.read(project, "eye").preferences[0].approvals == 1
