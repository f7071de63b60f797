"""A wish changes one thing in a prompt, in the words that the model knows."""

from __future__ import annotations

import json
from importlib import resources

import pytest

from ategnatos.knowledge import feedback
from ategnatos.prompts.change import change_prompt

MEANING, VOCABULARY = feedback.for_family(["starter"])


def changed(prompt: str, wish: str) -> str:
    return change_prompt(prompt, wish, feedback=MEANING, vocabulary=VOCABULARY).prompt


@pytest.mark.parametrize(
    ("prompt", "wish", "result"),
    [
        ("a blue potion, outlined", "warmer", "a purple potion, outlined"),
        ("a crimson potion", "make it blue", "a blue potion"),
        ("a potion", "green please", "a green potion"),
        ("a red potion, outlined", "without the outline", "a red potion"),
        ("a red potion, shiny", "not shiny", "a red potion"),
        ("a red potion", "bigger", "a big red potion"),
        ("a small red potion", "bigger", "a big red potion"),
        ("a red potion", "more contrast", "a red potion, outlined"),
        ("a red potion, shiny", "too busy", "a red potion, flat"),
        ("a red potion", "a sword instead", "a red sword"),
        ("a red potion", "with a little dragon", "a red potion, dragon"),
        ("a black cat", "too dark", "a gray cat"),
        ("a red potion, shiny", "blue instead of red", "a blue potion, shiny"),
        ("a crimson potion", "blue instead of red", "a blue potion"),
        ("a green potion", "blue instead of red", "a blue potion"),
        ("a red potion", "replace the potion with a sword", "a red sword"),
        ("a red potion", "change red to green, shiny", "a green potion, shiny"),
        ("a small red potion", "red -> blue and bigger", "a big blue potion"),
    ],
)
def test_a_wish_edits_the_words(prompt: str, wish: str, result: str) -> None:
    assert changed(prompt, wish) == result


def test_what_cannot_be_done_is_said() -> None:
    made = change_prompt("a red potion", "warmer", feedback=MEANING, vocabulary=VOCABULARY)
    assert made.prompt == "a red potion"
    assert made.edits == ["red stays: it cannot be made warmer"]


def test_what_is_no_phrase_is_taken_for_words_and_said() -> None:
    made = change_prompt("a potion", "with a dragon", feedback=MEANING, vocabulary=VOCABULARY)
    assert made.prompt == "a potion, dragon"
    assert [(one.said, one.used) for one in made.unknown] == [("dragon", True)]


def test_several_wishes_at_once_each_act() -> None:
    made = change_prompt(
        "a blue potion, shiny", "warmer, less busy", feedback=MEANING, vocabulary=VOCABULARY
    )
    assert made.prompt == "a purple potion, flat"
    assert made.unknown == []


def test_a_wish_about_settings_moves_them_and_no_word() -> None:
    made = change_prompt("a potion", "change less", feedback=MEANING, vocabulary=VOCABULARY)
    assert made.prompt == "a potion"
    assert [(move.setting, move.by) for move in made.moves] == [("strength", -0.15)]


def test_every_word_of_the_starter_feedback_is_one_the_model_knows() -> None:
    known = {word for slot in VOCABULARY.values() for words in slot.values() for word in words}
    for phrase, action in MEANING.phrases.items():
        for slot, table in action.shift.items():
            assert set(table) <= set(VOCABULARY[slot]), phrase
            assert set(table.values()) <= set(VOCABULARY[slot]), phrase
        for slot, word in action.set.items():
            assert word in VOCABULARY[slot], phrase
        assert {*action.add, *action.remove} <= known, phrase


def test_every_colour_can_be_moved_by_the_common_wishes() -> None:
    for phrase in ("warmer", "cooler", "darker", "lighter"):
        table = MEANING.phrases[phrase].shift["colour"]
        stays = {"warmer": {"red"}, "cooler": {"blue"}, "darker": {"black"}, "lighter": {"white"}}
        assert set(VOCABULARY["colour"]) - set(table) <= stays[phrase], phrase


def test_the_file_has_source_and_date() -> None:
    text = resources.files("ategnatos.knowledge").joinpath("data/feedback.json").read_text()
    document = json.loads(text)
    assert document["source"]
    assert document["date"]
