"""Every command that the program names in its own words is one that it has."""

from __future__ import annotations

import re
from pathlib import Path

import typer

import ategnatos
from ategnatos import cli
from ategnatos.commands.known_commands import problem, wrong_commands

PACKAGE = Path(ategnatos.__file__).parent
# Adjacent literals are one text; what an f-string fills in is a word of somebody's.
_JOINT = re.compile(r'"\s*\n\s*f?"')
_FILLED = re.compile(r"\{[^{}\n]*\}")
# A command stands in quotes of its own, after a colon, or begins a text.
_NAMED = re.compile(r"(?:(?<=['`\"])|(?<=: ))ategnatos (?P<rest>[a-z][^'\"`\n]*)")
_OPTION = re.compile(r"--[a-z][a-z-]*")
# Words after a command that belong to the sentence around it.
_PROSE = re.compile(r"[,;.:()]|\s(?:says|shows|lists|names|and|or|to|is|for|where|after|which)\s")
_NOT_COMMANDS = ("ategnatos owl", "ategnatos approver key", "ategnatos human gate")
# A guide's line with what it does beside it.
_BESIDE = re.compile(r"^([ ]*ategnatos .*?)[ ]{3,}.*$", re.MULTILINE)


def test_every_command_in_a_text_of_ours_exists() -> None:
    program = typer.main.get_command(cli.app)
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "ategnatos " not in source:
            continue
        source = _FILLED.sub(" X", _JOINT.sub("", source))
        for found in _NAMED.finditer(source):
            words = _PROSE.split(found["rest"])[0].split()
            named = [word for word in words if re.fullmatch(r"[a-zA-Z][\w-]*", word)]
            line = " ".join(["ategnatos", *named, *_OPTION.findall(" ".join(words))])
            if not line.startswith(_NOT_COMMANDS) and (why := problem(line, program)):
                wrong.append(f"{path.relative_to(PACKAGE)}: {found[0][:90]}: {why}")
    assert wrong == []


def test_every_command_of_the_guides_exists() -> None:
    program = typer.main.get_command(cli.app)
    root = PACKAGE.parent
    for path in (root / "README.md", *sorted((root / "docs").glob("*.md"))):
        text = _BESIDE.sub(r"\1", path.read_text(encoding="utf-8"))
        wrong = [
            one for one in wrong_commands(text, program) if not one[1:].startswith(_NOT_COMMANDS)
        ]
        assert wrong == [], path.name
