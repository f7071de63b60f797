"""A flow of the pack: a page whose commands are run, step by step, as an agent and a person would.

In the indented blocks of a flow,

    ategnatos COMMAND            is the agent's step (``--json`` is added where it lacks)
    person$ ategnatos COMMAND    is the person's, at a terminal of their own
    -> data.FIELD                the answer has it, and it is not empty
    -> data.FIELD = VALUE        it has this value (VALUE as JSON, or a bare word)
    -> data.FIELD as NAME        NAME stands for it in the commands that follow
    -> error.code = CODE         the step is refused, with this code
    -> file PATH                 the studio has this file now
    -> answers PATH              the agent looks and writes down what it sees (see ``eyes``)
    person edits PATH            the person adds a line to it in an editor
    write PATH                   the agent writes a file: the lines after it that begin with "| "

What follows two spaces after such a line is for the reader. A flow that says "Goes on from
[another](another.md)" begins in the studio that the other left.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SKILLS = ROOT / ".claude" / "skills"


@dataclass(frozen=True, slots=True)
class Expected:
    """One ``->`` line."""

    kind: str  # "field", "file" or "answers"
    path: str
    value: str | None = None
    name: str = ""


@dataclass(slots=True)
class Step:
    """One command of a flow, who types it, and what must be seen; or a file that is written."""

    line: int
    command: str
    person: bool = False
    expected: list[Expected] = field(default_factory=list)
    written: list[str] | None = None


def flows(skill: str) -> list[Path]:
    """The flow pages of a skill, by name."""
    return sorted((SKILLS / skill / "flows").glob("*.md"))


def steps(text: str) -> list[Step]:
    """The steps of a flow, in order. Raises ValueError for a line of a block that is none."""
    found: list[Step] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("    ") or not line.strip():
            continue
        said = line.strip()
        person = said.startswith("person$ ")
        command = said.removeprefix("person$ ")
        if command.startswith("ategnatos "):
            found.append(Step(number, command, person))
        elif said.startswith("person edits "):
            found.append(Step(number, said.removeprefix("person edits "), person=True, written=[]))
        elif said.startswith("write "):
            found.append(Step(number, said.removeprefix("write "), written=[]))
        elif said.startswith("| ") and found and found[-1].written is not None:
            found[-1].written.append(said.removeprefix("| "))
        elif said.startswith("-> ") and found:
            found[-1].expected.append(_expected(said))
        else:
            raise ValueError(f"line {number} is no step: {said}")
    return found


def _expected(said: str) -> Expected:
    shown = said.partition("  ")[0].removeprefix("-> ")
    words = shown.split(" ", 2)
    match words:
        case ["file" | "answers" as kind, path]:
            return Expected(kind, path)
        case [path]:
            return Expected("field", path)
        case [path, "=", value]:
            return Expected("field", path, value=value)
        case [path, "as", name]:
            return Expected("field", path, name=name)
    raise ValueError(f"this says nothing that could be looked at: {said}")


def before(page: Path) -> Path | None:
    """The flow that ``page`` goes on from; None where it begins in a fresh studio."""
    found = re.search(r"Goes on from \[[^\]]+\]\(([\w-]+\.md)\)", page.read_text("utf-8"))
    return page.with_name(found[1]) if found else None


def at(value: Any, path: str) -> Iterator[Any]:
    """Everything at ``path`` (``data.jobs.job``): through a list to each of its entries.

    A number takes one entry. Nothing is yielded where there is no such place.
    """
    if not path:
        yield value
        return
    first, _, rest = path.partition(".")
    if isinstance(value, list):
        if first.isdigit():
            if int(first) < len(value):
                yield from at(value[int(first)], rest)
        else:
            for one in value:
                yield from at(one, path)
    elif isinstance(value, dict) and first in value:
        yield from at(value[first], rest)


def equal(found: Any, said: str) -> bool:
    """Whether ``found`` is, or as a list holds, what a page calls ``said``: JSON or a bare word."""
    try:
        meant = json.loads(said)
    except ValueError:
        meant = said
    return bool(found == meant or (isinstance(found, list) and meant in found))


def empty(found: Any) -> bool:
    """Whether a field holds nothing to speak of; 0 and false are something."""
    return found is None or found in ("", [], {})
