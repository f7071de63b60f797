"""Votes are blind, of several people, and never lost; what they allow to say is said plainly."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations

import pytest

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.train.evaluation import record, verdict, votes
from ategnatos.train.evaluation.record import Evaluation
from tests.train.evaluation.made import by_hand

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
STRENGTH = {"early@0.5": 0, "early@1": 2, "late@0.5": 3, "late@1": 1}


def _votes_of(project: Project, one: Evaluation, voter: str, most: int = 99) -> int:
    """Vote as STRENGTH says until no pair is left; how many votes that were."""
    for count in range(most):
        pair = votes.next_pair(project, one, voter)
        if pair is None:
            return count
        better = "left" if STRENGTH[pair.left] > STRENGTH[pair.right] else "right"
        votes.cast(project, one, voter, pair.id, better, NOW)
    return most


def test_each_voter_sees_every_pair_once_and_the_best_one_leads(project: Project) -> None:
    one = by_hand(project)
    assert _votes_of(project, one, "ann") == 6
    assert _votes_of(project, one, "ben") == 6
    ranked = votes.ranking(project, one)
    assert [place.contender for place in ranked.places] == [
        "late@0.5",
        "early@1",
        "late@1",
        "early@0.5",
    ]
    assert ranked.votes == 12
    assert ranked.voters == ("ann", "ben")
    assert ranked.places[0].wins == 6
    assert ranked.places[0].low < ranked.places[0].score < ranked.places[0].high


def test_a_vote_broken_off_goes_on_where_it_was(project: Project) -> None:
    one = by_hand(project)
    _votes_of(project, one, "ann", most=2)
    waiting = votes.next_pair(project, one, "ann")
    again = record.load(project, "owl")
    assert votes.next_pair(project, again, "ann") == waiting
    assert _votes_of(project, again, "ann") == 4


def test_sides_and_order_do_not_tell_who_is_who(project: Project) -> None:
    one = by_hand(project, checkpoints=tuple("abcdef"))
    first = [pair.left == min(pair.left, pair.right) for pair in votes.pairs(one, "ann")]
    assert 0.25 < sum(first) / len(first) < 0.75
    ann = {pair.id: pair.left for pair in votes.pairs(one, "ann")}
    ben = {pair.id: pair.left for pair in votes.pairs(one, "ben")}
    assert ann.keys() == ben.keys()
    assert ann != ben
    for pair in votes.pairs(one, "ann"):
        assert not any(name in pair.id for name in (pair.left, pair.right))


def test_the_pair_that_few_saw_comes_first(project: Project) -> None:
    one = by_hand(project)
    for pair in votes.pairs(one, "ann")[:5]:
        votes.cast(project, one, "ann", pair.id, "tie", NOW)
    left_out = votes.pairs(one, "ann")[5]
    found = votes.next_pair(project, one, "ben")
    assert found is not None
    assert found.id == left_out.id


def test_ties_count_half_for_each(project: Project) -> None:
    one = by_hand(project)
    for pair in votes.pairs(one, "ann"):
        votes.cast(project, one, "ann", pair.id, "tie", NOW)
    ranked = votes.ranking(project, one)
    assert [place.score for place in ranked.places] == pytest.approx([0, 0, 0, 0])
    assert {place.ties for place in ranked.places} == {3}
    assert not any(place.behind for place in ranked.places)


def test_of_two_votes_on_one_pair_the_later_counts(project: Project) -> None:
    one = by_hand(project)
    pair = votes.pairs(one, "ann")[0]
    votes.cast(project, one, "ann", pair.id, "left", NOW)
    votes.cast(project, one, "ann", pair.id, "right", NOW)
    (only,) = votes.cast_votes(project, one)
    assert only.better == pair.right


def test_few_votes_are_called_few(project: Project) -> None:
    one = by_hand(project)
    assert "Nobody has voted" in votes.ranking(project, one).said[0]
    pair = votes.next_pair(project, one, "ann")
    assert pair is not None
    votes.cast(project, one, "ann", pair.id, "left", NOW)
    said = " ".join(votes.ranking(project, one).said)
    assert "Too few votes" in said
    assert "may be as good" in said
    assert "All votes are ann's" in said


def test_many_votes_of_one_mind_are_called_certain(project: Project) -> None:
    one = by_hand(project)
    for number in range(14):
        _votes_of(project, one, f"voter {number}")
    said = votes.ranking(project, one).said
    assert said == ("late@0.5 is ahead of every other with 95 % certainty.",)


def test_no_vote_after_the_names_are_known(project: Project) -> None:
    one = by_hand(project)
    pair = votes.next_pair(project, one, "ann")
    assert pair is not None
    verdict.reveal(project, one, actor="person:ann", now=NOW)
    with pytest.raises(StudioError) as refused:
        votes.cast(project, one, "ann", pair.id, "left", NOW)
    assert refused.value.code is votes.VOTES_CLOSED
    verdict.reveal(project, one, actor="person:ann", now=NOW)
    assert len(list(journal.read(project, (verdict.REVEALED,)))) == 1


def test_votes_on_another_evaluation_are_not_these(project: Project) -> None:
    first, second = by_hand(project), by_hand(project, number=2)
    pair = votes.next_pair(project, first, "ann")
    assert pair is not None
    votes.cast(project, first, "ann", pair.id, "left", NOW)
    assert votes.cast_votes(project, second) == []


@pytest.mark.parametrize(
    ("voter", "choice"), [("", "left"), (" ann", "left"), ("x" * 61, "left"), ("ann", "both")]
)
def test_a_vote_that_cannot_be_is_not_recorded(project: Project, voter: str, choice: str) -> None:
    one = by_hand(project)
    pair = votes.pairs(one, voter)[0]
    with pytest.raises(StudioError) as refused:
        votes.cast(project, one, voter, pair.id, choice, NOW)
    assert refused.value.code is votes.VOTE_INVALID
    assert votes.cast_votes(project, one) == []


def test_every_pair_of_contenders_is_there_and_the_model_alone_is_none(project: Project) -> None:
    one = by_hand(project)
    names = {contender.name for contender in one.contenders}
    assert names == set(STRENGTH)
    asked = {frozenset((pair.left, pair.right)) for pair in votes.pairs(one, "ann")}
    assert asked == {frozenset(two) for two in combinations(names, 2)}


def test_an_evaluation_reads_back_as_it_was_written(project: Project) -> None:
    one = by_hand(project)
    by_hand(project, number=2)
    assert record.load(project, "owl/1") == one
    assert record.load(project, "owl").number == 2
    assert [found.name for found in record.every(project)] == ["owl/1", "owl/2"]
    assert one.cell("early", 0.0, "p1", 7) == one.cell("late", 0.0, "p1", 7)
