"""The human gate: a question that only somebody at a terminal can answer.

The question goes to ``/dev/tty``, not to standard input: what is piped into the program, or run
by an agent without a terminal, cannot answer it. This is the unsigned gate: it keeps an honest
agent out and a person in charge. A process that builds itself a pseudo-terminal can still pass.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from ategnatos.grimoire.errors import ErrorCode, StudioError

NEEDS_PERSON = ErrorCode("needs_person", "A verdict needs a person at a terminal.")
NOT_CONFIRMED = ErrorCode("not_confirmed", "The person did not confirm; nothing was recorded.")

# Set by Claude Code in the shells that it runs for the agent.
_AGENT_MARKS = ("CLAUDECODE",)


def person_present() -> bool:
    """Whether :func:`ask` could reach a person from here."""
    if any(os.environ.get(mark) for mark in _AGENT_MARKS):
        return False
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    os.close(descriptor)
    return True


def ask(lines: Sequence[str], prompt: str, accept: Collection[str], *, redo: str) -> str:
    """Show ``lines`` on the terminal and return which of ``accept`` the person typed.

    ``redo`` is the command for the person to run, named in the refusal. Anything not in
    ``accept`` is asked again, three times in all. Raises StudioError (``needs_person``,
    ``not_confirmed``).
    """
    for mark in _AGENT_MARKS:
        if os.environ.get(mark):
            raise _needs_person(f"this call comes from an agent ({mark} is set)", redo)
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError as error:
        reason = f"this call has no terminal ({error.strerror})"
        raise _needs_person(reason, redo) from error
    with os.fdopen(descriptor, "r+b", buffering=0) as terminal:
        terminal.write(("\n".join(lines) + "\n").encode())
        for _ in range(3):
            terminal.write(f"{prompt} ".encode())
            answer = _line(terminal.fileno())
            if answer is None:
                break
            if answer in accept:
                return answer
            terminal.write(f"Please type one of: {', '.join(accept)}\n".encode())
    raise StudioError(
        NOT_CONFIRMED,
        "No clear answer came from the terminal; no verdict was recorded.",
        hint=f"When you are ready: {redo}",
    )


def _line(descriptor: int) -> str | None:
    """One line typed at the terminal, lower case; None at end of input."""
    typed = b""
    while not typed.endswith(b"\n"):
        piece = os.read(descriptor, 1024)
        if not piece:
            return None
        typed += piece
    return typed.decode(errors="replace").strip().lower()


def _needs_person(reason: str, redo: str) -> StudioError:
    return StudioError(
        NEEDS_PERSON,
        f"A verdict is a person's act, and {reason}. Nothing was recorded.",
        hint=f"In your own terminal, run: {redo}",
    )
