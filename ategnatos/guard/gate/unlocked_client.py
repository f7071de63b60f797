"""Ask the key that was unlocked in this terminal session for a signature."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.gate import peer, sockets, terminal
from ategnatos.guard.gate.statements import Statement

UNLOCKED_REFUSED = ErrorCode("unlocked_refused", "The unlocked key refused to sign.")

# As long as a person may take to read, and a little more than the other side waits.
_PATIENCE = 200.0


def signature(statement: Statement, lines: Sequence[str], *, redo: str) -> str | None:
    """A signature in hex; None where no key is unlocked in this session.

    The unlocked key shows the statement and a number on the terminal; the person types the
    number. Raises StudioError: ``needs_person``, ``not_confirmed``, ``unlocked_refused``.
    """
    with terminal.opened(redo) as screen:
        connection = sockets.connect(sockets.path_of_session(os.getsid(0)), seconds=_PATIENCE)
        if connection is None:
            return None
        with connection:
            terminal.show(screen, lines)
            try:
                sockets.send(connection, {"do": "sign", "statement": statement.data()})
                shown = sockets.receive(connection)
                if shown is None or not shown.get("shown"):
                    raise _refused(shown, redo)
                screen.write(b"Type that number to sign, anything else is no: ")
                typed = terminal.line(screen)
                if not typed or not typed.isdigit():
                    raise terminal.unconfirmed(redo)
                sockets.send(connection, {"code": typed})
                answer = sockets.receive(connection)
            except OSError as error:
                raise _refused(None, redo) from error
    if answer is None or not isinstance(answer.get("signature"), str):
        raise _refused(answer, redo)
    return str(answer["signature"])


def lock_all() -> int:
    """End every unlocked key of this account, in whatever terminal; how many there were."""
    ended = 0
    for path in sockets.all_paths():
        ended += _end(path)
        path.unlink(missing_ok=True)
    return ended


def lock_here() -> None:
    """End the unlocked key of this session, if there is one."""
    _end(sockets.path_of_session(os.getsid(0)))


def unlocked() -> list[dict[str, Any]]:
    """What each unlocked key of this account says of itself: ``terminal``, ``until``, ``key``,
    ``here`` (whether in this session).
    """
    found = []
    for path in sockets.all_paths():
        answer = _say(path, {"do": "status"})
        if answer is not None and "until" in answer:
            here = path == sockets.path_of_session(os.getsid(0))
            found.append({**answer, "here": here})
    return found


def _end(path: Path) -> bool:
    """End whoever listens there: asked first, and by a signal where it does not answer."""
    connection = sockets.connect(path, seconds=3)
    if connection is None:
        return False
    with connection:
        found = peer.of_socket(connection)
        try:
            sockets.send(connection, {"do": "lock"})
            answer = sockets.receive(connection)
        except OSError:
            answer = None
        # Somebody may keep it busy: a person who locks must not be kept waiting.
        if (answer is None or not answer.get("locked")) and found is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(found[1].pid, signal.SIGKILL)
    return True


def _say(path: Path, message: dict[str, Any]) -> dict[str, Any] | None:
    connection = sockets.connect(path, seconds=3)
    if connection is None:
        return None
    with connection:
        try:
            sockets.send(connection, message)
        except OSError:
            return None
        return sockets.receive(connection)


def _refused(answer: dict[str, Any] | None, redo: str) -> StudioError:
    why = (answer or {}).get("refused") or "it ended, or did not answer"
    return StudioError(
        UNLOCKED_REFUSED,
        f"The unlocked key did not sign: {why}. Nothing was recorded.",
        hint=f"Lock it and sign with your passphrase: 'ategnatos gate lock', then {redo}",
        why=str(why),
    )
