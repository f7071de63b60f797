"""A new passphrase, typed twice at the terminal and seen by nobody."""

from __future__ import annotations

from collections.abc import Sequence

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.gate import hardening, keyfile, terminal


def new_passphrase(lines: Sequence[str], *, redo: str, undone: str) -> bytearray:
    """Show ``lines``, then read it; the caller wipes it. ``undone`` says what did not happen.

    An empty line is a no. Raises StudioError (``needs_person``, ``not_confirmed``,
    ``passphrase_weak``).
    """
    hardening.close_to_others()
    with terminal.opened(redo) as screen:
        terminal.show(screen, lines)
        first = terminal.hidden_line(screen, "New passphrase (an empty line is no):")
        if not first:
            raise terminal.unconfirmed(redo)
        try:
            keyfile.check_strength(first)
        except StudioError:
            terminal.wipe(first)
            raise
        again = terminal.hidden_line(screen, "The same again:")
    same = first == again
    terminal.wipe(again)
    if not same:
        terminal.wipe(first)
        raise StudioError(
            terminal.NOT_CONFIRMED,
            f"The two passphrases differ; {undone}.",
            hint=f"Run it again: {redo}",
        )
    return first
