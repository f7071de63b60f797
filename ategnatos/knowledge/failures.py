"""Why a training run failed, read from its log: the known failures and their messages as data.

A failure has patterns, each a regular expression on one line of a log with its source (the code or
the documentation that the wording comes from), and a weight: how much its message says. Where a
log shows several, the heaviest is the cause and the rest are what followed; among equals the first
one in the log. Adding a failure or a wording is an entry in ``data/failures.json``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_LONGEST_LINE = 4000
# Of a process that a signal ended, only what weighs so much can be why.
_HEAVY = 8
# How a process ended, as Python and as a shell say it.
_BY_STATUS = {
    -9: "killed",
    137: "killed",
    -15: "terminated",
    143: "terminated",
    -2: "interrupted",
    130: "interrupted",
}


class Pattern(BaseModel):
    """``text`` is a regular expression that is looked for in one line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str
    source: str


class Failure(BaseModel):
    """``weight`` 1 to 9: 9 for a message that can mean nothing else and is the cause itself.

    ``smaller_batch_helps`` is true for GPU memory alone: for everything else a retry with a
    smaller batch wastes the time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    cause: str
    fix: tuple[str, ...]
    smaller_batch_helps: bool
    weight: int
    patterns: tuple[Pattern, ...]
    source: str


class Failures(BaseModel):
    """The whole of ``failures.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    failures: dict[str, Failure]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One failure that a log shows: its name, what is known of it, and the line that shows it.

    ``number`` counts lines from 1; ``seen`` is how many lines show it.
    """

    name: str
    failure: Failure
    line: str
    number: int
    seen: int


@lru_cache(maxsize=1)
def known() -> dict[str, Failure]:
    """Every failure by its name. Raises StudioError as :func:`ategnatos.knowledge.loader.load`."""
    from ategnatos.knowledge import loader

    return loader.load("failures", Failures).failures


def diagnose(
    lines: Iterable[str],
    failures: dict[str, Failure] | None = None,
    without: Collection[str] = (),
    status: int | None = None,
) -> list[Diagnosis]:
    """What the lines of a log show, the likeliest cause first; [] where nothing is known.

    Progress bars (carriage returns) and colours are undone. ``without`` leaves out patterns of
    these sources, as a measurement on messages not seen before needs. ``status`` is how the
    process ended (negative: by that signal): a signal is the cause before what the log of a
    process that went on has said, and after what could have brought it.
    """
    patterns = [
        (name, failure, re.compile(pattern.text))
        for name, failure in (known() if failures is None else failures).items()
        for pattern in failure.patterns
        if pattern.source not in without
    ]
    found: dict[str, Diagnosis] = {}
    last: dict[str, int] = {}
    for number, line in enumerate(_plain(lines), 1):
        for name, failure, pattern in patterns:
            before = found.get(name)
            if last.get(name) == number:
                continue
            if pattern.search(line):
                seen, said = (0, "") if before is None else (before.seen, before.line)
                # A traceback shows the program's own line first, and then what it says.
                anew = not said or said.startswith("raise ")
                last[name] = number
                found[name] = Diagnosis(
                    name,
                    failure,
                    line.strip() if anew else said,
                    number if before is None else before.number,
                    seen + 1,
                )
    told = sorted(found.values(), key=lambda one: (-one.failure.weight, one.number))
    ended = _BY_STATUS.get(status or 0)
    if ended is not None and not (told and told[0].failure.weight >= _HEAVY):
        failure = (known() if failures is None else failures)[ended]
        told = [
            found.get(ended)
            or Diagnosis(ended, failure, f"the process ended with status {status}", 0, 1),
            *(one for one in told if one.name != ended),
        ]
    return told


def _plain(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        for part in line.replace("\r", "\n").split("\n"):
            if part.strip():
                yield _COLOURS.sub("", part)[:_LONGEST_LINE]
