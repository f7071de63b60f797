"""Blind votes on pairs of contenders: which pair next, what was said, and what follows from it.

A voter sees two rows of pictures without names. Which is on the left, and in which order pairs
come, follows from the voter's name and the evaluation, so that a vote that was broken off goes on
where it was. The journal is the record (``train.vote``); of two votes of one voter on one pair the
later counts. Names stay hidden until :mod:`verdict` reveals them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_bytes

if TYPE_CHECKING:
    from datetime import datetime

    from ategnatos.grimoire.project import Project
    from ategnatos.train.evaluation.record import Evaluation

VOTE_INVALID = ErrorCode("vote_invalid", "A vote names no pair, no voter or no choice there is.")
VOTES_BLIND = ErrorCode("votes_blind", "The names are hidden: the winner cannot be named yet.")
VOTES_CLOSED = ErrorCode("votes_closed", "The names are known already: no vote would be blind.")

EVENT = "train.vote"
LEFT, RIGHT, TIE = "left", "right", "tie"
CHOICES = (LEFT, RIGHT, TIE)
Z95 = 1.959963984540054
MOST_LETTERS = 60
# Fewer comparisons a contender than this say nothing, whoever leads.
ENOUGH_EACH = 5


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contenders by name, as one voter sees them. ``id`` is the pair's, whoever looks."""

    id: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Vote:
    """``better`` and ``other`` are contenders by name; with ``tie`` their order means nothing."""

    voter: str
    pair: str
    better: str
    other: str
    tie: bool
    at: str
    event: str


@dataclass(frozen=True, slots=True)
class Place:
    """One contender's place. ``score`` is in log-odds against the average one, ``low`` and
    ``high`` bound it with 95 %. ``share`` is how often it is preferred to an average one.

    ``behind`` is whether the leader is stronger than it with 95 % certainty.
    """

    contender: str
    score: float
    low: float
    high: float
    share: float
    wins: int
    losses: int
    ties: int
    behind: bool


@dataclass(frozen=True, slots=True)
class Ranking:
    """``places`` are best first. ``said`` tells in sentences what the votes allow to say."""

    places: tuple[Place, ...]
    votes: int
    voters: tuple[str, ...]
    said: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """As JSON has it."""
        from dataclasses import asdict

        return asdict(self)


def pairs(evaluation: Evaluation, voter: str) -> list[Pair]:
    """Every pair as ``voter`` sees it."""
    names = [one.name for one in evaluation.contenders]
    return [_seen_by(evaluation, voter, *two) for two in combinations(names, 2)]


def cast_votes(project: Project, evaluation: Evaluation) -> list[Vote]:
    """Every vote on this evaluation that counts, oldest first."""
    known = {one.name for one in evaluation.contenders}
    found: dict[tuple[str, str], Vote] = {}
    for event in journal.read(project, (EVENT,)):
        if event.references.get("digest") != evaluation.digest:
            continue
        said = event.data
        left, right, choice = (str(said.get(key)) for key in ("left", "right", "choice"))
        if not {left, right} <= known or choice not in CHOICES or left == right:
            continue
        better, other = (right, left) if choice == RIGHT else (left, right)
        vote = Vote(
            str(said.get("voter")),
            _id(evaluation, left, right),
            better,
            other,
            choice == TIE,
            event.time,
            event.id,
        )
        found.pop((vote.voter, vote.pair), None)
        found[vote.voter, vote.pair] = vote
    return list(found.values())


def next_pair(project: Project, evaluation: Evaluation, voter: str) -> Pair | None:
    """The pair that ``voter`` should see next, None where there is none left.

    One that few people saw, then one of contenders that are close: it teaches the most.
    """
    given = cast_votes(project, evaluation)
    done = {one.pair for one in given if one.voter == voter}
    open_pairs = [one for one in pairs(evaluation, voter) if one.id not in done]
    if not open_pairs:
        return None
    seen: dict[str, int] = {}
    played: dict[str, int] = {}
    for vote in given:
        seen[vote.pair] = seen.get(vote.pair, 0) + 1
        for name in (vote.better, vote.other):
            played[name] = played.get(name, 0) + 1
    scores = {one.contender: one.score for one in rank(evaluation, given).places}

    def urgency(pair: Pair) -> tuple[int, int, float, str]:
        few = played.get(pair.left, 0) + played.get(pair.right, 0)
        gap = abs(scores[pair.left] - scores[pair.right])
        return seen.get(pair.id, 0), few, gap, sha256_bytes(f"{voter}\n{pair.id}".encode())

    return min(open_pairs, key=urgency)


def cast(
    project: Project,
    evaluation: Evaluation,
    voter: str,
    pair: str,
    choice: str,
    now: datetime,
    *,
    actor: str = "",
    shown_sha256: str = "",
) -> Vote:
    """Write one vote down; ``choice`` is left, right or tie, ``pair`` a pair's id.

    ``shown_sha256`` is the hash of the picture that the voter saw. Raises StudioError
    (``vote_invalid``, ``votes_closed``).
    """
    from ategnatos.guard.actor import person

    check_voter(evaluation, voter)
    seen = next((one for one in pairs(evaluation, voter) if one.id == pair), None)
    if seen is None or choice not in CHOICES:
        raise _invalid(
            evaluation, f"on the pair {pair[:20]!r} with {choice[:20]!r}", "left, right or tie"
        )
    from ategnatos.train.evaluation import verdict

    if verdict.revealed(project, evaluation):
        raise closed(evaluation)
    event = journal.append(
        project,
        EVENT,
        actor=actor or person(),
        references={
            "plan": evaluation.plan,
            "evaluation": evaluation.number,
            "digest": evaluation.digest,
        },
        data={
            "voter": voter,
            "left": seen.left,
            "right": seen.right,
            "choice": choice,
            "shown_sha256": shown_sha256,
        },
        now=now,
    )
    better, other = (seen.right, seen.left) if choice == RIGHT else (seen.left, seen.right)
    return Vote(voter, pair, better, other, choice == TIE, event.time, event.id)


