"""Prompts in the words that the model knows, and what is said about the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.starter.model import StarterModel
from ategnatos.starter.words import missing_subject, normalise, vocabulary


@pytest.mark.parametrize(
    ("prompt", "text", "dropped"),
    [
        ("a red potion", "a red potion", ()),
        ("A RED, potion!!", "a red potion", ()),
        ("a crimson flask", "a crimson flask", ()),
        ("red-potion", "red potion", ()),
        ("a black dragon over a castle", "a black a", ("dragon", "over", "castle")),
        ("masterpiece, best quality, green fish", "masterpiece best quality green fish", ()),
        ("(red:1.3) [potion]", "red potion", ()),
        ("two potions", "potion", ("two",)),
        ("cherries", "cherries", ()),
        ("<lora:owl:0.8> a red potion", "a red potion", ()),
        ("medieval; eval $(x) `rm`", "", ("medieval", "eval", "x", "rm")),
        ("", "", ()),
    ],
)
def test_a_prompt_is_reduced_to_known_words(
    prompt: str, text: str, dropped: tuple[str, ...]
) -> None:
    wording = normalise(prompt)
    assert (wording.text, wording.dropped) == (text, dropped)


def test_unknown_words_are_announced_with_near_ones() -> None:
    (warning,) = normalise("a red poton, dragon").warnings
    assert "'poton' (near: potion)" in warning
    assert "'dragon'" in warning


@pytest.mark.parametrize("notation", ["(red:1.3) potion", "((red)) potion", "<lora:a:1> potion"])
def test_notation_without_effect_is_announced(notation: str) -> None:
    assert len(normalise(notation).warnings) == 1


def test_words_of_a_lora_trigger_stay() -> None:
    wording = normalise("a red Ategnatos-Owl_1 dragon", ["ategnatos-owl_1"])
    assert wording.text == "a red ategnatos-owl_1"
    assert wording.dropped == ("dragon",)


@given(st.text(max_size=60), st.lists(st.text(max_size=12), max_size=2))
def test_doing_it_again_changes_nothing(prompt: str, triggers: list[str]) -> None:
    once = normalise(prompt, triggers)
    again = normalise(once.text, triggers)
    assert again.text == once.text
    assert not again.dropped


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a red potion", None),
        ("a red", "names nothing"),
        ("", "names nothing"),
        ("potion flask", None),
        ("a sword and a potion", "sword and potion may melt together"),
    ],
)
def test_a_prompt_without_one_subject_is_announced(text: str, said: str | None) -> None:
    warning = missing_subject(text)
    assert (warning is None) if said is None else (said in (warning or ""))


def test_a_trigger_is_a_subject() -> None:
    assert missing_subject("a red owl", ["owl"]) is None


def test_every_word_of_the_vocabulary_is_one_token(model: StarterModel) -> None:
    for word in [*vocabulary().words(), *vocabulary().fillers]:
        assert len(model.tokenizer.tokens(word)) == 1, word
