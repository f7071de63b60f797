"""A question that only somebody at a terminal can answer.

The question goes to ``/dev/tty``, not to standard input: what is piped into the program, or run
by an agent without a terminal, cannot answer it. Without a key this is the whole gate: it keeps
an honest agent out and a person in charge. A process that builds itself a pseudo-terminal can
still pass; with a key it also needs the passphrase, which is read here and nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from io import RawIOBase
from typing import cast

from ategnatos.grimoire.errors import ErrorCode, StudioError

NEEDS_PERSON = ErrorCode("needs_person", "A verdict needs a person at a terminal.")
NOT_CONFIRMED = ErrorCode("not_confirmed", "The person did not confirm; nothing was recorded.")

# Set by Claude Code in the shells that it runs for the agent.
_AGENT_MARKS = ("CLAUDECODE",)

_LONGEST_LINE = 4096


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


@contextmanager
def opened(redo: str) -> Iterator[RawIOBase]:
    """The controlling terminal. ``redo`` is the command for the person to run.

    Raises StudioError (``needs_person``).
    """
    for mark in _AGENT_MARKS:
        if os.environ.get(mark):
            raise _needs_person(f"this call comes from an agent ({mark} is set)", redo)
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError as error:
        reason = f"this call has no terminal ({error.strerror})"
        raise _needs_person(reason, redo) from error
    with cast("RawIOBase", os.fdopen(descriptor, "r+b", buffering=0)) as terminal:
        yield terminal


def ask(lines: Sequence[str], prompt: str, accept: Collection[str], *, redo: str) -> str:
    """Show ``lines`` on the terminal and return which of ``accept`` the person typed.

    ``redo`` is the command for the person to run, named in the refusal. Anything not in
    ``accept`` is asked again, three times in all. Raises StudioError (``needs_person``,
    ``not_confirmed``).
    """
    with opened(redo) as terminal:
        show(terminal, lines)
        for _ in range(3):
            terminal.write(f"{prompt} ".encode())
            answer = line(terminal)
            if answer is None:
                break
            if answer.lower() in accept:
                return answer.lower()
            show(terminal, [f"Please type one of: {', '.join(accept)}"])
    raise unconfirmed(redo)


def confirm(lines: Sequence[str], *, redo: str) -> None:
    """Show ``lines`` and go on only after a typed ``yes``.

    Raises StudioError (``needs_person``, ``not_confirmed``).
    """
    if ask(lines, "yes or no:", ("yes", "no"), redo=redo) != "yes":
        raise StudioError(
            NOT_CONFIRMED,
            "You said no; nothing was recorded and nothing was changed.",
            hint=f"When you are ready: {redo}",
        )


def show(terminal: RawIOBase, lines: Sequence[str]) -> None:
    """Write whole lines to the terminal, control characters made visible."""
    text = "\n".join(visible(one) for one in lines)
    terminal.write((text + "\n").encode(errors="backslashreplace"))


def line(terminal: RawIOBase) -> str | None:
    """One line typed at the terminal, without the space around it; None at end of input."""
    typed = b""
    while not typed.endswith(b"\n"):
        piece = os.read(terminal.fileno(), 1024)
        if not piece or len(typed) > _LONGEST_LINE:
            return None
        typed += piece
    return typed.decode(errors="replace").strip()


def hidden_line(terminal: RawIOBase, prompt: str) -> bytearray:
    """One line typed with echo off, in Unicode normal form C; empty at end of input.

    What was typed before the question is thrown away: it was not an answer to it.
    """
    import termios
    import unicodedata

    descriptor = terminal.fileno()
    before = termios.tcgetattr(descriptor)
    silent = termios.tcgetattr(descriptor)
    silent[3] = (silent[3] & ~termios.ECHO) | termios.ICANON | termios.ISIG | termios.ECHONL
    try:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, silent)
        terminal.write(f"{prompt} ".encode())
        typed = bytearray()
        while not typed.endswith(b"\n"):
            piece = os.read(descriptor, 1024)
            if not piece or len(typed) > _LONGEST_LINE:
                return bytearray()
            typed += piece
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
    text = bytes(typed).rstrip(b"\r\n").decode(errors="surrogateescape")
    wipe(typed)
    return bytearray(unicodedata.normalize("NFC", text).encode(errors="surrogateescape"))


def wipe(secret: bytearray) -> None:
    """Overwrite a secret in memory: best effort, Python may hold copies."""
    for place in range(len(secret)):
        secret[place] = 0


def visible(text: str) -> str:
    """``text`` with control and direction characters spelled out.

    What is asked may quote a prompt or a file name, and an escape sequence in it could rewrite
    what the person reads before they answer.
    """
    import unicodedata

    return "".join(
        character
        if unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else character.encode("unicode_escape", errors="backslashreplace").decode("ascii")
        for character in text
    )


def unconfirmed(redo: str) -> StudioError:
    """The refusal of anything but a clear answer."""
    return StudioError(
        NOT_CONFIRMED,
        "No clear answer came from the terminal; nothing was recorded.",
        hint=f"When you are ready: {redo}",
    )


def _needs_person(reason: str, redo: str) -> StudioError:
    return StudioError(
        NEEDS_PERSON,
        f"This is a person's act, and {reason}. Nothing was recorded.",
        hint=f"In your own terminal, run: {redo}",
    )
