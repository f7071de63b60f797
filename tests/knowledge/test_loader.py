"""Every data file says what it is, since when, and from where; nothing else is accepted."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge import loader
from ategnatos.knowledge.words import StarterWords, starter_words

HEAD = {"description": "What it is.", "date": "2026-11-20", "source": "Somewhere"}


def put(folder: Path, content: object) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "facts.json").write_text(text)


@pytest.mark.parametrize("name", loader.names())
def test_every_data_file_that_ships_keeps_the_rule(name: str) -> None:
    found = loader.read(name)
    assert len(found.description) > 20
    assert date(2020, 1, 1) < found.date
    assert found.sources
    assert found.entries


def test_a_source_may_stand_with_every_entry(tmp_path: Path) -> None:
    entries = [{"name": "a", "source": "One"}, {"name": "b", "source": "Two"}]
    put(tmp_path, {"about": "What it is.", "checked": "2026-11-20", "facts": entries})
    found = loader.read("facts", tmp_path)
    assert found.sources == ("One", "Two")
    assert found.content == {"facts": entries}


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        {**HEAD, "source": ""},
        {**HEAD, "source": ["a", "b"]},
        {**HEAD, "date": "yesterday"},
        {**HEAD, "date": None},
        {**HEAD, "description": " "},
        {"description": "x", "date": "2026-11-20"},
        {"description": "x", "date": "2026-11-20", "facts": [{"source": "a"}, {"name": "b"}]},
        {"description": "x", "date": "2026-11-20", "facts": {"a": 1}},
    ],
)
def test_a_file_that_breaks_the_rule_is_refused(tmp_path: Path, content: object) -> None:
    put(tmp_path, content)
    with pytest.raises(StudioError) as raised:
        loader.read("facts", tmp_path)
    assert raised.value.code.code == "knowledge_broken"


def test_content_of_another_shape_is_refused_with_its_place(tmp_path: Path) -> None:
    put(tmp_path, HEAD | {"kinds": {"sword": []}})
    with pytest.raises(StudioError) as raised:
        loader.load("facts", StarterWords, tmp_path)
    assert "kinds.sword" in raised.value.message


def test_names_do_not_lead_out_of_the_folder() -> None:
    for name in ("../loader", "formats.json", "", "/etc/passwd"):
        with pytest.raises(StudioError) as raised:
            loader.read(name)
        assert raised.value.code.code == "knowledge_unknown"


def test_the_words_are_whole_and_no_spelling_means_two_things() -> None:
    known = starter_words()
    tables = (known.kinds, known.sizes, known.styles)
    spellings = [word for table in tables for words in table.values() for word in words]
    spellings += [word for colour in known.colours.values() for word in colour.words]
    assert len(spellings) == len(set(spellings))
    for table in (*tables, {name: colour.words for name, colour in known.colours.items()}):
        assert all(words[0] == name for name, words in table.items())
