"""Numbers, ids, paths and JSON files are taken only in their plain form."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.values.json_files import parse_json, read_json
from ategnatos.guard.values.names import parse_choice, parse_id
from ategnatos.guard.values.numbers import LARGEST, parse_real, parse_whole
from ategnatos.guard.values.paths import path_inside, read_file
from ategnatos.guard.values.shown import shown

BAD_NUMBERS = (
    "", " 5", "5 ", "+5", "--5", "1e3", "1_000", "1,000", "$100", "0x10", "१", "５", "NaN", "inf",
    "5\n", "1 2", "lots", "BASH_VERSINFO[$(touch x)]", "9" * 30, None, True, b"5", [5],
)  # fmt: skip


@pytest.mark.parametrize("value", [*BAD_NUMBERS, "1.5", 1.5, "-1", 0, 2**60], ids=repr)
def test_what_is_no_whole_number_in_bounds_is_refused(value: object) -> None:
    with pytest.raises(StudioError, match=r"--steps is .*from 1 to"):
        parse_whole(value, field="--steps")


@pytest.mark.parametrize(
    "value", [*BAD_NUMBERS, ".5", "5.", "-0.1", 1e300, 10**400, float("nan")], ids=repr
)
def test_what_is_no_number_in_bounds_is_refused(value: object) -> None:
    with pytest.raises(StudioError, match="--strength is"):
        parse_real(value, field="--strength")


@given(st.integers(min_value=1, max_value=LARGEST))
def test_whole_numbers_come_through(number: int) -> None:
    assert parse_whole(str(number)) == parse_whole(number) == number


def test_the_first_bound_can_be_left_out() -> None:
    assert parse_real("0.5", above_minimum=True) == 0.5
    assert parse_real("0") == 0.0
    with pytest.raises(StudioError):
        parse_real("0", above_minimum=True)


@given(st.text(max_size=40))
def test_an_id_is_always_a_plain_file_name(text: str) -> None:
    try:
        found = parse_id(text)
    except StudioError:
        return
    assert found == text
    assert Path(text).parts == (text,)
    assert text not in {".", ".."}
    assert not text.startswith(("-", "."))


@pytest.mark.parametrize(
    "text", ["", "..", "a/b", "-rf", ".hidden", "a..b", "a.", "a b", "é", "a\n", "x" * 129]
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(StudioError, match="--name"):
        parse_id(text, field="--name")


def test_a_choice_is_stored_in_one_spelling() -> None:
    known = ["runpod", "vastai"]
    assert parse_choice("VAST", known, aliases={"vast": "vastai"}) == "vastai"
    assert parse_choice("RunPod", known) == "runpod"
    with pytest.raises(StudioError) as refused:
        parse_choice("runpot", known, field="--provider")
    assert "Did you mean runpod?" in refused.value.hint


def test_paths_stay_inside_their_folder(tmp_path: Path) -> None:
    home = tmp_path / "models"
    home.mkdir()
    (tmp_path / "models-old").mkdir()
    (home / "out").symlink_to(tmp_path / "models-old")
    (home / "loop").symlink_to(home / "loop")
    (home / "in").symlink_to(home)
    assert path_inside(home, "..foo/a b.safetensors") == home / "..foo/a b.safetensors"
    assert path_inside(home, "in/x") == home / "x"
    bad = ["", ".", "..", "a/../b", "/etc/passwd", str(home / "x"), "out/x", "loop/x", "a\0b"]
    for text in [*bad, "../models-old/x", "x" * 300, "\ud800", "x/" * 3000]:
        with pytest.raises(StudioError) as refused:
            path_inside(home, text)
        assert refused.value.code.code == "path_outside", text


def test_only_ordinary_files_are_read_and_no_further_than_allowed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    os.mkfifo(tmp_path / "pipe")
    assert read_file(tmp_path / "file", largest=5) == b"12345"
    for name, largest in (("file", 4), ("pipe", 9), (".", 9), ("absent", 9), ("a\0b", 9)):
        with pytest.raises(StudioError, match="cannot be used"):
            read_file(f"{tmp_path}/{name}", largest=largest)
    with pytest.raises(StudioError, match="device"):
        read_file("/dev/zero", largest=9)


PROMPTS = ["medieval; eval $(x)", "a | b && c `d`", "exec retrieval", "../../etc", 'quote " \\ {[']


def test_a_prompt_is_data_whatever_it_says(tmp_path: Path) -> None:
    path = tmp_path / "workflow.json"
    path.write_text(json.dumps({"prompts": PROMPTS}))
    assert read_json(path) == {"prompts": PROMPTS}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "Expecting"),
        ("{", "Expecting"),
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "Infinity"),
        ('{"a": 1e999}', "too large"),
        ('{"a": 1, "a": 2}', "twice"),
        ("[1]", "a list, not an object"),
        ('{"a": 1} {"b": 2}', "Extra"),
        ("[" * 101 + "]" * 101, "deeper than 100"),
        ("[" * 500_000, "deeper"),
        ('{"a":' * 200_000, "deeper"),
        ('{"a": ' + "9" * 5000 + "}", "digits"),
        ("{'a': 1}", "Expecting"),
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_json_object_is_refused(text: str, why: str) -> None:
    with pytest.raises(StudioError, match=why):
        parse_json(text.encode())


def test_json_is_utf_8_with_or_without_its_mark() -> None:
    assert parse_json('\ufeff{"a": "é"}'.encode()) == {"a": "é"}
    for encoding in ("utf-16", "latin-1"):
        with pytest.raises(StudioError, match="utf-8"):
            parse_json('{"a": "é"}'.encode(encoding))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_comes_through_as_it_is(value: object) -> None:
    data = json.dumps({"value": value}).encode()
    assert parse_json(data) == {"value": value}


def test_hostile_json_takes_time_in_proportion_to_its_length() -> None:
    def seconds(data: bytes) -> float:
        best = 9.0
        for _ in range(3):
            started = time.process_time()
            with pytest.raises(StudioError):
                parse_json(data)
            best = min(best, time.process_time() - started)
        return best

    for piece in (b'"\\"', b'\\"', b'"\\', b'{"', b"[]"):
        small, large = seconds(b'{"' + piece * 20_000), seconds(b'{"' + piece * 160_000)
        assert large < 8 * 4 * small + 0.05, piece


@given(st.text() | st.integers() | st.binary() | st.lists(st.text()))
def test_a_refused_value_is_shown_short_and_visible(value: object) -> None:
    text = shown(value)
    assert len(text) <= 75
    assert text.isascii()
    assert text.isprintable()
