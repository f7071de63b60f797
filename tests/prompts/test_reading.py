"""Prompts are read into trees that lose nothing, weighed as their programs weigh, converted."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ategnatos.prompts.convert import NORMALISATION, convert
from ategnatos.prompts.reading import read
from ategnatos.prompts.tree import (
    DEEPEST,
    Choice,
    Embedding,
    Extra,
    Group,
    Keyword,
    Notation,
    Prompt,
    Quoted,
    Switch,
    Text,
    escape,
    meaning,
    places,
)
from ategnatos.prompts.weights import runs
from tests.prompts.trees import PROMPTS, SOUP

A, C, P = Notation.A1111, Notation.COMFYUI, Notation.PROSE


@settings(deadline=None, max_examples=60)
@given(PROMPTS)
def test_a_tree_is_read_back_from_its_text(prompt: Prompt) -> None:
    assert read(str(prompt), prompt.notation) == prompt


@settings(deadline=None)
@given(st.one_of(SOUP, st.text(max_size=80)), st.sampled_from(list(Notation)))
def test_no_character_of_any_text_is_lost(text: str, notation: Notation) -> None:
    assert str(read(text, notation)) == text


@settings(deadline=None)
@given(st.one_of(SOUP, st.text(max_size=40)), st.sampled_from(list(Notation)))
def test_every_node_stands_where_it_says(text: str, notation: Notation) -> None:
    for place in places(read(text, notation)):
        assert str(Prompt((place.node,), notation)) == text[place.start : place.end]
    for run in runs(read(text, notation)):
        assert meaning(text[run.start : run.end], notation) == run.text


@settings(deadline=None)
@given(st.text(st.sampled_from("a(b)[c]\\d: "), max_size=30))
def test_an_escaped_text_means_itself(text: str) -> None:
    for notation in (A, P):
        assert meaning(escape(text, notation), notation) == text
    if "\\" not in text:
        assert meaning(escape(text, C), C) == text


@pytest.mark.parametrize(
    ("notation", "text", "parts"),
    [
        (A, "(owl)", (Group("(", (Text("owl"),)),)),
        (A, "(owl:1.20)", (Group("(", (Text("owl"),), "1.20"),)),
        (A, "[owl]", (Group("[", (Text("owl"),)),)),
        (A, r"owl \(bird\)", (Text(r"owl \(bird\)"),)),
        (A, "[cat:dog:0.5]", (Switch(((Text("cat"),), (Text("dog"),)), "0.5"),)),
        (A, "[dog:10]", (Switch(((Text("dog"),),), "10"),)),
        (A, "[dog::0.5]", (Switch(((Text("dog"),), ()), "0.5"),)),
        (A, "[cat|dog]", (Switch(((Text("cat"),), (Text("dog"),))),)),
        (A, "[a:b:c:1]", (Group("[", (Text("a:b:c:1"),)),)),
        (A, "a BREAK b", (Text("a "), Keyword("BREAK"), Text(" b"))),
        (A, "BREAKFAST", (Text("BREAKFAST"),)),
        (A, "<lora:owl:0.8>", (Extra("<lora:owl:0.8>"),)),
        (A, "{red|blue} owl", (Choice("{red|blue}"), Text(" owl"))),
        (A, "(owl", (Group("(", (Text("owl"),), closed=False),)),
        (A, "owl)", (Text("owl)"),)),
        (A, "(16:9)", (Group("(", (Text("16"),), "9"),)),
        (A, "(1.2.3:1.2.3)", (Group("(", (Text("1.2.3:1.2.3"),)),)),
        (C, "[owl]", (Text("[owl]"),)),
        (C, "(embedding:bad:1.2)", (Group("(", (Embedding("embedding:bad"),), "1.2"),)),
        (C, "{", (Text("{"),)),
        (P, "(owl:1.2)", (Text("(owl:1.2)"),)),
        (P, 'a sign "OPEN"', (Text("a sign "), Quoted('"OPEN"'))),
        (A, "", ()),
    ],
)
def test_the_notation(notation: Notation, text: str, parts: tuple[object, ...]) -> None:
    assert read(text, notation).parts == parts


@pytest.mark.parametrize(
    ("notation", "text", "weighed"),
    [
        # The first is from the docstring of A1111's own parser.
        (
            A,
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            {"a ": 1.0, "house": 1.573, "on": 1.0, "hill": 0.55, "sky": 1.4641, ".": 1.1},
        ),
        (A, "((owl:2):0.5)", {"owl": 1.0}),
        (C, "((owl:2):0.5)", {"owl": 2.0}),
        (C, "((owl))", {"owl": 1.21}),
        (C, "((owl) moon:1.5)", {"owl": 1.65, " moon": 1.5}),
        (C, "(owl", {"owl": 1.0}),
        (P, "(owl:2)", {"(owl:2)": 1.0}),
    ],
)
def test_weights_are_those_of_the_program(
    notation: Notation, text: str, weighed: dict[str, float]
) -> None:
    found = {run.text: run.weight for run in runs(read(text, notation))}
    assert {key: found[key] for key in weighed} == pytest.approx(weighed)


@pytest.mark.parametrize(
    ("source", "text", "target", "result"),
    [
        (A, "((owl:2):0.5), moon", C, "owl, moon"),
        (A, "(a (b:1.5):1.2)", C, "(a:1.2) (b:1.8)"),
        (A, "[dim] light", C, "(dim:0.909) light"),
        (A, r"\[x\] \(y\)", C, r"[x] \(y\)"),
        (C, "[x] (y:1.3)", A, r"\[x\] (y:1.3)"),
        (C, "embedding:bad, x", A, "bad, x"),
        (A, "a BREAK b", C, "a, b"),
        (A, "an owl, <lora:owl:0.8>", C, "an owl"),
        (A, "[cat:dog:0.5]", C, "dog"),
        (A, "[cat|dog]", C, "cat"),
        (A, "{red|blue} (owl:1.2)", P, "{red|blue} owl"),
        (P, "a sign (old)", C, r"a sign \(old\)"),
    ],
)
def test_conversion(source: Notation, text: str, target: Notation, result: str) -> None:
    assert convert(read(text, source), target).text == result


def test_conversion_says_what_differs() -> None:
    notes = convert(read("(owl:1.2)", A), C).notes
    assert notes == (NORMALISATION,)
    assert convert(read("an owl", A), C).notes == ()
    for text in ("[a:b:1]", "[a|b]", "a BREAK b", "<lora:x:1>"):
        assert convert(read(text, A), C).notes, text
    assert "no" in convert(read("(owl:1.2)", C), P).notes[0]
    assert convert(read("bad, x", A), C, embeddings=["bad"]).text == "embedding:bad, x"


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.filter_too_much])
@given(PROMPTS, st.sampled_from([A, C]))
def test_conversion_keeps_each_words_weight(prompt: Prompt, target: Notation) -> None:
    def words(of: Prompt) -> list[tuple[str, float]]:
        return [
            (word, run.weight)
            for run in runs(of)
            if isinstance(run.node, Text)
            for word in run.text.split()
            if word.isalpha()
        ]

    # What has no counterpart is left out, and its words with it; that has tests of its own.
    assume(not any(isinstance(one.node, Switch | Keyword | Extra) for one in places(prompt)))
    assume(prompt.notation is P or "\\" not in str(prompt))
    before, after = words(prompt), words(read(convert(prompt, target).text, target))
    assert [word for word, _ in before] == [word for word, _ in after]
    for (_, one), (_, other) in zip(before, after, strict=True):
        assert other == pytest.approx(one, abs=2e-3)


HOSTILE = ["(", ")", "[", "{", "{|", "(a:", "<lora:", "__a", "“", '"', "\\", ":1.2", "[a:", "(["]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_takes_time_in_proportion(piece: str) -> None:
    """Eight times the text takes less than thirty times the time; quadratic would be 64."""

    def taken(length: int) -> float:
        text = piece * (length // len(piece))
        best = 9e9
        for _ in range(3):
            start = time.process_time()
            for notation in Notation:
                assert str(read(text, notation)) == text
                for _ in runs(read(text, notation)):
                    pass
            best = min(best, time.process_time() - start)
        return best

    assert taken(8_000) < 30 * max(taken(1_000), 0.002)


def test_deeper_brackets_are_characters() -> None:
    text = "(" * (DEEPEST + 10) + "x" + ")" * (DEEPEST + 10)
    prompt = read(text, A)
    assert str(prompt) == text
    assert max(place.depth for place in places(prompt)) == DEEPEST
