"""A prompt is built in the model's dialect, and each part says why it is there."""

from __future__ import annotations

import json

import pytest

from ategnatos.art.manners import manner_of
from ategnatos.prompts.build import Preference, Snippet, build
from ategnatos.prompts.lint import Trigger, lint

TASTE = (
    Preference("flat colour", why="confirmed in 4 sessions"),
    Preference("gradients", "avoid"),
    Preference("blood", "never"),
)


@pytest.mark.parametrize(
    ("family", "prompt", "negative"),
    [
        (
            "flux2/klein-4b",
            "An owl mascot. Thick lines. Flat colour.",
            "",
        ),
        (
            "pony",
            "score_9, score_8_up, score_7_up, an owl mascot, thick lines, flat colour",
            "(blood:1.3), gradients, score_6, score_5, score_4",
        ),
        (
            "sdxl",
            "an owl mascot, thick lines, flat colour, highly detailed",
            "(blood:1.3), gradients, blurry, low quality, deformed",
        ),
        ("chroma", "An owl mascot. Thick lines. Flat colour.", None),
    ],
)
def test_the_dialect_decides_the_form(family: str, prompt: str, negative: str | None) -> None:
    built = build(
        "an owl mascot",
        manner_of((), family),
        preferences=TASTE,
        library=[Snippet("thick lines", "approved twice")],
    )
    assert built.prompt == prompt
    if negative is not None:
        assert built.negative == negative
    assert all(part.why for part in built.parts)
    taken = [part for part in built.parts if part.source == "eye"]
    assert len(taken) == 3
    if family.startswith("flux2"):
        said = {part.text: part for part in taken}
        assert said["blood"].where == "left out"
        assert "reads no negative" in said["blood"].why


def test_a_closed_vocabulary_takes_only_what_it_knows() -> None:
    known = Preference("outlined")
    built = build("a red potion", manner_of((), "starter"), preferences=(*TASTE, known))
    assert built.prompt == "a red potion, outlined"
    left = {part.text for part in built.parts if part.where == "left out"}
    assert left == {"flat colour"}


def test_a_layout_model_gets_json_and_an_edit_says_what_stays() -> None:
    built = build('an owl "Ada"', manner_of((), "ideogram4"))
    assert json.loads(built.prompt) == {"caption": 'an owl "Ada"'}
    edit = build("make it blue", manner_of((), "flux1/kontext"))
    assert edit.prompt == "Make it blue. Keep everything else as it is."


def test_a_lora_brings_its_trigger_once() -> None:
    asked = manner_of((), "sdxl")
    triggers = (Trigger("owl", "owlstyle"),)
    assert "owlstyle" in build("an owl", asked, triggers=triggers).prompt
    assert build("owlstyle bird", asked, triggers=triggers).prompt.count("owlstyle") == 1


@pytest.mark.parametrize("family", ["starter", "sdxl", "pony", "flux2/klein-4b", "ideogram4"])
def test_what_is_built_passes_the_linter(family: str) -> None:
    asked = manner_of((), family)
    words = "a red potion" if family == "starter" else "an owl mascot with a red hat"
    built = build(words, asked)
    found = lint(built.prompt, asked, negative=built.negative)
    assert [one.code for one in found if one.severity != "note"] == []
