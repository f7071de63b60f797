"""Proposals are counts: deterministic, never from too few, and true to what was judged."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.art import generate, verdicts
from ategnatos.art.order import plan
from ategnatos.engines import Request
from ategnatos.eye.suggest import LEAST, compare, find, suggest
from ategnatos.eye.traits import PALETTE, WORD, JudgedPicture, Trait
from ategnatos.grimoire.project import Project
from tests.conftest import Run
from tests.engines.painter import Painter


def picture(number: int, approved: bool, *words: str, coloured: bool = True) -> JudgedPicture:
    traits = frozenset(Trait(WORD, word) for word in words)
    return JudgedPicture(f"j1#{number}", f"e{number:08d}", approved, traits, coloured)


JUDGED = st.lists(
    st.tuples(st.booleans(), st.sets(st.sampled_from(["ink", "teal", "owl"]))), max_size=30
).map(lambda rows: [picture(n, ok, *words) for n, (ok, words) in enumerate(rows, start=1)])


@settings(deadline=None, max_examples=60)
@given(JUDGED, st.randoms())
def test_the_order_of_verdicts_does_not_matter_and_few_say_nothing(
    judged: list[JudgedPicture], chance: random.Random
) -> None:
    found = compare(judged)
    shuffled = list(judged)
    chance.shuffle(shuffled)
    assert compare(shuffled) == found
    by_event = {one.event: one for one in judged}
    for one in found.suggestions:
        assert min(one.having.verdicts, one.rest.verdicts) >= LEAST
        assert one.having.verdicts + one.rest.verdicts == len(judged)
        assert one.having.apart(one.rest)
        for event in one.evidence:
            assert one.trait in by_event[event].traits
            assert by_event[event].approved is (one.polarity == "prefer")
        assert one.evidence


def test_three_of_three_against_none_of_three_is_proposed_and_two_are_not() -> None:
    liked = [picture(n, True, "ink") for n in (1, 2, 3)]
    rest = [picture(n, False) for n in (4, 5, 6)]
    (one,) = compare([*liked, *rest]).suggestions
    assert (one.polarity, one.trait.name) == ("prefer", "ink")
    assert one.evidence == ("e00000001", "e00000002", "e00000003")
    assert compare([*liked[:2], *rest]).suggestions == ()
    assert compare([*liked, *rest[:2]]).suggestions == ()


def test_half_and_half_is_no_taste() -> None:
    judged = [picture(n, n % 2 == 0, *(("ink",) if n < 9 else ())) for n in range(1, 17)]
    assert compare(judged).suggestions == ()


def test_words_of_the_very_same_pictures_are_named_and_not_told_apart() -> None:
    judged = [picture(n, n < 4, *(("ink", "ink outline") if n < 4 else ())) for n in range(1, 8)]
    (one,) = compare(judged).suggestions
    assert one.trait.name == "ink outline"
    assert one.also == ("ink",)


def test_colours_are_compared_among_pictures_that_could_be_measured() -> None:
    warm = frozenset({Trait(PALETTE, "warm colours")})
    judged = [JudgedPicture(f"j1#{n}", f"e{n:08d}", True, warm, True) for n in (1, 2, 3)]
    gone = [picture(n, False, coloured=False) for n in (4, 5, 6)]
    assert compare([*judged, *gone]).suggestions == ()


def squares(project: Project, prompt: str, count: int) -> int:
    engine = Painter()
    order = plan(engine, Request(prompt, 0, count=count), explicit_seed=None)
    made = generate.carry_out(project, engine, order, now=_now, actor="user:ann")
    return made.job.id


def _now() -> datetime:
    return datetime(2026, 11, 21, 10, tzinfo=UTC)


def judge(project: Project, job: int, verdict: str, count: int) -> None:
    from ategnatos.grimoire.jobs import database, store

    with database.connect(project) as db:
        made = store.candidates(db, job)
    for one in made[:count]:
        verdicts.record_choice(
            project,
            job,
            one.number,
            verdict,
            sha256=one.sha256,
            reason="too loud" if verdict == "rejected" else None,
            actor="person:ann",
            now=_now,
        )


def test_from_real_verdicts_to_a_preference_with_them_as_evidence(
    run: Run, project: Project
) -> None:
    judge(project, squares(project, "a quiet owl, ink", 4), "approved", 4)
    judge(project, squares(project, "a loud owl", 4), "rejected", 3)
    found = suggest(project)
    assert (found.approved, found.verdicts) == (4, 7)
    ink = next(one for one in found.suggestions if one.trait == Trait(WORD, "quiet owl"))
    assert "quiet" in ink.also
    told = run("eye", "suggest", "--json", cwd=project.root).data
    assert told["suggestions"] == [one.facts() for one in found.suggestions]
    said = run("eye", "add", "--from", ink.id, "--said-by", "ann", "--json", cwd=project.root).data
    evidence = said["preference"]["evidence"]
    assert [one["kind"] for one in evidence] == ["verdict"] * 4 + ["statement"]
    assert said["preference"]["approvals"] == 4
    # Its own verdicts and its own day: two sessions, because they were judged on another day.
    assert said["preference"]["confirmations"] in (1, 2)
    assert find(suggest(project), ink.id) == ink


def test_the_same_words_count_with_and_without_others_beside_them(project: Project) -> None:
    judge(project, squares(project, "a quiet owl, ink", 3), "approved", 3)
    judge(project, squares(project, "a quiet owl", 3), "rejected", 3)
    proposed = {one.trait.name for one in suggest(project).suggestions}
    assert "ink" in proposed
    assert "quiet owl" not in proposed, "it was in all six"


def test_a_broken_verdict_is_not_counted(project: Project) -> None:
    from ategnatos.grimoire import journal

    job = squares(project, "a quiet owl", 4)
    judge(project, job, "approved", 3)
    path = project.journal_path
    path.write_text(path.read_text().replace('"gate":"unsigned"', '"gate":"signed"'))
    assert list(journal.read(project, ("art.verdict",)))
    assert suggest(project).verdicts == 0
