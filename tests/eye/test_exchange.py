"""An eye handed on: what travels, what is refused, and that two of them meet in one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ategnatos.eye import exchange, say
from ategnatos.eye.leans import leans
from ategnatos.eye.record import Speaker
from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from tests.conftest import Run

START = datetime(2026, 11, 21, 10, tzinfo=UTC)


class Artist:
    """Somebody with a studio of their own."""

    def __init__(self, folder: Path, name: str) -> None:
        self.project = Project.create(folder / name)
        self.name, self.minutes, self.file = name, 0, folder / f"{name}.json"
        # Two studios made within one tick would otherwise begin with the same line.
        journal.append(self.project, "studio_made", actor=f"user:{name}", now=START)

    def now(self) -> datetime:
        self.minutes += 1
        return START + timedelta(minutes=self.minutes)

    def likes(self, text: str, polarity: str = "prefer", **more: Any) -> say.Said:
        what = say.identity("style", text, polarity, "all")
        return say.add(self.project, what, self.speaker(), now=self.now(), **more)

    def speaker(self) -> Speaker:
        return Speaker(self.name, f"user:{self.name}", "day:2026-11-21")

    def exports(self) -> Path:
        found = exchange.export(self.project, self.name, now=self.now())
        self.file.write_text(json.dumps(found))
        return self.file

    def imports(self, file: Path, *, dry_run: bool = False) -> exchange.Imported:
        found = exchange.read_file(file)
        return exchange.take_in(
            self.project, found, actor=f"user:{self.name}", now=self.now(), dry_run=dry_run
        )

    def tastes(self) -> dict[str, tuple[Any, ...]]:
        """What the eye says, without the short names and wording that are each studio's own."""
        return {
            one.key: (one.polarity, one.standing, one.words, one.confirmations, one.contradictions)
            for one in documents.read(self.project, "eye").preferences
        }


@pytest.fixture
def ann(tmp_path: Path) -> Artist:
    return Artist(tmp_path, "ann")


@pytest.fixture
def bob(tmp_path: Path) -> Artist:
    return Artist(tmp_path, "bob")


def test_two_eyes_become_the_same_whoever_begins(tmp_path: Path, ann: Artist, bob: Artist) -> None:
    ann.likes("warm light", words=["amber"])
    ann.likes("gloss", "never")
    bob.likes("Warm Light")
    bob.likes("ink")
    say.retire(bob.project, "p2", bob.speaker(), now=bob.now())
    from_ann, from_bob = ann.exports(), bob.exports()
    cleo, dan = Artist(tmp_path, "cleo"), Artist(tmp_path, "dan")
    for file in (from_ann, from_bob, from_ann):
        cleo.imports(file)
    for file in (from_bob, from_ann):
        dan.imports(file)
    ann.imports(from_bob)
    bob.imports(from_ann)
    assert ann.tastes() == bob.tastes() == cleo.tastes() == dan.tastes()
    assert len(ann.tastes()) == 3
    warm = next(one for one in documents.read(ann.project, "eye").preferences if one.id == "p1")
    assert (warm.text, warm.confirmations) == ("warm light", 2)
    assert documents.read(bob.project, "eye").preferences[0].text == "Warm Light"


def test_taking_it_in_twice_writes_nothing_and_ones_own_comes_back_as_ones_own(
    ann: Artist, bob: Artist
) -> None:
    ann.likes("warm light")
    bob.imports(ann.exports())
    before = bob.project.journal_path.read_bytes()
    assert bob.imports(ann.file).event is None
    assert bob.project.journal_path.read_bytes() == before
    bob.likes("ink")
    result = ann.imports(bob.exports())
    assert (result.events, result.added) == (1, ["p2"])
    own, theirs = documents.read(ann.project, "eye").preferences
    assert [one.via for one in own.evidence] == [""]
    assert all(one.via for one in theirs.evidence)


def test_foreign_evidence_travels_with_its_id_and_hash_and_acts(ann: Artist, bob: Artist) -> None:
    verdict = journal.append(
        ann.project,
        "art.verdict",
        actor="person:ann",
        references={"candidate": "j1#1", "sha256": "0" * 64},
        data={"verdict": "approved", "reason": None, "gate": "unsigned"},
    )
    ann.likes("ink", evidence=[verdict.id])
    bob.imports(ann.exports())
    (one,) = documents.read(bob.project, "eye").preferences
    proof = next(proof for proof in one.evidence if proof.kind == "verdict")
    assert (proof.event, proof.sha256) == (verdict.id, verdict.sha256())
    (via,) = journal.read(bob.project, ("eye.imported",))
    assert (proof.via, proof.via_sha256) == (via.id, via.sha256())
    usable, problems = leans(bob.project)
    assert [one.text for one in usable] == ["ink"]
    assert problems == {}


