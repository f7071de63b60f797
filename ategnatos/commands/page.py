"""A page of labelled rows for people: prose wrapped to a terminal, commands left whole.

A command that was folded could not be copied, and a pipe has no width to fold to: both are why
this is no table of rich's.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

_NARROWEST = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One paragraph of a row. ``whole`` keeps it on one line however long (a command)."""

    text: str
    style: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """Labels, each with a style, then the lines beside them."""

    labels: tuple[tuple[str, str], ...]
    lines: Sequence[Line]


def draw(console: Console, rows: Sequence[Row]) -> None:
    """Print ``rows`` with their labels aligned."""
    from rich.text import Text

    if not rows:
        return
    widths = [max(len(row.labels[i][0]) for row in rows) + 2 for i in range(len(rows[0].labels))]
    indent = sum(widths)
    room = max(console.width - indent, _NARROWEST) if console.is_terminal else None
    for row in rows:
        head = Text()
        for (label, style), width in zip(row.labels, widths, strict=True):
            head.append(label, style=style).append(" " * (width - len(label)))
        for line in row.lines:
            for piece in _pieces(plain(line.text), None if line.whole else room):
                text = head.append(piece, style=line.style)
                text.rstrip()
                console.print(text, soft_wrap=True)
                head = Text(" " * indent)


def _pieces(text: str, width: int | None) -> list[str]:
    """``text`` in lines of at most ``width``, the leading spaces of its first kept on all."""
    if width is None or len(text) <= width:
        return [text]
    lead = text[: len(text) - len(text.lstrip())]
    return textwrap.wrap(
        text.strip(), width, initial_indent=lead, subsequent_indent=lead, break_on_hyphens=False
    )
