"""A preference stands on evidence: what may be written, what counts, and what a crash leaves."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest

from ategnatos.eye import ledger, record, say
from ategnatos.eye.evidence import gather, standing
from ategnatos.eye.leans import leans
from ategnatos.eye.record import Speaker
from ategnatos.grimoire import documents, drift, journal, views
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from tests.conftest import Run

START = datetime(2026, 11, 21, 10, tzinfo=UTC)
ANN = Speaker("ann", "user:ann", "day:2026-11-21")
LATER = Speaker("ann", "user:ann", "day:2026-11-22")


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def like(project: Project, text: str, minutes: int = 0, **more: object) -> say.Said:
    polarity = str(more.pop("polarity", "prefer"))
    scope = str(more.pop("scope", "all"))
    what = say.identity("style", text, polarity, scope)
    return say.add(project, what, ANN, now=at(minutes), **more)  # type: ignore[arg-type]


def verdict(project: Project, *, gate: str = "unsigned") -> str:
    event = journal.append(
        project,
        "art.verdict",
        actor="person:ann",
        references={"candidate": "j1#1", "sha256": "0" * 64},
        data={"verdict": "approved", "reason": None, "gate": gate},
    )
    return event.id


def rows(project: Project) -> list[dict[str, object]]:
    return [one.model_dump() for one in documents.read(project, "eye").preferences]


def test_saying_it_is_its_first_evidence(project: Project) -> None:
    said = like(project, "I like  warm light")
    assert said.event is not None
    one = said.preference
    assert (one.id, one.text, one.confirmations) == ("p1", "I like warm light", 1)
    (proof,) = one.evidence
    assert (proof.event, proof.sha256) == (said.event.id, said.event.sha256())
    stated = next(iter(journal.read(project, ("eye.statement",))))
    assert stated.data["said_by"] == "ann"
    assert (
        "I like warm light [confirmed: 1 session] (p1)" in views.path_of(project, "eye").read_text()
    )
    assert drift.check(project, ["eye"])[0].state is drift.State.CLEAN


def test_a_verdict_may_stand_behind_it(project: Project) -> None:
    named = verdict(project)
    one = like(project, "ink", evidence=[named]).preference
    assert next((proof.event, proof.kind) for proof in one.evidence) == (named, "verdict")
    assert one.approvals == 1


@pytest.mark.parametrize("name", ["e00000099", "nonsense", "", "e00000001' OR 1=1"])
def test_an_event_that_never_was_is_no_evidence(project: Project, name: str) -> None:
    with pytest.raises(StudioError) as raised:
        like(project, "ink", evidence=[name])
    assert raised.value.code.code == "eye_evidence"
    assert not rows(project)


def test_a_broken_verdict_and_another_kind_of_event_are_no_evidence(project: Project) -> None:
    other = journal.append(project, "art.ordered", actor="user:ann")
    for name in (verdict(project, gate="signed"), other.id):
        with pytest.raises(StudioError) as raised:
            gather(project, [name])
        assert raised.value.code.code == "eye_evidence"


def test_the_journal_itself_refuses_a_proof_of_nothing(project: Project) -> None:
    what = say.identity("style", "ink", "prefer", "all")
    proof = ledger.Proof("", "e00000099", "0" * 64, "", "verdict", "day:1")
    with pytest.raises(StudioError) as raised:
        record.state(project, "add", what, ANN, now=START, proofs=(proof,))
    assert raised.value.code.code == "event_unknown"
    assert not rows(project)


@pytest.mark.parametrize(
    "line",
    [
        ("append", "eye", "preferences", '{"category": "color", "text": "teal"}'),
        ("set", "eye", "notes", "x"),
    ],
)
def test_no_hand_writes_the_eye(run: Run, project: Project, line: tuple[str, ...]) -> None:
    refused = run("grimoire", *line, "--json", cwd=project.root)
    assert refused.code == 1
    assert refused.envelope["error"]["code"] == "document_evidence"
    assert "ategnatos eye" in refused.envelope["error"]["hint"]


def test_the_schema_has_no_preference_without_evidence(project: Project) -> None:
    like(project, "ink")
    with pytest.raises(StudioError) as raised, documents.edit(project, "eye") as eye:
        eye.preferences[0].evidence.clear()
    assert raised.value.code.code == "document_invalid"


def test_a_second_word_in_one_session_writes_nothing_and_the_next_session_counts(
    project: Project,
) -> None:
    like(project, "ink")
    again = say.confirm(project, "p1", ANN, now=at(1))
    assert again.event is None
    assert say.confirm(project, "p1", LATER, now=at(2)).preference.confirmations == 2
    assert (
        say.add(project, say.identity("style", "INK", "prefer", "all"), LATER, now=at(3)).event
        is None
    )


def test_contradicted_as_often_as_confirmed_it_still_stands_and_weighs_nothing(
    project: Project,
) -> None:
    like(project, "ink")
    said = say.contradict(project, "p1", LATER, now=at(1), because="too hard")
    assert (said.preference.confirmations, said.preference.contradictions) == (1, 1)
    assert [one.weight for one in leans(project)[0]] == [0]


def test_a_retired_one_acts_no_more_and_comes_back_by_being_said(project: Project) -> None:
    like(project, "ink")
    say.retire(project, "p1", ANN, now=at(1))
    assert leans(project) == ([], {})
    with pytest.raises(StudioError, match="retired"):
        say.confirm(project, "p1", LATER, now=at(2))
    assert like(project, "ink", 3).preference.standing == "active"


def test_merging_is_for_two_of_one_polarity(project: Project) -> None:
    like(project, "ink")
    like(project, "ink lines", 1)
    like(project, "gloss", 2, polarity="avoid")
    with pytest.raises(StudioError, match="contradict"):
        say.merge(project, "p1", "p3", ANN, now=at(3))
    with pytest.raises(StudioError, match="one preference"):
        say.merge(project, "p1", "p1", ANN, now=at(3))
    assert say.merge(project, "p1", "p2", ANN, now=at(4)).preference.id == "p1"
    assert [one["standing"] for one in rows(project)] == ["active", "merged", "active"]


def test_a_crash_between_journal_and_document_loses_nothing(project: Project) -> None:
    what = say.identity("style", "ink", "prefer", "all")
    with (
        mock.patch.object(record, "refold", side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        say.add(project, what, ANN, now=START)
    assert not rows(project)
    like(project, "teal", 1)
    assert [one["text"] for one in rows(project)] == ["ink", "teal"]


def test_evidence_that_is_not_in_the_journal_makes_it_act_no_more(project: Project) -> None:
    like(project, "ink")
    path = project.state / "eye.json"
    found = json.loads(path.read_text())
    found["preferences"][0]["evidence"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(found))
    usable, problems = leans(project)
    assert not usable
    assert "not in the journal" in problems["p1"]
    assert standing(project, documents.read(project, "eye").preferences) == problems


def test_what_version_one_held_is_kept_and_waits_for_a_yes(project: Project) -> None:
    old = {
        "_schema_version": "1.0",
        "_generated_at": "2026-01-01T00:00:00Z",
        "_revision": 3,
        "preferences": [
            {"category": "color", "text": "Warm palettes", "confirmations": 5, "mood": "calm"},
            {"category": "Lighting", "text": "rim light", "polarity": "avoid"},
        ],
        "notes": "mine",
    }
    (project.state / "eye.json").write_text(json.dumps(old))
    document = documents.read(project, "eye")
    assert document.preferences == []
    assert [one.text for one in document.earlier] == ["Warm palettes", "rim light"]
    assert document.earlier[0].confirmations == 5
    assert leans(project) == ([], {})
    adopted = say.confirm(project, "old1", ANN, now=START).preference
    assert (adopted.text, adopted.confirmations) == ("Warm palettes", 1)
    document = documents.read(project, "eye")
    assert [one.adopted for one in document.earlier] == ["p1", ""]
    assert document.earlier[0].model_dump()["mood"] == "calm"
    assert document.notes == "mine"
    page = views.path_of(project, "eye").read_text()
    assert "Lighting: AVOID: rim light (old2)" in page
    assert say.retire(project, "old2", ANN, now=at(1)).preference.standing == "retired"
    with pytest.raises(StudioError, match="no preference 'old9'"):
        say.confirm(project, "old9", ANN, now=at(2))


@pytest.mark.parametrize(
    ("category", "text", "polarity", "scope"),
    [
        ("colour", "teal", "prefer", "all"),
        ("color", "   ", "prefer", "all"),
        ("color", "t" * 1001, "prefer", "all"),
        ("color", "teal", "hates", "all"),
        ("color", "teal", "prefer", "everywhere"),
        ("color", "teal", "prefer", "project:"),
        ("color", "teal", "prefer", "family:nothing-like-it"),
    ],
)
def test_what_is_no_preference_is_refused(
    category: str, text: str, polarity: str, scope: str
) -> None:
    with pytest.raises(StudioError) as raised:
        say.identity(category, text, polarity, scope)
    assert raised.value.hint


def test_a_new_category_is_an_entry_of_the_data_file(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.resources import files

    from ategnatos.knowledge import loader, taste

    raw = json.loads(files("ategnatos.knowledge").joinpath("data", "eye.json").read_bytes())
    raw["categories"]["sound"] = {"title": "Sound", "acts": "advice", "about": "x", "examples": []}
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "eye.json").write_text(json.dumps(raw))
    monkeypatch.setattr(loader, "_home", lambda: tmp_path / "data")
    taste.knowledge.cache_clear()
    try:
        said = say.add(project, say.identity("sound", "silence", "prefer", "all"), ANN, now=START)
    finally:
        monkeypatch.undo()
        taste.knowledge.cache_clear()
    assert said.preference.category == "sound"
    assert "## Sound" in views.path_of(project, "eye").read_text()
