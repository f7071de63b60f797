"""The two vocabularies of the page: one file, a tooltip for each word, every key that is shown."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from ategnatos.knowledge import lore
from ategnatos.web import house
from ategnatos.web.appearance import Appearance, of

TEMPLATES = Path(str(files("ategnatos.web"))) / "templates"


def test_there_are_enough_words_and_each_says_what_it_is() -> None:
    words = lore.words()
    assert len(words) >= 75
    assert all(one.tooltip.endswith(".") and one.icon for one in words.values())
    assert lore.tooltip("loss") == words["loss"].tooltip
    assert lore.icon("loss") == words["loss"].icon
    assert lore.for_script()["loss"]["lore"] == words["loss"].lore


def test_every_word_that_a_page_asks_for_is_in_the_file() -> None:
    asked = {name for _, name in house.PAGES}
    for template in TEMPLATES.glob("*.html"):
        asked |= set(re.findall(r"\bw\('([a-z_]+)'", template.read_text(encoding="utf-8")))
    assert asked
    assert asked <= set(lore.words())


@pytest.mark.parametrize(
    ("cookies", "look", "word"),
    [
        ({}, "dark", "Runs"),
        ({"ategnatos-words": "lore", "ategnatos-look": "light"}, "light", "Battles"),
        ({"ategnatos-words": "<b>", "ategnatos-look": "<b>"}, "dark", "Runs"),
    ],
)
def test_the_reader_chooses_by_cookies_that_decide_nothing_else(
    cookies: dict[str, str], look: str, word: str
) -> None:
    found = of(cookies)
    assert (found.look, found.word("runs")) == (look, word)
    assert Appearance(lore=True).word("run", capital=False) == "battle"
