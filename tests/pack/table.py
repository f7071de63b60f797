"""The tables of a skill that turn an answer into the next act, read row by row."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.pack.walk import Answered

HEAD = "| after | the answer says | do |"
_FIELD = re.compile(r"(?:data|error)(?:\.\w+)+")
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Row:
    """After any of ``commands`` the answer may hold ``path``, with ``value`` where that is said."""

    commands: tuple[str, ...]
    path: str
    value: str | None

    def __str__(self) -> str:
        said = f" = {self.value}" if self.value is not None else ""
        return f"{' / '.join(self.commands)}: {self.path}{said}"


def rows(text: str) -> list[Row]:
    """Every row of the tables in ``text``; an empty first cell goes on with the commands above."""
    found: list[Row] = []
    commands: tuple[str, ...] = ()
    inside = False
    for line in text.splitlines():
        if line == HEAD:
            inside, commands = True, ()
        elif inside and not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("| ---"):
            after, says, do = (cell.strip() for cell in line.strip("|").split("|", 2))
            commands = tuple(_CODE.findall(after)) or commands
            for said in _CODE.findall(says):
                path, _, value = said.partition(" = ")
                found.append(Row(commands, path, value or None))
            # What the act looks at is a field of the same answer.
            named = (said for said in _CODE.findall(do) if _FIELD.fullmatch(said))
            found += [Row(commands, path, None) for path in named]
    return found


def belongs(command: str, answered: Answered) -> bool:
    """Whether ``answered`` is of ``command``: its words come first, its options anywhere."""
    names = [word for word in command.split() if not word.startswith("-")]
    options = [word for word in command.split() if word.startswith("-")]
    words = [word for word in answered.words if word != "--json"]
    while words and words[0] == "--project":
        words = words[2:]
    return words[: len(names)] == names and all(one in words for one in options)
