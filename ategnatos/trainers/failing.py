"""Python's tracebacks in a log: which line of one says what failed."""

from __future__ import annotations

import re

from ategnatos.trainers.events import Event, Failed

BEGIN = "Traceback (most recent call last):"
_RAISED = re.compile(r"(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:: .*)?$")
_LAUNCHER = "CalledProcessError"
_SIGNALS = {"SIGKILL": "killed", "SIGTERM": "terminated", "SIGINT": "interrupted"}
_LONGEST = 500


class Tracebacks:
    """Watches lines; the one that names the exception is a failure.

    The launcher's own (``CalledProcessError ... exit status 1``) only repeats what the trainer
    said: it counts where nothing else did, or where it tells of a signal.
    """

    def __init__(self) -> None:
        self._inside = False
        self._seen = False

    def see(self, line: str) -> tuple[Event, ...] | None:
        """The failure that a line ends, () inside a traceback, None outside of one."""
        if line.startswith(BEGIN):
            self._inside = True
            return ()
        if not self._inside:
            return None
        if not line.strip() or line[0] in " \t|+" or not _RAISED.match(line):
            return ()
        self._inside = False
        return self._failed(line.strip())

    def _failed(self, text: str) -> tuple[Event, ...]:
        if _LAUNCHER in text:
            code = next((code for name, code in _SIGNALS.items() if f"Signals.{name}" in text), "")
            if self._seen and not code:
                return ()
            return (Failed(text[:_LONGEST], code),)
        self._seen = True
        return (Failed(text[:_LONGEST], "interrupted" if text == "KeyboardInterrupt" else ""),)
