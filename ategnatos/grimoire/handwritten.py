"""Read the tables and lists that people wrote by hand before there were documents.

The layout: ``## Heading``, then ``- **Label**: value`` lines, a pipe table, or a list of
preferences. Whatever does not fit it ends up in ``left``, in its order: nothing is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ategnatos.grimoire.markdown import unescape

_FACT = re.compile(r"[-*+]\s+\*\*(.+?)\*\*\s*:\s*(.*)")
_ITEM = re.compile(r"[-*+]\s+(.*)")
_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_CELL_END = re.compile(r"(?<!\\)((?:\\\\)*)\|")
_COUNT = re.compile(r"\s*\[(?:confirmed:\s*)?(\d+)\s+(?:session|approval)s?\]\s*$", re.IGNORECASE)
_POLARITY = re.compile(r"(avoid|never)\s*:\s*", re.IGNORECASE)

Read = Callable[[str], str]


@dataclass(slots=True)
class Section:
    """One heading and the lines under it; the lines before any heading have heading ""."""

    heading: str
    lines: list[str] = field(default_factory=list)


def sections(text: str, title: str) -> list[Section]:
    """The text by its ``##`` headings; the title line is left out where it is ``# title``."""
    found = [Section("")]
    for line in text.split("\n"):
        line = line.removesuffix("\r")
        if line.startswith("## "):
            found.append(Section(line[3:].strip()))
        elif line.strip() != f"# {title}":
            found[-1].lines.append(line)
    return found


def slug(label: str) -> str:
    """A heading or label as a field name: small letters, digits and '_'."""
    return re.sub(r"[^\w]+", "_", label.strip().casefold()).strip("_")


def reader(*, generated: bool) -> Read:
    """How a cell or value becomes text: by hand only ``\\|`` and ``<br>`` mean anything else."""

    def by_hand(text: str) -> str:
        return _BREAK.sub("\n", text.strip().replace("\\|", "|"))

    return (lambda text: unescape(text.strip())) if generated else by_hand


def facts(section: Section, read: Read) -> tuple[dict[str, str], list[str]]:
    """Labels (as written) with their values, and the lines that are no such thing."""
    found: dict[str, str] = {}
    left: list[str] = []
    for line in section.lines:
        match = _FACT.fullmatch(line.strip())
        label = read(match[1]) if match else ""
        if match is None or label in found:
            left += [line] if line.strip() else []
        else:
            found[label] = read(match[2])
    return found, left


def table(section: Section, read: Read) -> tuple[list[dict[str, str]], list[str]]:
    """The rows of the section's table by heading (as written), and the lines outside it.

    A row with more cells than headings is not understood and is left; an empty row holds
    nothing and is not a row.
    """
    headings: list[str] | None = None
    rows: list[dict[str, str]] = []
    left: list[str] = []
    for line in section.lines:
        if not line.strip():
            continue
        cells = _cells(line, read) if "|" in line else None
        if cells is None:
            left.append(line)
        elif headings is None:
            headings = cells
        elif _RULE.fullmatch(line) and not rows:
            continue
        elif len(cells) > len(headings) or len(set(headings)) != len(headings):
            left.append(line)
        elif any(cells):
            rows.append(dict(zip(headings, [*cells, *[""] * len(headings)], strict=False)))
    return rows, left


def preferences(
    section: Section, category: str, read: Read
) -> tuple[list[dict[str, Any]], list[str]]:
    """The list items of the section as preferences, and the lines that are none."""
    found: list[dict[str, Any]] = []
    left: list[str] = []
    for line in section.lines:
        match = _ITEM.fullmatch(line.strip())
        if match is not None:
            found.append(_preference(match[1], category, read))
        elif line[:1].isspace() and line.strip() and found:
            # An indented line goes on with the item above it.
            found[-1]["text"] += "\n" + read(line)
        elif line.strip():
            left.append(line)
    return found, left


def _preference(text: str, category: str, read: Read) -> dict[str, Any]:
    count = _COUNT.search(text)
    if count is not None:
        text = text[: count.start()]
    polarity = _POLARITY.match(text)
    if polarity is not None:
        text = text[polarity.end() :]
    default = "avoid" if category == "anti_preferences" else "prefer"
    return {
        "category": category,
        "text": read(text),
        "polarity": polarity[1].lower() if polarity is not None else default,
        "confirmations": int(count[1]) if count is not None else 0,
    }


def _cells(line: str, read: Read) -> list[str]:
    body = line.strip().removeprefix("|")
    cells: list[str] = []
    start = 0
    for match in _CELL_END.finditer(body):
        cells.append(body[start : match.end() - 1])
        start = match.end()
    if body[start:].strip():
        cells.append(body[start:])
    return [read(cell) for cell in cells]
