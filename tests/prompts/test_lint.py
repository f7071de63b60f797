"""The linter says what will not work, exactly where, and which edit mends it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.art.manners import starter
from ategnatos.art.token_counts import counter_for
from ategnatos.knowledge import dialects, families
from ategnatos.knowledge.prompt_rules import SEVERITIES, rules
from ategnatos.prompts.lint import Finding, Trigger, lint, mended
from ategnatos.prompts.manner import Manner, manner
from tests.prompts.trees import SOUP

CLIP = manner("SDXL", "clip-keywords", negative="useful", weights=True)
PONY = manner(
    "Pony",
    "booru-tags",
    negative="useful",
    weights=True,
    quality=("score_9", "score_8_up"),
    quality_negative=("score_4",),
)
ANIMA = manner("Anima", "booru-tags", negative="useful", weights=False, quality=("masterpiece",))
T5 = manner("FLUX.1", "prose", negative="inert")
LLM = manner("Z-Image", "llm-prose", negative="none")
JSON = manner("Ideogram 4", "json-caption", negative="none")
EDIT = manner("Kontext", "instruction-edit", negative="inert")
VIDEO = manner("Wan", "video", negative="useful")
PREFIX = manner("Lumina", "llm-prefix", negative="useful")
STARTER = starter()

# manner, prompt, code, the text at its place, the replacement
TABLE: list[tuple[Manner, str, str, str, str | None]] = [
    (CLIP, "an owl, (hat:1.2, day", "bracket_open", "(", None),
    (CLIP, "an owl), (hat:1.2)", "bracket_stray", ")", r"\)"),
    (CLIP, "an owl, (hat:1,3)", "weight_unreadable", "1,3", "1.3"),
    (CLIP, "an owl, (hat:1.2.3)", "weight_unreadable", "1.2.3", None),
    (CLIP, "(owl:2.5)", "weight_extreme", "(owl:2.5)", None),
    (CLIP, "(owl:-1)", "weight_extreme", "(owl:-1)", None),
    (CLIP, "(big (owl:1.4):1.2)", "weight_replaced", "(owl:1.4)", None),
    (CLIP, "an owl, [dim] light", "square_characters", "[dim]", "(dim:0.9)"),
    (CLIP, "[cat:dog:0.5]", "switch_characters", "[cat:dog:0.5]", None),
    (CLIP, "an owl BREAK a hat", "keyword_word", "BREAK", ""),
    (CLIP, "an owl <lora:owl:0.8>", "lora_tag", "<lora:owl:0.8>", ""),
    (CLIP, "a {red|blue} owl", "choice_left", "{red|blue}", None),
    (LLM, "An owl, __hats__.", "choice_left", "__hats__", None),
    (ANIMA, "masterpiece, an owl, (hat:1.2)", "weights_characters", "(hat:1.2)", "hat"),
    (LLM, "An owl with a (hat:1.2).", "weights_characters", "(hat:1.2)", "hat"),
    (T5, "An owl with a (hat:1.2).", "weights_little", "(hat:1.2)", "hat"),
    (STARTER, "a (potion:1.2)", "weights_none", "(potion:1.2)", "potion"),
    (LLM, "An owl, embedding:bad.", "embedding_characters", "embedding:bad.", ""),
    (CLIP, "score_9, an owl", "quality_foreign", "score_9", None),
    (PONY, "an owl, moon", "quality_missing", "", "score_9, score_8_up, "),
    (PONY, "an owl, score_9", "quality_late", "score_9", None),
    (PONY, "score_9, watercolor, 1girl", "tag_order", "1girl", None),
    (PONY, "score_9, long_hair", "tag_underscores", "long_hair", "long hair"),
    (PONY, "score_9, miku (vocaloid)", "tag_brackets", "(vocaloid)", r"\(vocaloid\)"),
    (T5, "owl, hat, blue, flat, cute", "sentence_expected", "owl, hat, blue, flat, cute", None),
    (
        CLIP,
        "an owl that sits on a branch in the dark wood and looks at us, moon",
        "keywords_expected",
        "an owl that sits on a branch in the dark wood and looks at us",
        None,
    ),
    (LLM, "An owl, masterpiece.", "filler_quality", "masterpiece", None),
    (LLM, "A sign that says OPEN.", "letters_unquoted", "OPEN", '"OPEN"'),
    (CLIP, "an owl, no hat", "negation", "no hat", None),
    (CLIP, "an owl, day, night", "contradiction", "night", None),
    (LLM, "A close-up of an owl. A wide shot.", "contradiction", "wide shot", None),
    (CLIP, "an owl, hat, hat", "repeated", "hat", None),
    (CLIP, "an owl,, hat", "commas_doubled", ",", ""),
    (JSON, "an owl", "json_expected", "an owl", '{"caption": "an owl"}'),
    (JSON, '{"a": 1,}', "json_broken", "}", None),
    (JSON, "[1]", "json_broken", "[1]", None),
    (JSON, '{"bbox": [5, 0, 1, 9]}', "json_box", '"bbox": [5, 0, 1, 9]}', None),
    (JSON, '{"palette": ["red"]}', "json_colour", '"palette": ["red"]}', None),
    (EDIT, "Make the owl blue.", "kept_unsaid", "", None),
    (VIDEO, "An owl on a branch.", "motion_unsaid", "An owl on a branch.", None),
    (PREFIX, "You draw. <Prompt Start> owl", "prefix_doubled", "You draw. <Prompt Start>", ""),
    (STARTER, "a red poton", "word_unknown", "poton", "potion"),
    (STARTER, "red", "subject_missing", "red", None),
    (STARTER, "a sword, a potion", "subject_several", "a sword, a potion", None),
    (CLIP, "  ", "empty", "  ", None),
]


def only(found: list[Finding], code: str) -> Finding:
    assert code in {one.code for one in found}, [one.code for one in found]
    return next(one for one in found if one.code == code)


@pytest.mark.parametrize(("asked", "text", "code", "at", "better"), TABLE)
def test_a_rule(asked: Manner, text: str, code: str, at: str, better: str | None) -> None:
    one = only(lint(text, asked), code)
    assert text[one.start : one.end] == at
    assert one.replacement == better
    assert one.severity == rules()[code].severity
    assert one.edit
    assert "{" not in one.means.replace("{red|blue}", "")
    if better is not None:
        after = lint(mended(text, [one]), asked)
        assert code not in {other.code for other in after}, "the edit mends it"


@pytest.mark.parametrize(
    ("asked", "negative", "code"),
    [(T5, "blurry", "negative_inert"), (LLM, "blurry", "negative_nowhere")],
)
def test_a_negative_that_does_nothing(asked: Manner, negative: str, code: str) -> None:
    one = only(lint("An owl.", asked, negative=negative), code)
    assert (one.where, one.start, one.end) == ("negative", 0, len(negative))
    assert mended(negative, [one], "negative") == ""


def test_a_negative_that_is_missing_or_broken_or_wanted_too() -> None:
    assert only(lint("score_9, owl", PONY), "negative_missing").replacement == "score_4"
    one = only(lint("an owl", CLIP, negative="(blurry"), "bracket_open")
    assert one.where == "negative"
    both = only(lint("an owl, hat", CLIP, negative="hat"), "wanted_and_not")
    assert (both.start, both.end) == (8, 11)


def test_triggers_and_limits_come_from_the_caller() -> None:
    triggers = (Trigger("owl-style", "owlstyle, big eyes"),)
    found = lint("an owl, big eyes", CLIP, triggers=triggers)
    one = only(found, "trigger_missing")
    assert mended("an owl, big eyes", [one]) == "an owl, big eyes, owlstyle"
    assert only(lint("an owl, gore", CLIP, forbidden=("gore",)), "forbidden").start == 8


def test_a_second_chunk_is_named_by_its_first_word() -> None:
    count, limit = counter_for(CLIP)
    text = ", ".join(["owl"] * 37 + ["hat", "moon", "tree"])
    one = only(lint(text, CLIP, count=count, limit=limit), "chunk_over")
    assert text[one.start :].startswith("moon")  # 37 x 2 tokens, "hat" is the 75th
    assert "79 tokens" in one.means
    assert not [f for f in lint("an owl", CLIP, count=count, limit=limit) if f.code == "chunk_over"]


def test_the_starter_model_cuts_off() -> None:
    count, limit = counter_for(STARTER)
    text = "a potion " + "red " * 40
    assert limit == 30
    assert only(lint(text, STARTER, count=count, limit=limit), "cut_off").severity == "error"


@pytest.mark.parametrize(
    ("text", "tokens"),
    # As OpenAI's own tokenizer counts them.
    [
        ("a photo of a cat", 5),
        ("masterpiece, best quality", 4),
        ("1girl", 2),
        ("", 0),
        ("hello", 1),
    ],
)
def test_clip_tokens_are_counted_exactly(text: str, tokens: int) -> None:
    count, _ = counter_for(CLIP)
    assert count is not None
    assert count(text) == tokens


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (CLIP, r"an owl, (hat:1.2), tower \(old\), soft light"),
        (PONY, "score_9, score_8_up, 1girl, solo, long hair, watercolor"),
        (T5, "An owl with a red hat sits on a branch at dusk, painted in watercolour."),
        (LLM, 'A shop with a sign that says "OPEN", photographed at noon in soft light.'),
        (JSON, '{"caption": "an owl", "palette": ["#102030"], "bbox": [0, 0, 10, 10]}'),
        (EDIT, "Make the owl blue. Keep the pose and the framing."),
        (VIDEO, "An owl turns its head while the camera moves in slowly."),
        (STARTER, "a big shiny blue gem, outlined"),
        (STARTER, "red potions"),
    ],
)
def test_a_good_prompt_has_nothing_wrong(asked: Manner, text: str) -> None:
    count, limit = counter_for(asked)
    found = lint(text, asked, count=count, limit=limit)
    assert [one.code for one in found if one.severity != "note"] == []


def test_every_rule_is_provoked_here() -> None:
    elsewhere = {
        *("negative_inert", "negative_nowhere", "negative_missing", "wanted_and_not"),
        *("trigger_missing", "forbidden", "chunk_over", "cut_off"),
    }
    assert {code for _, _, code, _, _ in TABLE} | elsewhere == set(rules())
    assert {rule.severity for rule in rules().values()} <= set(SEVERITIES)


def test_every_family_names_a_dialect_that_there_is() -> None:
    for variant in families.every_variant():
        found = dialects.find(variant.dialect)
        assert found.name == variant.dialect
        assert variant.negative in ("useful", "inert", "none")


@settings(deadline=None)
@given(SOUP, SOUP, st.sampled_from([CLIP, PONY, T5, LLM, JSON, EDIT, VIDEO, PREFIX, STARTER]))
def test_no_prompt_breaks_the_linter_and_places_are_real(
    text: str, negative: str, asked: Manner
) -> None:
    found = lint(text, asked, negative=negative, triggers=(Trigger("x", "owlstyle"),))
    for one in found:
        whole = text if one.where == "prompt" else negative
        assert 0 <= one.start <= one.end <= len(whole)
    mended(text, found)


@pytest.mark.parametrize("piece", ["a,", "(", "a b, ", "{", "no x, ", "a_b ", '{"a":'])
def test_a_long_prompt_is_looked_at_in_proportion(piece: str) -> None:
    def taken(length: int) -> float:
        text = piece * (length // len(piece))
        start = time.process_time()
        for asked in (CLIP, PONY, LLM, JSON):
            lint(text, asked, negative=text)
        return time.process_time() - start

    taken(500)
    assert taken(8_000) < 40 * max(taken(1_000), 0.005)