def test_a_dry_run_says_what_would_come_and_writes_nothing(ann: Artist, bob: Artist) -> None:
    ann.likes("gloss", "never")
    bob.likes("gloss")
    before = bob.project.journal_path.read_bytes()
    result = bob.imports(ann.exports(), dry_run=True)
    assert result.added == ["p2"]
    assert [(one.one, one.other, one.outcome) for one in result.conflicts] == [
        ("p1", "p2", "the NEVER counts")
    ]
    assert bob.project.journal_path.read_bytes() == before
    assert [one.text for one in documents.read(bob.project, "eye").preferences] == ["gloss"]


def test_one_keeps_it_and_the_other_retired_it(ann: Artist, bob: Artist) -> None:
    ann.likes("ink")
    bob.imports(ann.exports())
    bob.likes("ink")
    say.retire(bob.project, "p1", bob.speaker(), now=START + timedelta(hours=1))
    result = ann.imports(bob.exports())
    assert result.retirements == ["p1"]
    assert documents.read(ann.project, "eye").preferences[0].standing == "retired"


def _other_words(found: dict[str, Any]) -> None:
    found["events"][0]["line"] = found["events"][0]["line"].replace("ink", "oil")


def _other_hash(found: dict[str, Any]) -> None:
    found["events"][0]["sha256"] = "0" * 64


def _other_kind(found: dict[str, Any]) -> None:
    _forged(found, "gate.approvers", {})


def _no_words(found: dict[str, Any]) -> None:
    _forged(found, "eye.statement", {"act": "add", "category": "style", "text": ""})


def _strange_scope(found: dict[str, Any]) -> None:
    data = {"act": "add", "category": "x", "text": "x", "polarity": "never", "scope": "here"}
    _forged(found, "eye.statement", data)


def _forged(found: dict[str, Any], kind: str, data: dict[str, Any]) -> None:
    event = journal.Event("e00000009", "2026-11-21T10:00:00Z", kind, "x", {}, data, "0" * 64)
    found["events"][0] |= {"line": event.line().decode(), "sha256": event.sha256()}


DAMAGE: list[Callable[[dict[str, Any]], object]] = [
    _other_words,
    _other_hash,
    _other_kind,
    _no_words,
    _strange_scope,
    lambda found: found.update(version=9),
    lambda found: found.update(format="zip"),
    lambda found: found.update(events={}),
    lambda found: found.update(studio=7),
    lambda found: found["events"].append(None),
    lambda found: found["events"][0].update(studio=""),
]


@pytest.mark.parametrize("harm", DAMAGE)
def test_a_file_that_was_changed_is_refused(
    ann: Artist, bob: Artist, harm: Callable[[dict[str, Any]], object]
) -> None:
    ann.likes("ink")
    found = json.loads(ann.exports().read_text())
    harm(found)
    ann.file.write_text(json.dumps(found))
    before = bob.project.journal_path.read_bytes()
    with pytest.raises(StudioError) as raised:
        bob.imports(ann.file)
    assert raised.value.code.code == "eye_file"
    assert bob.project.journal_path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"format": 1}'])
def test_what_is_no_eye_is_refused(bob: Artist, content: bytes) -> None:
    bob.file.write_bytes(content)
    with pytest.raises(StudioError) as raised:
        bob.imports(bob.file)
    assert raised.value.code.code == "eye_file"


def test_nobody_can_put_words_into_this_studios_mouth(ann: Artist, bob: Artist) -> None:
    ann.likes("ink")
    found = json.loads(ann.exports().read_text())
    bob.likes("teal")
    found["events"][0]["studio"] = json.loads(bob.exports().read_text())["studio"]
    ann.file.write_text(json.dumps(found))
    with pytest.raises(StudioError, match="no such event"):
        bob.imports(ann.file)


def test_the_commands_write_a_file_once_and_take_it_in(
    run: Run, ann: Artist, bob: Artist, tmp_path: Path
) -> None:
    ann.likes("ink")
    file = tmp_path / "out.json"
    assert run("eye", "export", file, "--dry-run", "--json", cwd=ann.project.root).data["dry_run"]
    assert not file.exists()
    told = run("eye", "export", file, "--json", cwd=ann.project.root).data
    assert (told["statements"], told["verdicts"]) == (1, 0)
    assert run("eye", "export", file, "--json", cwd=ann.project.root).code == 1
    assert run("eye", "import", file, "--json", cwd=bob.project.root).data["added"] == ["p1"]
    why = run("eye", "why", "p1", "--json", cwd=bob.project.root).data
    assert [(one["foreign"], one["from"], one["by"]) for one in why["evidence"]] == [
        (True, "ann", "ann")
    ]