def check_voter(evaluation: Evaluation, voter: str) -> None:
    """Refuse a name that nobody is told by. Raises StudioError (``vote_invalid``)."""
    who = " ".join(voter.split())
    if not who or len(who) > MOST_LETTERS or who != voter:
        raise _invalid(
            evaluation,
            f"of {voter[:MOST_LETTERS]!r}",
            f"a name of at most {MOST_LETTERS} letters: --as NAME",
        )


def _invalid(evaluation: Evaluation, what: str, say: str) -> StudioError:
    return StudioError(
        VOTE_INVALID,
        f"A vote {what} cannot be; nothing was recorded.",
        hint=f"Vote with 'ategnatos train vote {evaluation.plan}': {say}.",
        evaluation=evaluation.name,
    )


def closed(evaluation: Evaluation) -> StudioError:
    """The refusal of a vote that would not be blind."""
    return StudioError(
        VOTES_CLOSED,
        f"The names of {evaluation.name} were revealed: a vote would no longer be blind. Nothing"
        " was recorded.",
        hint=f"Make another evaluation with other seeds: ategnatos train eval {evaluation.plan}"
        " --seed 100",
        evaluation=evaluation.name,
    )


def still_blind(evaluation: Evaluation) -> StudioError:
    """The refusal of a winner while nobody may know who is who."""
    return StudioError(
        VOTES_BLIND,
        f"The names of {evaluation.name} are hidden still, so nobody can be chosen; nothing was"
        " recorded.",
        hint=f"Reveal them when the votes are over: ategnatos train verdict {evaluation.name}",
        evaluation=evaluation.name,
    )


def ranking(project: Project, evaluation: Evaluation) -> Ranking:
    """What all votes together say. It names contenders: show it where the votes are over."""
    return rank(evaluation, cast_votes(project, evaluation))


def rank(evaluation: Evaluation, given: Sequence[Vote]) -> Ranking:
    """What ``given`` votes say of the contenders of ``evaluation``."""
    import numpy as np

    from ategnatos.train.evaluation.bradley_terry import fit

    names = [one.name for one in evaluation.contenders]
    index = {name: place for place, name in enumerate(names)}
    wins = np.zeros((len(names), len(names)))
    ties = np.zeros(len(names), int)
    for vote in given:
        one, other = index[vote.better], index[vote.other]
        wins[one, other] += 0.5 if vote.tie else 1.0
        wins[other, one] += 0.5 if vote.tie else 0.0
        if vote.tie:
            ties[one] += 1
            ties[other] += 1
    strengths = fit(wins)
    best = int(np.argmax(strengths.scores))
    places = []
    for place, name in enumerate(names):
        score, error = float(strengths.scores[place]), strengths.error(place)
        gap, doubt = strengths.difference(best, place)
        places.append(
            Place(
                name,
                score,
                score - Z95 * error,
                score + Z95 * error,
                float(1 / (1 + np.exp(-score))),
                round(float(wins[place].sum() - ties[place] / 2)),
                round(float(wins[:, place].sum() - ties[place] / 2)),
                int(ties[place]),
                place != best and gap > Z95 * doubt,
            )
        )
    places.sort(key=lambda one: -one.score)
    voters = tuple(dict.fromkeys(one.voter for one in given))
    return Ranking(tuple(places), len(given), voters, _said(places, given, voters))


def _said(places: list[Place], given: Sequence[Vote], voters: tuple[str, ...]) -> tuple[str, ...]:
    if not given:
        return ("Nobody has voted: nothing can be said about which is best.",)
    leader = places[0]
    played = leader.wins + leader.losses + leader.ties
    rivals = [one.contender for one in places[1:] if not one.behind]
    said = []
    if played < ENOUGH_EACH or len(given) < len(places):
        said.append(
            f"Too few votes to say anything: {len(given)} for {len(places)} contenders. The order"
            " is a guess."
        )
    if rivals:
        said.append(
            f"{leader.contender} leads, and {len(rivals)} of {len(places) - 1} others may be as"
            f" good: {', '.join(rivals[:4])}{' ...' if len(rivals) > 4 else ''}."
        )
    elif len(places) > 1:
        said.append(f"{leader.contender} is ahead of every other with 95 % certainty.")
    if len(voters) == 1:
        said.append(f"All votes are {voters[0]}'s: it says what {voters[0]} prefers.")
    return tuple(said)


def _seen_by(evaluation: Evaluation, voter: str, one: str, other: str) -> Pair:
    name = _id(evaluation, one, other)
    first, second = sorted((one, other))
    drawn = sha256_bytes(f"{evaluation.digest}\n{voter}\n{name}".encode())
    left, right = (first, second) if int(drawn[0], 16) % 2 else (second, first)
    return Pair(name, left, right)


def _id(evaluation: Evaluation, one: str, other: str) -> str:
    said = "\n".join((evaluation.digest, *sorted((one, other))))
    return sha256_bytes(said.encode())[:12]
