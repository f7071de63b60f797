"""Captions are judged one by one and together; what is certain can be mended, nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ategnatos.train.dataset.captions import dialects, fixes, lint, protocol, together, tokens
from ategnatos.train.dataset.captions.findings import rules, style_terms
from ategnatos.train.dataset.captions.protocol import Told, Wanted, compose
from ategnatos.train.dataset.coverage_words import dimensions, variation_terms
from tests.train.dataset.pictures import CONTENTS, STYLE

OWL = Wanted("owls", "zrvkowl", "character")


def told(*texts: str, like: Wanted = OWL, **measured: float) -> list[Told]:
    return [Told(f"{i}.png", text, {}, measured) for i, text in enumerate(texts)]


def in_parts(contents: tuple[str, ...] = CONTENTS, style: str = STYLE) -> list[Told]:
    made = [{"content": content, "style": style} for content in contents]
    return [Told(f"{i}.png", compose("zrvkowl", p), p, {}) for i, p in enumerate(made)]


def codes(captions: list[Told], like: Wanted = OWL) -> set[str]:
    return {one.code for one in lint.judge(captions, like).findings}


def test_good_captions_have_no_error_and_no_warning() -> None:
    judged = lint.judge(in_parts(), OWL)
    worse = [one for one in judged.findings if one.severity != "note"]
    assert worse == []
    assert judged.metrics["trigger"] == {"word": "zrvkowl", "tokens": 4, "first": 1.0}
    assert judged.metrics["dialects"] == {"prose": 6}
    assert judged.metrics["tokens"]["exact"] is True


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "caption_missing"),
        ("zrvkowl, caf\ufffd by the sea", "caption_unreadable"),
        ("zrvkowl, cafÃ© by the sea", "caption_unreadable"),
        ("zrvkowl, an owl\non a branch", "caption_lines"),
        ("zrvkowl,, an owl", "caption_untidy"),
        ("an owl on a branch", "trigger_missing"),
        ("an owl, zrvkowl, on a branch", "trigger_not_first"),
        ("zrvkowls on a branch", "trigger_spelling"),
        ("Zrvkowl, an owl on a branch", "trigger_spelling"),
        ("zrvkowl, an owl, zrvkowl", "trigger_repeated"),
        ("zrvkowl, an owl", "too_short"),
        ("zrvkowl, " + "a tall dark tree, " * 80, "too_long"),
        ("zrvkowl, it appears to be sleeping", "hedging"),
        ("zrvkowl, the image shows a beautiful owl", "filler"),
        ("zrvkowl, close-up, full body", "contradiction"),
        ("zrvkowl, [trigger] on a branch", "reserved"),
    ],
)
def test_each_fault_of_one_caption_is_found(text: str, code: str) -> None:
    assert code in codes(told(text))


@pytest.mark.parametrize(
    "text",
    [
        "zrvkowl, a seemly owl in a likeable forest",
        "zrvkowl, an unclothed mannequin, a portraitist at work",
        "zrvkowl, an owl standing on a close-upholstered chair, full bodywork",
    ],
)
def test_words_inside_other_words_are_not_found(text: str) -> None:
    assert codes(told(text)) & {"hedging", "filler", "contradiction"} == set()


def test_technique_and_content_are_told_apart_where_the_parts_are_known() -> None:
    wrong = {"content": "an owl on a branch, oil painting", "style": "thick outlines, a castle"}
    found = lint.judge([Told("0.png", compose("zrvkowl", wrong), wrong, {})], OWL).findings
    said = {(one.code, one.said) for one in found}
    assert ("style_in_content", "oil painting") in said
    assert ("content_in_style", "castle") in said
    assert "style_thin" in {code for code, _ in said}
    longer = {"content": "an owl", "style": "hand-drawn look, oil painting, thick outlines"}
    again = lint.judge([Told("0.png", compose("zrvkowl", longer), longer, {})], OWL).findings
    assert not {one.code for one in again} & {"content_in_style", "style_thin"}


def test_words_in_most_captions_are_absorbed_unless_they_are_variation() -> None:
    contents = tuple(f"{text}, round yellow eyes, from behind" for text in CONTENTS)
    found = {(one.code, one.said) for one in lint.judge(in_parts(contents), OWL).findings}
    assert ("absorb", "round yellow eyes") in found
    assert ("constant_variation", "from behind") in found
    assert ("absorb", "from behind") not in found
    # For a style it is the technique that becomes a second name; the content may repeat.
    style = Wanted("owls", "zrvkowl", "style")
    of_style = {one.code for one in lint.judge(in_parts(contents), style).findings}
    assert "absorb" not in of_style
    assert "style_everywhere" in of_style


def test_four_captions_are_too_few_to_speak_of_shares() -> None:
    few = in_parts(tuple(f"{text}, round yellow eyes" for text in CONTENTS[:4]))
    assert "absorb" not in codes(few)


def test_equal_and_nearly_equal_captions_are_found_once_each() -> None:
    long = "zrvkowl, " + " ".join(f"word{i}" for i in range(30))
    found = lint.judge(told(long, long, long + " more"), OWL).findings
    same = [one for one in found if one.code == "same_caption"]
    assert [one.pictures for one in same] == [("0.png", "1.png")]
    alike = [one for one in found if one.code == "alike_caption"]
    assert [one.pictures for one in alike] == [("2.png", "0.png")]


@settings(deadline=None)
@given(st.lists(st.frozensets(st.sampled_from("abcdefghijkl")), max_size=12), st.floats(0.5, 1))
def test_no_pair_that_is_alike_is_overlooked(sets: list[frozenset[str]], least: float) -> None:
    named = [(str(place), own) for place, own in enumerate(sets)]
    expected = []
    for place, (name, own) in enumerate(named):
        for other, others in named[:place]:
            if own | others and len(own & others) / len(own | others) >= least:
                expected.append((name, other))
                break
    assert [(one, other) for one, other, _ in together.alike(named, least)] == expected


def test_the_one_that_is_written_otherwise_is_named() -> None:
    captions = [*in_parts(), *told("zrvkowl, owl, night_sky, branch, full moon, tree")]
    found = [one for one in lint.judge(captions, OWL).findings if one.code == "mixed_dialect"]
    assert [one.pictures for one in found] == [("0.png",)]
    assert "tags" in found[0].means


def test_what_the_picture_measures_otherwise_is_said() -> None:
    grey = told("zrvkowl, monochrome, at night", saturation=0.8, brightness=0.9)
    found = [one for one in lint.judge(grey, OWL).findings if one.code == "contradicts_picture"]
    assert {one.said for one in found} == {"monochrome", "at night"}
    true = told("zrvkowl, monochrome, at night", saturation=0.02, brightness=0.2)
    assert "contradicts_picture" not in codes(true)
    assert "contradicts_picture" not in codes(told("zrvkowl, monochrome, at night"))


def test_a_known_word_as_trigger_and_none_at_all_are_said() -> None:
    assert "trigger_common" in codes(told("castle, x"), Wanted("d", "castle"))
    assert "trigger_unset" in codes(told("x"), Wanted("d"))


def test_tokens_are_exact_for_clip_and_an_estimate_with_its_error_for_others() -> None:
    clip = tokens.counter_for(OWL)
    assert clip.exact
    assert clip.count("zrvkowl") == 4
    assert clip.count("a" * 5_000) > 50
    t5 = tokens.counter_for(Wanted("d", "zrvkowl", family="flux"))
    assert not t5.exact
    assert 0.1 < t5.error < 0.5
    sdxl = tokens.counter_for(Wanted("d", "zrvkowl", family="sdxl"))
    assert (sdxl.exact, sdxl.window) == (True, 75)


def test_a_tokenizer_file_counts_exactly(tmp_path) -> None:  # type: ignore[no-untyped-def]
    library = pytest.importorskip("tokenizers")
    made = library.Tokenizer(library.models.WordLevel({"owl": 0, "[UNK]": 1}, unk_token="[UNK]"))
    made.pre_tokenizer = library.pre_tokenizers.Whitespace()
    path = tmp_path / "tokenizer.json"
    made.save(str(path))
    counter = tokens.counter_for(Wanted("d", tokenizer=str(path)))
    assert (counter.exact, counter.count("an owl, an owl")) == (True, 5)


def test_fixes_mend_what_is_certain_and_list_what_is_not() -> None:
    captions = told(
        "the image shows an owl , zrvkowl,  on a branch",
        "Zrvkowl on a branch, masterpiece",
        "zrvkowl, possibly a cat",
    )
    judged = lint.judge(captions, OWL)
    made = {one.picture: one.after for one in fixes.propose(captions, OWL, judged.findings)}
    assert made == {"0.png": "zrvkowl, an owl, on a branch", "1.png": "zrvkowl, on a branch"}
    assert "hedging" in fixes.look_again(judged.findings)["2.png"]


def test_absorbing_takes_whole_phrases_out_of_the_content_alone() -> None:
    contents = tuple(f"{text}, round yellow eyes" for text in CONTENTS)
    captions = in_parts(contents)
    judged = lint.judge(captions, OWL)
    assert fixes.propose(captions, OWL, judged.findings) == []
    made = fixes.propose(captions, OWL, judged.findings, absorb=True)
    assert [one.after for one in made] == [one.text for one in in_parts()]
    assert all(one.parts["style"] == STYLE for one in made)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=80), min_size=1, max_size=5))
def test_any_text_is_judged_and_fixing_twice_changes_nothing_more(texts: list[str]) -> None:
    captions = told(*texts)
    first = {
        one.picture: one.after
        for one in fixes.propose(captions, OWL, lint.judge(captions, OWL).findings)
    }
    again = [Told(t.picture, first.get(t.picture, t.text), {}, {}) for t in captions]
    second = fixes.propose(again, OWL, lint.judge(again, OWL).findings)
    # A filler may be made by taking another out ("there there is is"), never for ever.
    third = [
        Told(t.picture, {p.picture: p.after for p in second}.get(t.picture, t.text), {}, {})
        for t in again
    ]
    for one in fixes.propose(third, OWL, lint.judge(third, OWL).findings):
        assert len(one.after) <= len(one.before)


def test_conversion_keeps_trigger_and_style_and_says_what_is_lost() -> None:
    (first, *_) = in_parts()
    as_tags = dialects.convert(first, "zrvkowl", "tags")
    assert as_tags.text.startswith("zrvkowl, sitting, branch, night, upper body")
    assert as_tags.text.endswith(STYLE)
    assert as_tags.notes
    tags = Told("0.png", "zrvkowl, 1girl, solo, looking_at_viewer, white_dress, rain", {}, {})
    prose = dialects.convert(tags, "zrvkowl", "prose")
    assert prose.text == "zrvkowl, a girl, looking at the viewer, white dress, rain"
    as_json = dialects.convert(first, "zrvkowl", "json")
    assert json.loads(as_json.text) == {
        "trigger": "zrvkowl",
        "content": CONTENTS[0],
        "style": STYLE,
    }
    back = Told("0.png", as_json.text, as_json.parts, {})
    assert dialects.convert(back, "zrvkowl", "prose").text == first.text
    assert dialects.convert(first, "zrvkowl", "prose").text == first.text


def test_every_table_of_words_is_in_lower_case_and_of_use() -> None:
    table = rules()
    words = [*table["hedges"], *table["fillers"], *table["content_terms"], *style_terms()]
    words += [*variation_terms(), *(said for rule in table["measured"] for said in rule["say"])]
    assert [word for word in words if word != word.lower() or word != word.strip()] == []
    assert set(table["style_terms"]) == {
        "medium",
        "line",
        "colour",
        "light",
        "texture",
        "rendering",
    }
    for name, dimension in dimensions().items():
        shares = sum(entry["share"] for entry in dimension["values"].values())
        assert shares <= 1, name


def test_the_examples_of_the_templates_pass_their_own_lint() -> None:
    from ategnatos.knowledge import loader

    for one in loader.read("caption_templates").content["examples"]:
        parts = {"content": one["content"], "style": one["style"]}
        like = Wanted("d", one["trigger"], one["type"])
        told_one = Told("x", protocol.compose(one["trigger"], parts), parts, {})
        found = lint.judge([told_one], like).findings
        assert {f.code for f in found if f.severity != "note"} == set(), one["trigger"]
