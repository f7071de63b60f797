"""A key that a person unlocked for some minutes: a small process that signs for one terminal.

It holds the key in memory alone. It signs only for a process of the same user, in the same
session, on the same controlling terminal and in its foreground. It shows every statement on
that terminal, made from the very bytes that it would sign, with a random number; it signs when
that number comes back. So a program that can neither see the terminal nor sit in its foreground
gets nothing, even one that starts inside the session. It ends by ``gate lock``, by time, when
the terminal hangs up, when the session's first process ends, and after two wrong numbers.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.gate import hardening, peer, signing, sockets, statements, terminal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from ategnatos.guard.gate.keyfile import KeyFile

UNLOCK_REFUSED = ErrorCode("unlock_refused", "A key cannot be unlocked in this terminal.")

MINUTES = 15.0
_READING_SECONDS = 180.0
_TICK_SECONDS = 0.5
_WRONG_NUMBERS = 2

# Programs that let any process of their user type into, and read, the terminals they make.
_SHARED_TERMINALS = ("tmux", "screen", "SCREEN", "zellij", "script", "ttyd", "tmate")


@dataclass(frozen=True, slots=True)
class Unlocked:
    """The process that was started."""

    pid: int
    until: datetime
    memory_closed: bool


def check_terminal() -> peer.Facts:
    """This process, if its terminal is fit. Raises StudioError (``unlock_refused``)."""
    mine = peer.facts(os.getpid())
    if mine is None or not mine.terminal:
        raise _refused("this call has no terminal of its own")
    found = "tmux" if os.environ.get("TMUX") else "screen" if os.environ.get("STY") else ""
    found = found or _maker_of_terminal(mine.session)
    if found:
        raise _refused(
            f"it runs inside {found}, through which any program of yours can type and read here"
        )
    return mine


def start(
    key: KeyFile, private: Ed25519PrivateKey, mine: peer.Facts, *, minutes: float, now: datetime
) -> Unlocked:
    """Start the process in the background of this session; it has the key, this one forgets it.

    Raises StudioError (``key_unsafe``), OSError.
    """
    path = sockets.path_of_session(mine.session)
    path.unlink(missing_ok=True)
    until = now + timedelta(minutes=minutes)
    # The child inherits it: of the two no other process of this user can read the memory.
    closed = hardening.close_to_others()
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(ready)
            status = _live(key, private, mine, path, minutes * 60, until, tell)
        finally:
            os._exit(status)
    os.close(tell)
    with os.fdopen(ready, "rb") as answer:
        if answer.read(1) != b"1":
            raise _refused("the process that should hold the key did not start")
    return Unlocked(child, until, closed)


def _live(
    key: KeyFile,
    private: Ed25519PrivateKey,
    mine: peer.Facts,
    path: Path,
    seconds: float,
    until: datetime,
    tell: int,
) -> int:
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTTOU, signal.SIGTTIN, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    hardening.close_to_others()
    screen = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)
    os.chdir("/")
    before = os.umask(0o177)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(os.fspath(path))
        os.umask(before)
        listener.listen(8)
        owner = path.lstat()
        os.write(tell, b"1")
        os.close(tell)
        # Whatever hangs, the kernel ends this process when the time is over.
        signal.setitimer(signal.ITIMER_REAL, seconds + 1)
        ends = (time.time() + seconds, _clock() + seconds)
        holder = _Holder(key, private, mine, screen, until, ends)
        try:
            holder.serve(listener)
        finally:
            with contextlib.suppress(OSError):
                if path.lstat().st_ino == owner.st_ino:
                    path.unlink()
    return 0


class _Holder:
    """The key and the rules under which it signs."""

    def __init__(
        self,
        key: KeyFile,
        private: Ed25519PrivateKey,
        mine: peer.Facts,
        screen: int,
        until: datetime,
        ends: tuple[float, float],
    ) -> None:
        self._key, self._private, self._mine, self._screen = key, private, mine, screen
        self._until, self._ends = until, ends
        self._leader = peer.facts(mine.session)
        self._wrong = 0
        self._over = False
        self._do: dict[str, Callable[[socket.socket, dict[str, Any]], dict[str, Any]]] = {
            "sign": self._sign,
            "status": self._status,
            "lock": self._lock,
        }

    def serve(self, listener: socket.socket) -> None:
        """Answer until it is over."""
        while not self._is_over():
            readable, _, _ = select.select([listener], [], [], _TICK_SECONDS)
            if not readable:
                continue
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.settimeout(3)
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        found = peer.of_socket(connection)
        if found is None or found[0] != os.getuid():
            return
        message = sockets.receive(connection)
        verb = self._do.get(str((message or {}).get("do")))
        if message is not None and verb is not None:
            sockets.send(connection, verb(connection, message))

    def _sign(self, connection: socket.socket, message: dict[str, Any]) -> dict[str, Any]:
        statement = statements.parse(message.get("statement"))
        if statement is None or statement.approver != self._key.public:
            return {"refused": "that is no statement for this key"}
        asking = peer.of_socket(connection)
        why = self._why_not(asking)
        if why:
            self._say([f"ategnatos: refused to sign for another program: {why}"])
            return {"refused": why}
        code = f"{secrets.randbelow(90_000) + 10_000}"
        lines = ["The unlocked key is asked to sign.", *signing.described(statement)]
        if not self._say([*lines, f"The number for this signature is {code}"]):
            return {"refused": "it could not be shown on the terminal"}
        sockets.send(connection, {"shown": True})
        connection.settimeout(max(1.0, min(_READING_SECONDS, self._seconds_left())))
        answer = sockets.receive(connection)
        # Looked at again: time has passed, and the other end may have changed hands.
        again = peer.of_socket(connection)
        why = self._why_not(again)
        if not why and asking is not None and again is not None:
            same = (asking[1].pid, asking[1].started) == (again[1].pid, again[1].started)
            why = "" if same else "another program answered than the one that asked"
        if answer is None or why or self._is_over():
            return {"refused": why or "no number came in time"}
        if not secrets.compare_digest(str(answer.get("code")).encode(), code.encode()):
            self._wrong += 1
            self._over = self._wrong >= _WRONG_NUMBERS
            locked = "; the key is locked now" if self._over else ""
            return {"refused": f"that was not the number on the terminal{locked}"}
        self._wrong = 0
        self._say(["ategnatos: signed."])
        return {"signature": self._private.sign(statement.to_sign()).hex()}

    def _why_not(self, found: tuple[int, peer.Facts] | None) -> str:
        """Why whoever is at the other end gets no signature; "" where they do."""
        if found is None:
            return "the program that asked has ended"
        uid, asking = found
        if uid != os.getuid():
            return "it belongs to another user"
        if (asking.session, asking.terminal) != (self._mine.session, self._mine.terminal):
            return f"process {asking.pid} is not in the terminal session that unlocked the key"
        if asking.group != os.tcgetpgrp(self._screen):
            return f"process {asking.pid} is not in the foreground of this terminal"
        return ""

    def _status(self, _: socket.socket, __: dict[str, Any]) -> dict[str, Any]:
        until = self._until.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return {"until": until, "session": self._mine.session, "key": self._key.public}

    def _lock(self, _: socket.socket, __: dict[str, Any]) -> dict[str, Any]:
        # From any session: to lock is always right.
        self._over = True
        return {"locked": True}

    def _seconds_left(self) -> float:
        # Two clocks: one stands still while the machine sleeps, the other can be set back.
        return min(self._ends[0] - time.time(), self._ends[1] - _clock())

    def _is_over(self) -> bool:
        if self._over or self._seconds_left() <= 0:
            return True
        leader = peer.facts(self._mine.session)
        if leader is None or self._leader is None or leader.started != self._leader.started:
            return True
        try:
            os.tcgetpgrp(self._screen)
        except OSError:
            return True  # the terminal has hung up
        return False

    def _say(self, lines: list[str]) -> bool:
        """Show whole lines on the terminal; whether all of it got there."""
        text = "\r\n".join(terminal.visible(line) for line in lines)
        data = (text + "\r\n").encode(errors="backslashreplace")
        try:
            return os.write(self._screen, data) == len(data)
        except OSError:
            return False


def _clock() -> float:
    """Seconds on a clock that nobody sets and, where there is one, that counts sleep."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _maker_of_terminal(session: int) -> str:
    import psutil

    # Whoever started the session's first process made its terminal.
    with contextlib.suppress(psutil.Error):
        maker = psutil.Process(session).parent()
        name = "" if maker is None else str(maker.name()).partition(":")[0]
        if name in _SHARED_TERMINALS:
            return name
    return ""


def _refused(why: str) -> StudioError:
    return StudioError(
        UNLOCK_REFUSED,
        f"The key was not unlocked: {why}.",
        hint="Give your passphrase with each verdict instead, or unlock in a plain terminal"
        " window.",
        why=why,
    )
