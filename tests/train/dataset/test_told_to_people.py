"""What the pages and the skill tell of datasets is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ategnatos.commands.train.dataset import VERBS
from ategnatos.commands.train.dataset.captions import app as captions
from ategnatos.knowledge import loader

ROOT = Path(__file__).parents[3]
SKILL = ROOT / ".claude/skills/train"
TEXTS = [ROOT / "docs/datasets.md", SKILL / "SKILL.md", *sorted(SKILL.glob("resources/*.md"))]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_every_command_exists(path: Path) -> None:
    text = path.read_text()
    verbs = {str(one.name) for one in captions.registered_commands}
    for verb in re.findall(r"ategnatos train dataset ([a-z]+)", text):
        assert verb in VERBS, verb
    for verb in re.findall(r"(?:dataset |`)captions ([a-z]+)", text):
        assert verb in verbs, verb


def test_the_sizes_of_the_page_are_those_of_the_data() -> None:
    text = (SKILL / "resources/dataset-sizes.md").read_text()
    for name, entry in loader.read("dataset_sizes").content["types"].items():
        row = f"| {name} | {entry['from']} to {entry['to']} | {entry['least']} | {entry['most']} |"
        assert row in text


def test_the_examples_and_sides_of_the_page_are_those_of_the_data() -> None:
    text = (SKILL / "resources/content-style.md").read_text()
    for one in loader.read("caption_templates").content["examples"]:
        assert f"{one['trigger']}, {one['content']}, {one['style']}" in text
    for side, terms in loader.read("caption_rules").content["style_terms"].items():
        (row,) = re.findall(rf"^\| {side} \| (.+) \|$", text, re.M)
        assert {term.strip() for term in row.split(",")} <= set(terms) | {"film grain"}, side


def test_the_picture_of_the_page_is_there() -> None:
    for link in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "docs/datasets.md").read_text()):
        assert (ROOT / "docs" / link).is_file()
