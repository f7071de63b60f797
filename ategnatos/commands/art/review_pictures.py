"""How the pages of ``art review`` show pictures on the terminal at hand."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ategnatos.pictures import terminal_pictures as pictures

if TYPE_CHECKING:
    from ategnatos.guard.gate.keys import Keys


def way_of(keys: Keys, wanted: str) -> str:
    """How pictures are shown here: as wanted, or as the terminal itself says it can."""
    if wanted != "auto":
        return wanted
    reply = b""
    inside_another = os.environ.get("TMUX") or os.environ.get("STY")
    if os.environ.get("TERM", "dumb") != "dumb" and not inside_another:
        reply = keys.answer(pictures.QUESTION, pictures.answered, pictures.keys_in)
    return pictures.way_of(os.environ, reply)


def blocks(shown: Sequence[tuple[str, bytes]], columns: int, rows: int) -> bytes:
    """Pictures (label and file) in half blocks, all within ``columns`` and ``rows`` where they
    fit at all.
    """
    from io import StringIO

    from rich.console import Console

    from ategnatos.pictures.terminal_art import draw_row

    side, across = _blocks_for(len(shown), columns, rows)
    text = StringIO()
    console = Console(file=text, force_terminal=True, color_system="truecolor", width=columns)
    for start in range(0, len(shown), across):
        row = shown[start : start + across]
        drawn = draw_row([data for _, data in row], [label for label, _ in row], side=side)
        console.print(drawn)
    return text.getvalue().encode()


def _blocks_for(count: int, columns: int, rows: int) -> tuple[int, int]:
    """The largest side in columns, and how many fit beside each other, so that all are seen."""
    for side in range(32, 8, -2):
        across = max(1, (columns + 2) // (side + 2))
        if -(-count // across) * (side // 2 + 1) <= rows:
            return side, across
    return 8, max(1, (columns + 2) // 10)
