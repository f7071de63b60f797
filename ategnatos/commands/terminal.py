"""What may reach a terminal: no credentials, no control characters, colour where it is watched."""

from __future__ import annotations

import os
import sys
import unicodedata
from typing import TYPE_CHECKING

from ategnatos.guard.redaction import redact

if TYPE_CHECKING:
    from rich.console import Console


def plain(text: str) -> str:
    """``text`` with credentials masked and control characters made visible.

    A prompt or a file name may hold an escape sequence; shown raw it could move the cursor or
    rewrite what a person reads before a verdict. Newlines and tabs are kept.
    """
    text = redact(text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if character in "\n\t"
        or unicodedata.category(character) not in {"Cc", "Cf", "Cs"}
        # Joiners are needed inside emoji and several scripts, and move nothing.
        or character in "\u200c\u200d"
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def console(*, stderr: bool = False) -> Console:
    """A rich console that colours only a terminal, whatever FORCE_COLOR says of a pipe."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    watched = stream.isatty() and os.environ.get("TERM") != "dumb"
    return Console(
        file=stream,
        force_terminal=watched,
        no_color=not watched or None,
        markup=False,
        highlight=False,
        emoji=False,
        soft_wrap=not watched,
    )
