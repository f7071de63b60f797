"""What the eye does to a prompt, in every dialect: refused, ruled out, added, left out, and why."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.art.manners import manner_of
from ategnatos.eye.acting import Acted, Lean, Situation, act, applies
from ategnatos.eye.wording import says, wording
from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge.taste import knowledge

KNOWN = knowledge()


def lean(
    text: str,
    polarity: str = "prefer",
    *,
    name: str = "p1",
    weight: int = 1,
    last: str = "2026-11-21",
    scope: str = "all",
    category: str = "style",
    words: tuple[str, ...] | None = None,
) -> Lean:
    return Lean(name, category, text, polarity, scope, words, weight, last)


def done(leans: list[Lean], family: str, prompt: str, negative: str = "", **where: str) -> Acted:
    manner = manner_of((), family)
    return act(leans, manner, prompt, negative, Situation(family, **where))


def test_clip_weighs_a_never_and_not_an_avoid() -> None:
    acted = done([lean("gloss", "never"), lean("vector", "avoid", name="p2")], "sdxl", "an owl")
    assert acted.negative == "(gloss:1.3), vector"
    assert acted.prompt == "an owl"


def test_sentences_are_added_as_sentences() -> None:
    acted = done([lean("I like warm light")], "flux2", "An owl on a branch")
    assert acted.prompt == "An owl on a branch. Warm light."


def test_a_model_that_reads_no_negative_is_said_and_not_sent_one() -> None:
    acted = done([lean("gloss", "never")], "flux2", "An owl")
    assert acted.negative == ""
    assert "reads no negative" in acted.left_out[0]["why"]


def test_a_layout_prompt_and_an_instruction_stay_as_they_are() -> None:
    for family, prompt in (("ideogram4", '{"scene": "owl"}'),):
        acted = done([lean("warm light")], family, prompt)
        assert acted.prompt == prompt
        assert acted.left_out


def test_the_starter_model_gets_only_words_it_knows_and_one_colour() -> None:
    leans = [
        lean("painterly brushwork", name="p1", weight=9),
        lean("shiny", name="p2", weight=5),
        lean("teal", name="p3", weight=4),
        lean("potions", name="p4", weight=3, words=("potion",)),
        lean("outlined", name="p5", weight=1),
    ]
    acted = done(leans, "starter", "a blue gem")
    assert acted.prompt == "a blue gem, shiny, outlined"
    why = {one["preference"]: one["why"] for one in acted.left_out}
    assert "does not know" in why["p1"]
    assert "names a colour already" in why["p3"]
    assert "names a thing" in why["p4"]


def test_the_best_confirmed_come_first_and_then_the_newest() -> None:
    leans = [
        lean("ink", name="p1", weight=1, last="2026-01-01"),
        lean("grain", name="p2", weight=1, last="2026-06-01"),
        lean("teal", name="p3", weight=7, last="2025-01-01"),
    ]
    assert done(leans, "sdxl", "an owl").prompt == "an owl, teal, grain, ink"


def test_the_room_is_bounded_and_what_had_none_is_said() -> None:
    leans = [lean(f"word{n} and{n} more{n}", name=f"p{n}", weight=n) for n in range(1, 9)]
    acted = done(leans, "sdxl", "an owl")
    added = [one.words for one in acted.applied]
    assert len(added) == KNOWN.budget["tags"] // 3
    assert added[0] == "word8 and8 more8"
    assert all("no room" in one["why"] for one in acted.left_out)


@pytest.mark.parametrize(
    "prompt",
    ["glossy 3D render", "an owl, (Glossy 3D:1.2)", "Glossy  3d.", "owl in glossy 3D style"],
)
def test_a_prompt_that_asks_for_a_never_is_refused(prompt: str) -> None:
    with pytest.raises(StudioError) as raised:
        done([lean("glossy 3D", "never")], "sdxl", prompt)
    assert raised.value.code.code == "eye_never"
    assert "eye retire p1" in raised.value.hint


@pytest.mark.parametrize("prompt", ["an owl, no glossy 3D", "not glossy 3D, an owl", "glossy, 3D"])
def test_a_prompt_that_rules_it_out_or_says_something_else_is_not(prompt: str) -> None:
    done([lean("glossy 3D", "never")], "sdxl", prompt)


def test_a_never_of_the_starter_model_covers_every_spelling() -> None:
    with pytest.raises(StudioError):
        done([lean("red", "never")], "starter", "a crimson gem")
    with pytest.raises(StudioError):
        done([lean("owls", "never")], "sdxl", "one owl")
    acted = done([lean("no skulls", "never")], "starter", "a gem")
    assert acted.negative == "skull"
    with pytest.raises(StudioError):
        done([lean("no skulls", "never")], "starter", "two skulls")


def test_what_this_prompt_asks_for_counts_before_an_avoid() -> None:
    acted = done([lean("vector", "avoid")], "sdxl", "a vector owl")
    assert acted.negative == ""
    assert "asks for it" in acted.left_out[0]["why"]


def test_liked_and_avoided_cancel_each_other_and_a_never_wins() -> None:
    both = [lean("teal", name="p1", weight=9), lean("teal", "avoid", name="p2")]
    acted = done(both, "sdxl", "an owl")
    assert (acted.prompt, acted.negative) == ("an owl", "")
    hard = [lean("teal", name="p1", weight=9), lean("teal", "never", name="p2")]
    acted = done(hard, "sdxl", "an owl")
    assert (acted.prompt, acted.negative) == ("an owl", "(teal:1.3)")


def test_contradicted_as_often_as_confirmed_adds_nothing() -> None:
    assert done([lean("ink", weight=0)], "sdxl", "an owl").prompt == "an owl"


def test_combos_are_shown_and_never_put_into_a_prompt() -> None:
    acted = done([lean("Pony V6, CFG 7", category="model_combos")], "sdxl", "an owl")
    assert acted.prompt == "an owl"
    assert acted.advice == ["p1: Pony V6, CFG 7"]


@pytest.mark.parametrize(
    ("scope", "where", "prompt", "there"),
    [
        ("all", Situation(), "x", True),
        ("family:sdxl", Situation("sdxl/base"), "x", True),
        ("family:sdxl/turbo", Situation("sdxl/base"), "x", False),
        ("family:sdxl", Situation("flux2/klein-4b"), "x", False),
        ("project:Tales", Situation(project="tales"), "x", True),
        ("project:tales", Situation(), "x", False),
        ("subject:owl", Situation(), "two owls", True),
        ("subject:owl", Situation(), "a bowl", False),
    ],
)
def test_a_scope_says_where_it_counts(
    scope: str, where: Situation, prompt: str, there: bool
) -> None:
    assert applies(lean("ink", scope=scope), where, prompt) is there


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("I like warm light", ("warm light",)),
        ("no glossy 3D please, never flat vector", ("glossy 3D", "flat vector")),
        ("Warm palettes preferred (earth tones, amber)", ("Warm palettes", "earth tones", "amber")),
        ("Muted > saturated", ()),
        ("the way that the light falls through old windows", ()),
        ("always", ()),
        ("_", ()),
    ],
)
def test_the_words_of_a_sentence(text: str, terms: tuple[str, ...]) -> None:
    assert wording(text, None, KNOWN).terms == terms


WORDS = st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=6).map(" ".join)
FAMILIES = st.sampled_from(["starter", "sdxl", "pony", "flux1", "flux2", "qwen-image", "ideogram4"])


@settings(deadline=None, max_examples=60)
@given(WORDS, WORDS, WORDS, FAMILIES)
def test_any_words_act_the_same_twice_and_only_by_appending(
    liked: str, avoided: str, prompt: str, family: str
) -> None:
    leans = [lean(liked), lean(avoided, "avoid", name="p2")]
    once = done(leans, family, prompt)
    assert once.prompt.startswith(prompt.rstrip(" ,\n")) or once.prompt == prompt
    twice = done(leans, family, once.prompt, once.negative)
    assert twice.prompt == once.prompt
    assert twice.negative == once.negative


def test_a_word_inside_another_is_not_it() -> None:
    assert not says("a bowl", "owl", KNOWN)
    assert says("OWLS!", "owl", KNOWN)
