"""The flows of the pack, walked: every command answers as the page says."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.pack import eyes
from tests.pack.flow import ROOT, SKILLS, at, before, equal, flows
from tests.pack.table import belongs, rows
from tests.pack.walk import Walk, ask

NAMES = ("studio", "eye", "art", "train")
# Whose answers a skill explains: its own room's.
ROOMS = {
    "studio": ("studio", "status", "doctor", "clean", "grimoire"),
    "eye": ("eye",),
    "art": ("art",),
    "train": ("train",),
}
ALL = [page for skill in NAMES for page in flows(skill)]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """``walked(page)``: what the commands of a flow answered; each flow is walked once."""

    @cache
    def walk(page: Path) -> Walk:
        earlier = before(page)
        going = Walk(tmp_path_factory.mktemp(page.stem) / "studio")
        if earlier is not None:
            going.place, going.names = walk(earlier).place, dict(walk(earlier).names)
        account = going.place.parent
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HOME", str(account))
            patch.setenv("XDG_CONFIG_HOME", str(account / "config"))
            patch.setenv("XDG_STATE_HOME", str(account / "state"))
            # Nothing listens on port 9: whoever runs the tests may have a ComfyUI.
            patch.setenv("ATEGNATOS_COMFYUI_URL", "http://127.0.0.1:9")
            if earlier is None:
                ask(["init", str(going.place)], account)
                eyes.inbox(going.place / "inbox")
            going.through(page)
        return going

    return lambda page: walk(page).answered


@pytest.mark.parametrize("page", ALL, ids=lambda page: f"{page.parent.parent.name}/{page.stem}")
def test_a_flow_goes_as_it_is_written(page: Path, walked: Any) -> None:
    assert walked(page)


@pytest.mark.parametrize("skill", NAMES)
def test_a_table_speaks_of_answers_that_come(skill: str, walked: Any) -> None:
    """What a skill looks for in an answer was seen in one, by that name and with that value."""
    said = rows((SKILLS / skill / "SKILL.md").read_text(encoding="utf-8"))
    assert said
    answers = [one for page in ALL for one in walked(page)]
    wrong = []
    for row in said:
        seen = [
            value
            for one in answers
            if any(belongs(command, one) for command in row.commands)
            for value in at(one.envelope, row.path)
        ]
        if row.path == "error.code" and row.value not in seen:
            if row.value not in _codes():
                wrong.append(f"{row}: no such refusal")
        elif not seen:
            wrong.append(f"{row}: not in any answer")
        elif row.value is not None and not any(equal(one, row.value) for one in seen):
            wrong.append(f"{row}: the answers say {seen[:3]}")
    assert wrong == []


@pytest.mark.parametrize("skill", NAMES)
def test_each_command_of_a_flow_stands_in_the_table_of_its_skill(skill: str, walked: Any) -> None:
    named = {
        command
        for row in rows((SKILLS / skill / "SKILL.md").read_text(encoding="utf-8"))
        for command in row.commands
    }
    met = [one for page in flows(skill) for one in walked(page) if one.words[0] in ROOMS[skill]]
    assert {
        " ".join(one.words[:3])
        for one in met
        if not any(belongs(command, one) for command in named)
    } == set()


@cache
def _codes() -> set[str]:
    """Every code of a refusal that the program declares."""
    return {
        code
        for path in (ROOT / "ategnatos").rglob("*.py")
        for code in re.findall(r'ErrorCode\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
    }
