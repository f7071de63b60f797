"""docs/recipes.md, run as it is written."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

from ategnatos.art.recipes import vocabulary
from ategnatos.grimoire.project import Project
from tests.art.potion_recipe import add_words
from tests.conftest import AtTerminal, Run

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text(encoding="utf-8")


def blocks(first: str) -> list[Any]:
    """The JSON objects of the page's indented blocks that hold ``first``."""
    found = re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE)
    return [json.loads(one) for one in found if one.startswith("    {") and first in one]


def test_every_command_of_the_page_works_as_written(
    project: Project, run: Run, at_terminal: AtTerminal
) -> None:
    commands = re.findall(r"^    ategnatos (art .*)$", PAGE, re.MULTILINE)
    assert len(commands) >= 10
    for line in commands:
        words = shlex.split(line)
        if words[1] == "approve":
            done = at_terminal(words, cwd=project.root, answers=["yes"])
        else:
            done = run(*words, cwd=project.root)
        assert done.code == 0, (line, done.out, done.err)
    assert len(list(project.outputs.glob("alchemy.object.potion.v1/*/starter/0*.png"))) == 7
    assert len(list(project.exports.rglob("000.png"))) == 1
    (shown,) = blocks('"lever_schema"')
    written = project.grimoire / "recipes" / "alchemy.object.potion.v1.json"
    assert json.loads(written.read_bytes()) == shown


def test_the_vocabulary_of_the_page_can_be_used(project: Project) -> None:
    (words,) = blocks('"asset_formats"')
    add_words(project, words)
    known = vocabulary.of(project)
    assert known.asset_format_of("charm.gem")[0] == "medal"
    assert known.engine_keys["dear"].engine == "starter"
