"""Where the unlocked key of a terminal session listens, and how a line goes over the wire."""

from __future__ import annotations

import json
import os
import socket
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.gate.account import KEY_UNSAFE

# sun_path of unix(7) has 108 bytes on Linux and 104 on macOS.
_LONGEST_PATH = 100
_LONGEST_MESSAGE = 1 << 16


def folder() -> Path:
    """A folder that only this account can enter, made where it is missing.

    Below XDG_RUNTIME_DIR where that is private, else in the temporary folder. Raises
    StudioError (``key_unsafe``).
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime and len(runtime) < _LONGEST_PATH - 40 and _is_private(Path(runtime)):
        place = Path(runtime) / "ategnatos"
    else:
        place = Path(tempfile.gettempdir()) / f"ategnatos-{os.getuid()}"
    place.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(place):
        raise StudioError(
            KEY_UNSAFE,
            f"{place} is not a private folder of this account; the key was not unlocked.",
            hint=f"See who made it with 'ls -ld {place}'. If it is yours: chmod 700 '{place}'",
            path=str(place),
        )
    return place


def path_of_session(session: int) -> Path:
    """The socket of one terminal session."""
    return folder() / f"gate-{session}.sock"


def all_paths() -> list[Path]:
    """Every socket of this account, whether or not somebody still listens."""
    return sorted(folder().glob("gate-*.sock"))


def connect(path: Path, *, seconds: float) -> socket.socket | None:
    """A connection, or None where nobody listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(seconds)
    try:
        connection.connect(os.fspath(path))
    except OSError:
        connection.close()
        return None
    return connection


def send(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one message. Raises OSError."""
    connection.sendall(json.dumps(message).encode() + b"\n")


def receive(connection: socket.socket) -> dict[str, Any] | None:
    """One message; None at the end, for what is none, or when the connection's timeout is over
    for the whole of it: who sends a byte now and then gains no time.
    """
    raw = b""
    seconds = connection.gettimeout() or 0.0
    until = time.monotonic() + seconds
    try:
        while not raw.endswith(b"\n"):
            connection.settimeout(max(0.01, until - time.monotonic()))
            piece = connection.recv(4096)
            raw += piece
            if not piece or len(raw) > _LONGEST_MESSAGE:
                return None
        message = json.loads(raw)
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        connection.settimeout(seconds)
    return message if isinstance(message, dict) else None


def _is_private(place: Path) -> bool:
    try:
        found = place.lstat()
    except OSError:
        return False
    return (
        stat.S_ISDIR(found.st_mode)
        and found.st_uid == os.getuid()
        and not stat.S_IMODE(found.st_mode) & 0o077
    )
