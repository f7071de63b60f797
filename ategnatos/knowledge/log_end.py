"""The lines of a log file, however large: the whole of a small one, both ends of a large one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from pathlib import Path

LOG_UNREADABLE = ErrorCode("log_unreadable", "A log cannot be read.")

_WHOLE_BYTES = 16 * 2**20
_END_BYTES = 4 * 2**20


def lines_of(log: Path) -> list[str]:
    """The lines of ``log``; of one over 16 MiB its first and last 4 MiB.

    What is no UTF-8 is replaced. Raises StudioError (``log_unreadable``).
    """
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            if size <= _WHOLE_BYTES:
                data = file.read()
            else:
                data = file.read(_END_BYTES) + b"\n"
                file.seek(-_END_BYTES, 2)
                data += file.read()
    except OSError as error:
        raise StudioError(
            LOG_UNREADABLE,
            f"{log} cannot be read: {error.strerror or error}.",
            hint="Give the file in which the run's output was kept.",
        ) from error
    return data.decode("utf-8", errors="replace").splitlines()
