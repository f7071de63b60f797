"""Votes and verdicts are typed by people at a terminal, and only there."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.project import Project
from ategnatos.train.evaluation import record, verdict, votes
from tests.conftest import AtTerminal, Run
from tests.train.registering import chosen


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return chosen.studio(tmp_path_factory.mktemp("looked-at"))


@pytest.fixture
def studio(looked_at: Project, tmp_path: Path) -> Project:
    return chosen.copied(looked_at, tmp_path)


@pytest.mark.parametrize("verb", ["vote", "verdict"])
def test_without_a_terminal_nobody_votes_or_decides(
    program: Run, studio: Project, verb: str
) -> None:
    done = program("train", verb, "owl", "--json", cwd=studio.root)
    assert done.code == 1
    assert done.envelope["error"]["code"] == "needs_person"
    assert list(journal.read(studio, (votes.EVENT, verdict.REVEALED))) == []


def test_a_vote_at_a_terminal_names_nobody_and_goes_on_where_it_was(
    at_terminal: AtTerminal, studio: Project
) -> None:
    words = ["train", "vote", "owl", "--as", "Ann B", "--pictures", "none"]
    first = at_terminal(words, cwd=studio.root, answers=["left", "what", "r", "q"])
    assert first.code == 0
    assert "Please type one of" in first.out
    assert "2 of 15 pairs" in first.out
    again = at_terminal([*words, "--most", "1"], cwd=studio.root, answers=["tie"])
    assert "Pair 3 of 15 is" in again.out
    assert not re.search(r"early|late", first.out + again.out)
    one = record.load(studio, "owl")
    given = votes.cast_votes(studio, one)
    assert [(found.voter, found.tie) for found in given] == [
        ("Ann B", False),
        ("Ann B", False),
        ("Ann B", True),
    ]
    events = list(journal.read(studio, (votes.EVENT,)))
    assert all(len(event.data["shown_sha256"]) == 64 for event in events)
    assert list(one.folder.glob("pair-*")) == []


def test_an_undone_vote_is_given_again(at_terminal: AtTerminal, studio: Project) -> None:
    words = ["train", "vote", "owl", "--as", "ann", "--pictures", "none"]
    done = at_terminal(words, cwd=studio.root, answers=["undo", "left", "u", "right", "stop"])
    assert "1 of 15 pairs" in done.out
    assert "1 of them now" in done.out
    (only,) = votes.cast_votes(studio, record.load(studio, "owl"))
    (pair,) = [
        found for found in votes.pairs(record.load(studio, "owl"), "ann") if found.id == only.pair
    ]
    assert only.better == pair.right


def test_a_picture_that_was_changed_is_not_voted_on(
    at_terminal: AtTerminal, studio: Project
) -> None:
    one = record.load(studio, "owl")
    for cell in one.cells:
        one.picture(cell).write_bytes(b"x")
    done = at_terminal(["train", "vote", "owl"], cwd=studio.root, answers=["left"])
    assert done.code == 1
    assert "gone or was changed" in done.out
    assert votes.cast_votes(studio, one) == []


def test_a_no_reveals_nothing_and_none_signs_nothing(
    at_terminal: AtTerminal, studio: Project
) -> None:
    one = record.load(studio, "owl")
    said_no = at_terminal(["train", "verdict", "owl"], cwd=studio.root, answers=["no"])
    assert said_no.code == 1
    assert not verdict.revealed(studio, one)
    none = at_terminal(["train", "verdict", "owl"], cwd=studio.root, answers=["yes", "none"])
    assert none.code == 0
    assert "Nobody won" in none.out
    assert verdict.revealed(studio, one)
    assert verdict.standing(studio, "owl") is None
    late = at_terminal(["train", "vote", "owl"], cwd=studio.root, answers=["left"])
    assert late.code == 1
    assert "no longer be blind" in late.out
    assert "stands as it was" not in none.out
    words = ["train", "verdict", "owl", "--winner", one.contenders[0].name]
    assert at_terminal(words, cwd=studio.root, answers=["yes"]).code == 0
    again = at_terminal(["train", "verdict", "owl"], cwd=studio.root, answers=["none"])
    assert "chosen before, stands as it was" in again.out


def test_one_contender_is_not_voted_on(at_terminal: AtTerminal, studio: Project) -> None:
    one = record.load(studio, "owl")
    lone = replace(one, number=2, digest="2" * 64, checkpoints=one.checkpoints[:1], weights=(0, 1))
    record.save(lone)
    done = at_terminal(["train", "vote", "owl"], cwd=studio.root, answers=[])
    assert done.code == 0
    assert "one contender" in done.out
    assert "Pair 1" not in done.out


def test_pictures_that_are_missing_are_said_with_what_can_be_done(
    at_terminal: AtTerminal, studio: Project
) -> None:
    """A newer evaluation that was cut short stands in nobody's way."""
    one = record.load(studio, "owl")
    record.save(replace(one, number=2, digest="2" * 64, finished_at=""))
    for verb in ("vote", "verdict"):
        done = at_terminal(["train", verb, "owl"], cwd=studio.root, answers=[])
        assert done.code == 1
        assert "Or take the last one that is whole: owl/1." in " ".join(done.out.split())
    assert not verdict.revealed(studio, one)
    again = at_terminal(["train", "vote", "owl/1", "--as", "x" * 61], cwd=studio.root, answers=[])
    assert again.code == 1
    assert "Pair 1" not in again.out
    words = ["train", "vote", "owl/1", "--as", "ann", "--most", "1"]
    done = at_terminal(words, cwd=studio.root, answers=["left"])
    assert "ategnatos train verdict owl/1" in done.out


@pytest.mark.parametrize(
    ("option", "value"),
    [("--seeds", "0"), ("--seeds", "-1"), ("--seed", "-1"), ("--steps", "0"), ("--cfg", "-1")],
)
def test_a_number_that_cannot_be_is_refused_and_not_left_out(
    run: Run, studio: Project, option: str, value: str
) -> None:
    file = studio.root / "workspace/training/owl/output/late.safetensors"
    order = ("train", "eval", "owl", "--files", file, option, value, "--dry-run", "--json")
    failed = run(*order, cwd=studio.root)
    assert failed.code == 1
    assert option in failed.envelope["error"]["message"]
