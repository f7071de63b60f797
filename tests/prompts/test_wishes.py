"""A wish becomes an exact edit: of keywords, of sentences, of the negative, of settings."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.knowledge import feedback
from ategnatos.prompts import pieces
from ategnatos.prompts.change import Changed, change_prompt
from ategnatos.prompts.diff import marked, word_diff, words
from ategnatos.prompts.tree import Notation
from ategnatos.prompts.wishes import Ways, apply_wish
from tests.prompts.trees import SOUP

TAGS = Ways(Notation.COMFYUI, weights=True, negative=True)
PROSE = Ways(Notation.PROSE, weights=False, negative=False)
GROUPS = feedback.groups()
WISHES = [
    (name, wish, phrase)
    for group in GROUPS.values()
    for name, wish in group["wishes"].items()
    for phrase in wish["phrases"]
]


def changed(prompt: str, wish: str, *, style: str = "tags", negative: str = "") -> Changed:
    ways = TAGS if style == "tags" else PROSE
    meaning = feedback.meaning(style)
    return apply_wish(prompt, wish, negative=negative, meaning=meaning, ways=ways)


def test_there_are_enough_phrases_and_none_stands_twice() -> None:
    assert len(GROUPS) >= 10
    assert all(len(group["wishes"]) >= 2 for group in GROUPS.values())
    phrases = [phrase for _, _, phrase in WISHES]
    assert len(phrases) >= 60
    assert len(phrases) == len(set(phrases))
    for style in feedback.STYLES:
        spellings = feedback.meaning(style).spellings
        assert not [p for p in phrases if set(p.split()) & set(spellings)], "written one way"


@pytest.mark.parametrize(("name", "wish", "phrase"), WISHES, ids=[one[2] for one in WISHES])
def test_every_phrase_does_what_it_claims(name: str, wish: dict, phrase: str) -> None:
    """In each dialect that the phrase claims, on a prompt that gives it something to do."""
    assert {"tags", "prose", "settings"} & set(wish), "it claims something"
    if "tags" in wish:
        before = ", ".join(["an owl", *wish["tags"].get("remove", ())])
        made = changed(before, phrase)
        assert made.prompt != before
        for word in wish["tags"].get("add", ()):
            assert pieces.find(made.prompt, word, Notation.COMFYUI), word
        for word in wish["tags"].get("remove", ()):
            assert pieces.find(made.prompt, word, Notation.COMFYUI) is None, word
        for word in wish.get("avoid", ()):
            assert pieces.find(made.negative, word, Notation.COMFYUI), word
        assert made.unknown == []
    if "prose" in wish:
        before = "An owl. " + " ".join(f"It is {old}." for old in wish["prose"].get("replace", {}))
        made = changed(before, phrase, style="prose")
        for sentence in wish["prose"].get("add", ()):
            assert sentence in made.prompt
        for new in wish["prose"].get("replace", {}).values():
            assert new in made.prompt
        assert "remove" not in wish["prose"], "a word cannot be cut out of a sentence blindly"
        assert made.unknown == []
    if "starter" in wish:
        meaning, vocabulary = feedback.for_family(["starter"])
        one, other = (
            change_prompt(prompt, phrase, feedback=meaning, vocabulary=vocabulary)
            for prompt in ("a blue potion, shiny, outlined", "a small red gem")
        )
        assert one.prompt != "a blue potion, shiny, outlined" or other.prompt != "a small red gem"
        assert one.unknown == []
    if "settings" in wish:
        for style in ("tags", "prose"):
            moves = changed("an owl", phrase, style=style).moves
            assert {move.setting: move.by for move in moves} == {
                key: move["by"] for key, move in wish["settings"].items()
            }


@pytest.mark.parametrize(
    ("prompt", "wish", "result"),
    [
        ("a castle", "warmer", "a castle, warm colours, golden light"),
        ("a castle", "Warmer, less busy!", None),
        ("a castle, blue light", "warmer", "a castle, warm colours, golden light"),
        ("a castle, (sharp focus:1.3), fog", "softer", "a castle, fog, soft focus"),
        ("a dark castle", "too dark", "a castle, bright lighting"),
        ("a castle, high contrast", "more contrast", "a castle, (high contrast:1.15)"),
        ("a castle, high contrast", "a bit more contrast", "a castle, (high contrast:1.075)"),
        ("a castle, (high contrast:1.15)", "more contrast", "a castle, (high contrast:1.3)"),
        ("a castle, (high contrast:1.5)", "more contrast", "a castle, (high contrast:1.5)"),
        ("a castle, fog", "less fog", "a castle, (fog:0.85)"),
        ("a castle, fog", "no fog", "a castle"),
        ("a castle", "more fog", "a castle, fog"),
        ("a castle", "with a red flag", "a castle, with a red flag"),
        ("a castle", "more colorful please", "a castle, vibrant colours"),
        ("", "warmer", "warm colours, golden light"),
        ("a castle", "an owl (small)", r"a castle, an owl \(small\)"),
    ],
)
def test_keywords(prompt: str, wish: str, result: str | None) -> None:
    made = changed(prompt, wish).prompt
    if result is None:
        for word in ("warm colours", "golden light", "simple composition", "uncluttered"):
            assert pieces.find(made, word, Notation.COMFYUI), word
    else:
        assert made == result


@pytest.mark.parametrize(
    ("prompt", "wish", "result"),
    [
        (
            "A dark castle",
            "too dark",
            "A bright castle. The scene is brightly lit.",
        ),
        ("A castle.", "with a red flag", "A castle. With a red flag."),
        ("A castle. The scene is brightly lit.", "brighter", None),
    ],
)
def test_sentences(prompt: str, wish: str, result: str | None) -> None:
    assert changed(prompt, wish, style="prose").prompt == (result or prompt)


@pytest.mark.parametrize(
    ("prompt", "wish", "result"),
    [
        ("a red potion, outlined", "blue instead of red", "a blue potion, outlined"),
        ("a red potion", "make it blue instead of the red", "a blue potion"),
        ("a wizard with a cap", "replace the cap with a hat", "a wizard with a hat"),
        ("a (red:1.2) potion", "change red to dark green", "a (dark green:1.2) potion"),
        ("a red potion, warm", "Red -> teal, sharper", None),
        ("an infrared lamp", "blue instead of red", "an infrared lamp, blue instead of red"),
        ("a red \\1 potion", "red -> \\1", "a \\1 \\1 potion"),
    ],
)
def test_a_word_that_is_there_gives_way_to_another(
    prompt: str, wish: str, result: str | None
) -> None:
    made = changed(prompt, wish)
    if result is None:
        assert made.prompt.startswith("a teal potion")
        assert "Red -> teal" in made.edits
    else:
        assert made.prompt == result


def test_a_negative_is_used_only_where_the_model_reads_one() -> None:
    assert changed("an owl", "no hat", negative="blurry").negative == "blurry, hat"
    made = changed("An owl.", "no hat", style="prose")
    assert made.negative == ""
    assert "reads no negative" in " ".join(made.edits)


def test_what_is_not_known_is_said_with_what_is_near() -> None:
    made = changed("an owl", "warmr, with a hat")
    assert [(one.said, one.near[:1], one.used) for one in made.unknown] == [
        ("warmr", ("warmer",), False),
        ("with a hat", (), True),
    ]
    assert made.prompt == "an owl, with a hat"


def test_a_layout_prompt_keeps_its_words() -> None:
    text = '{"caption": "an owl"}'
    meaning = feedback.meaning("layout")
    made = apply_wish(
        text, "warmer, with a hat, change less", negative="", meaning=meaning, ways=PROSE
    )
    assert made.prompt == text
    assert [one.said for one in made.unknown] == ["warmer", "with a hat"]
    assert [move.setting for move in made.moves] == ["strength"]


@settings(deadline=None)
@given(SOUP, st.sampled_from([phrase for _, _, phrase in WISHES]))
def test_no_prompt_makes_a_wish_fail(prompt: str, wish: str) -> None:
    for style, ways in (("tags", TAGS), ("prose", PROSE)):
        meaning = feedback.meaning(style)
        apply_wish(prompt, wish, negative=prompt, meaning=meaning, ways=ways)


@settings(deadline=None)
@given(SOUP, SOUP, st.sampled_from([Notation.COMFYUI, Notation.PROSE]))
def test_a_difference_holds_every_word_of_both_sides(
    before: str, after: str, notation: Notation
) -> None:
    found = word_diff(before, after, notation)
    old = [(one.text, one.before) for one in found if one.kind != "added"]
    new = [(one.text, one.after) for one in found if one.kind != "removed"]
    assert old == [(one.text, one.weight) for one in words(before, notation)]
    assert new == [(one.text, one.weight) for one in words(after, notation)]
    assert all((one.before == one.after) == (one.kind == "same") for one in found)


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("a red owl, flat", "a blue owl, flat", "a [-red-] {+blue+} owl, flat"),
        ("an owl", "an owl, warm light", "an owl {+, warm light+}"),
        ("an owl, fog", "an owl, (fog:1.15)", "an owl, fog(1 -> 1.15)"),
        ("an owl", "an owl", "an owl"),
    ],
)
def test_a_difference_in_one_line(before: str, after: str, line: str) -> None:
    assert marked(word_diff(before, after, Notation.COMFYUI)) == line


def test_a_difference_of_long_prompts_takes_no_time_to_speak_of() -> None:
    before, after = "a b " * 1_500, "b c " * 1_500
    assert len([one for one in word_diff(before, after, Notation.PROSE) if one.kind == "added"])
