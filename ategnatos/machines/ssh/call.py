"""One run of the ssh program: its argument list, its bounded output, how it ended."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.machines.ssh import outcome
from ategnatos.machines.ssh.address import KEY, KNOWN_HOSTS
from ategnatos.machines.ssh.outcome import Outcome
from ategnatos.machines.ssh.pins import pinned

if TYPE_CHECKING:
    from ategnatos.machines.ssh.address import Address

SSH_MISSING = ErrorCode("ssh_missing", "The program ssh is not installed on this machine.")

CONNECT_SECONDS = 10
# A line that is silent so long, though asked, counts as lost: 4 questions, 15 seconds apart.
ALIVE_SECONDS = 15
ALIVE_TIMES = 4
# What one command may say; a machine that talks without end must not fill our memory.
MOST_BYTES = 8 << 20
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Called:
    """One run of ssh. ``status`` is that of the far command where ``outcome`` is ENDED.

    ``cut``: output past the limit was thrown away. ``expired``: we ended it when its time was up.
    """

    outcome: Outcome
    status: int
    out: bytes
    err: bytes
    said: str
    cut: bool = False
    expired: bool = False


def arguments(address: Address, *, log: Path | None = None) -> list[str]:
    """The command line up to, and without, the destination; to be run in ``address.home``.

    The user's own configuration is left out (``-F none``): a ``Host *`` in it could switch the
    checks off, forward the agent to a stranger's machine, or run a program.
    """
    settings = {
        "BatchMode": "yes",
        "CheckHostIP": "no",
        "ConnectTimeout": CONNECT_SECONDS,
        "ConnectionAttempts": 1,
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "GlobalKnownHostsFile": "none",
        "HostKeyAlias": address.alias,
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "IdentityFile": KEY,
        "ServerAliveCountMax": ALIVE_TIMES,
        "ServerAliveInterval": ALIVE_SECONDS,
        # Known: nothing else is taken. New: kept now, and held to from then on.
        "StrictHostKeyChecking": "yes" if pinned(address) else "accept-new",
        "UpdateHostKeys": "no",
        "UserKnownHostsFile": KNOWN_HOSTS,
    }
    line = ["ssh", "-F", "none", "-a", "-x", "-T"]
    if log is not None:
        line += ["-E", str(log), "-o", "LogLevel=DEBUG1"]
    for name, value in settings.items():
        line += ["-o", f"{name}={value}"]
    return [*line, "-l", address.user, "-p", str(address.port)]


def call(
    address: Address,
    far: str,
    *,
    stdin: bytes | IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
    on_out: Callable[[bytes], None] | None = None,
    seconds: float | None = None,
    most: int = MOST_BYTES,
) -> Called:
    """Run ``far`` (a line for the machine's shell) once. Nothing is tried again here.

    ``stdout`` takes the output instead of memory; ``on_out`` is shown each piece of it as it
    comes. Raises StudioError
    (``ssh_missing``).
    """
    with tempfile.TemporaryDirectory(prefix="ategnatos-ssh-") as folder:
        log = Path(folder) / "log"
        line = [*arguments(address, log=log), "--", address.host, far]
        try:
            process = subprocess.Popen(
                line,
                cwd=address.home,
                stdin=subprocess.DEVNULL
                if stdin is None
                else subprocess.PIPE
                if isinstance(stdin, bytes)
                else stdin,
                stdout=subprocess.PIPE if stdout is None else stdout,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            if error.filename != "ssh":
                raise
            raise _missing() from None
        return _finished(process, log, stdin, on_out, seconds, most)


def _finished(
    process: subprocess.Popen[bytes],
    log: Path,
    stdin: bytes | IO[bytes] | None,
    on_out: Callable[[bytes], None] | None,
    seconds: float | None,
    most: int,
) -> Called:
    kept = [_Kept(process.stdout, most, on_out), _Kept(process.stderr, most, None)]
    feeder = None
    if isinstance(stdin, bytes):
        feeder = threading.Thread(target=_feed, args=(process, stdin), daemon=True)
        feeder.start()
    expired = False
    try:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            expired = True
            _end(process)
    except BaseException:
        _end(process)
        raise
    finally:
        for one in kept:
            one.join()
        if feeder is not None:
            feeder.join()
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return Called(
        outcome.of(process.returncode, text),
        process.returncode,
        kept[0].bytes,
        kept[1].bytes,
        outcome.why(text),
        cut=any(one.cut for one in kept),
        expired=expired,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _feed(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    # A far side that reads no further, or is gone, shows in how the call ends.
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(data)
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.close()


class _Kept:
    """What a pipe brings, its first ``most`` bytes; the rest is read and dropped."""

    def __init__(
        self, pipe: IO[bytes] | None, most: int, shown: Callable[[bytes], None] | None
    ) -> None:
        self._pipe = pipe
        self._shown = shown
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0
        self.cut = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        if self._pipe is None:
            return
        with self._pipe as pipe:
            while chunk := pipe.read1(_CHUNK) if hasattr(pipe, "read1") else pipe.read(_CHUNK):
                room = self._most - self._size
                if self._shown is not None:
                    self._shown(chunk)
                self.cut = self.cut or len(chunk) > room
                self._parts.append(chunk[:room])
                self._size += min(len(chunk), room)

    def join(self) -> None:
        self._thread.join()

    @property
    def bytes(self) -> bytes:
        return b"".join(self._parts)


def _missing() -> StudioError:
    return StudioError(
        SSH_MISSING,
        "The program ssh is not installed here; nothing was sent.",
        hint="Debian and Ubuntu: apt-get install openssh-client. macOS has it.",
    )
