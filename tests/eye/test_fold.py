"""Merging is putting acts together: in any order, any number of times, the result is one."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.eye.acts import ACTS, ADD, CONFIRM, CONTRADICT, MERGE, RETIRE, Act, Identity, Proof
from ategnatos.eye.fold import ACTIVE, MERGED, RETIRED, Taste, conflicts, fold
from ategnatos.grimoire.files import sha256_bytes

TEXTS = ("warm light", "ink", "teal")


def said(
    act: str,
    text: str,
    at: int,
    *,
    session: str = "day:1",
    studio: str = "A",
    into: str = "",
    proofs: tuple[Proof, ...] = (),
    words: tuple[str, ...] | None = None,
) -> Act:
    identity = Identity("style", text, "prefer", "all")
    target = Identity("style", into, "prefer", "all") if into else None
    # A hash is that of a line: other words are another hash.
    told = f"{studio} {at} {act} {text} {session} {into} {words}"
    return Act(
        studio,
        f"e{at:08d}",
        sha256_bytes(told.encode()),
        f"2026-11-21T10:{at:02d}:00Z",
        act,
        identity,
        session,
        "ann",
        "user:ann",
        words=words,
        into=target,
        proofs=proofs,
    )


@st.composite
def acts(draw: st.DrawFn) -> list[Act]:
    found = []
    for at in range(draw(st.integers(0, 12))):
        act = draw(st.sampled_from(ACTS))
        found.append(
            said(
                act,
                draw(st.sampled_from(TEXTS)),
                at,
                session=draw(st.sampled_from(("day:1", "day:2", "session:x"))),
                studio=draw(st.sampled_from("AB")),
                into=draw(st.sampled_from(TEXTS)) if act == MERGE else "",
                words=draw(st.sampled_from((None, ("a",), ("b", "c")))),
            )
        )
    return found


def told(tastes: dict[str, Taste]) -> dict[str, Any]:
    return {
        key: (
            one.identity,
            one.standing,
            one.merged_into,
            one.words,
            one.confirmations,
            one.contradictions,
            one.last,
            [act.sha256 for act in one.acts],
        )
        for key, one in tastes.items()
    }


@settings(deadline=None, max_examples=60)
@given(acts(), acts(), st.randoms())
def test_two_eyes_merge_the_same_either_way_and_twice_is_once(
    mine: list[Act], theirs: list[Act], chance: random.Random
) -> None:
    one = told(fold([*mine, *theirs]))
    assert told(fold([*theirs, *mine])) == one
    assert told(fold([*mine, *theirs, *mine, *theirs])) == one
    shuffled = [*mine, *theirs]
    chance.shuffle(shuffled)
    assert told(fold(shuffled)) == one


@settings(deadline=None, max_examples=60)
@given(acts())
def test_every_preference_has_an_act_behind_it_and_merging_ends(found: list[Act]) -> None:
    tastes = fold(found)
    for key, one in tastes.items():
        assert one.acts
        assert one.merged_into != key
        assert not one.merged_into or tastes[one.merged_into].standing != MERGED
        assert one.confirmations >= 0


def only(*found: Act) -> Taste:
    (taste,) = fold(found).values()
    return taste


def test_a_session_counts_once_and_its_last_word_counts() -> None:
    first = said(ADD, "ink", 1)
    assert only(first, said(CONFIRM, "ink", 2)).confirmations == 1
    assert only(first, said(CONFIRM, "ink", 2, session="day:2")).confirmations == 2
    changed = only(first, said(CONTRADICT, "ink", 2))
    assert (changed.confirmations, changed.contradictions) == (0, 1)


def test_the_same_day_of_two_people_is_two_sessions() -> None:
    assert only(said(ADD, "ink", 1), said(ADD, "ink", 1, studio="B")).confirmations == 2


def test_a_verdict_counts_in_its_own_session() -> None:
    verdict = Proof("A", "e00000009", "v", "2026", "verdict", "day:0", verdict="approved")
    taste = only(said(ADD, "ink", 1, proofs=(verdict,)))
    assert (taste.confirmations, taste.approvals) == (2, 1)


def test_retired_counts_no_more_until_it_is_said_again() -> None:
    first, gone = said(ADD, "ink", 1), said(RETIRE, "ink", 2)
    assert only(first, gone).standing == RETIRED
    assert only(first, gone, said(ADD, "ink", 3)).standing == ACTIVE


def test_a_merged_one_gives_its_evidence_and_not_its_words() -> None:
    tastes = fold(
        [
            said(ADD, "ink", 1, words=("ink lines",)),
            said(ADD, "teal", 2, session="day:2", words=("teal",)),
            said(MERGE, "teal", 3, into="ink"),
        ]
    )
    ink = next(one for one in tastes.values() if one.identity.text == "ink")
    teal = next(one for one in tastes.values() if one.identity.text == "teal")
    assert (ink.confirmations, ink.words) == (2, ("ink lines",))
    assert (teal.standing, teal.merged_into) == (MERGED, ink.key)


def test_two_merges_the_other_way_round_leave_one_of_them() -> None:
    tastes = fold(
        [
            said(ADD, "ink", 1),
            said(ADD, "teal", 2),
            said(MERGE, "teal", 3, into="ink"),
            said(MERGE, "ink", 4, into="teal", studio="B"),
        ]
    )
    assert sorted(one.standing for one in tastes.values()) == [ACTIVE, MERGED]


def test_a_clock_set_back_does_not_reorder_one_journal() -> None:
    late = said(ADD, "ink", 30)
    early = said(RETIRE, "ink", 31)
    early = Act(**{name: getattr(early, name) for name in early.__slots__ if name != "at"}, at="1")
    assert only(early, late).standing == RETIRED


def test_what_wants_and_refuses_the_same_is_a_conflict() -> None:
    want = Identity("color", "teal", "prefer", "all")
    never = Identity("anti_preferences", "teal", "never", "family:sdxl")
    avoid = Identity("anti_preferences", "Teal", "avoid", "family:flux2")
    rows = [("p1", want, ("teal",)), ("p2", never, ("teal",)), ("p3", avoid, ("Teal",))]
    found = {(one.one, one.other): one.outcome for one in conflicts(rows)}
    assert found == {("p1", "p2"): "the NEVER counts", ("p1", "p3"): "neither is followed"}
    elsewhere = Identity("color", "teal", "prefer", "family:sdxl")
    assert not conflicts([("p1", elsewhere, ("teal",)), rows[2]])
