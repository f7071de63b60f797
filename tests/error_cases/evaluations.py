"""Codes of evaluations: the record, votes, verdicts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ategnatos.grimoire.project import Project
from ategnatos.train.evaluation import record, verdict, votes
from tests.train.evaluation.made import by_hand

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _studio(folder: Path) -> Project:
    return Project.create(folder / "studio")


def _broken(folder: Path) -> None:
    project = _studio(folder)
    one = by_hand(project)
    (one.folder / record.FILE).write_text("{", encoding="utf-8")
    record.load(project, "owl")


def _no_choice(folder: Path) -> None:
    project = _studio(folder)
    one = by_hand(project)
    votes.cast(project, one, "ann", votes.pairs(one, "ann")[0].id, "both", NOW)


def _after_the_reveal(folder: Path) -> None:
    project = _studio(folder)
    one = by_hand(project)
    verdict.reveal(project, one, actor="user:ann", now=NOW)
    votes.cast(project, one, "ann", votes.pairs(one, "ann")[0].id, "left", NOW)


def _no_such_winner(folder: Path) -> None:
    project = _studio(folder)
    verdict.decide(project, by_hand(project), "owl@9", now=NOW)


CASES = {
    "evaluation_unknown": lambda folder: record.load(_studio(folder), "nobody"),
    "evaluation_broken": _broken,
    "vote_invalid": _no_choice,
    "votes_closed": _after_the_reveal,
    "lora_verdict_missing": lambda folder: verdict.require(_studio(folder), "owl"),
    "lora_verdict_winner": _no_such_winner,
}
