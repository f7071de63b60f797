"""A person's terminal window: an interactive shell on a pseudo-terminal, one line at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import sys
import time
from pathlib import Path
from types import TracebackType

LIMIT_SECONDS = 60.0
PROMPT = "@@ready@@ "
_SIZE = b"\x32\x00\xa0\x00\x00\x00\x00\x00"  # 50 lines, 160 columns


class Shell:
    """``with Shell(cwd=...) as shell: shell.run("ategnatos art list")``.

    Everything that appeared on the screen is in ``seen``. ``ategnatos`` is this Python's.
    """

    def __init__(self, cwd: Path, **environment: str) -> None:
        self.seen = ""
        shell = shutil.which("bash") or "/bin/sh"
        plain = ["--norc", "--noprofile"] if shell.endswith("bash") else []
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            for name in ("TMUX", "STY"):
                os.environ.pop(name, None)
            os.environ.update(environment, PS1=PROMPT, TERM="dumb", HISTFILE="/dev/null")
            os.execv(shell, [shell, *plain, "-i"])
        fcntl.ioctl(self.screen, 0x5414, _SIZE) if sys.platform == "linux" else None
        self.wait_for(PROMPT)
        self.run(f'ategnatos() {{ "{sys.executable}" -m ategnatos "$@"; }}')

    def type(self, text: str) -> None:
        """Type a line and press Enter."""
        os.write(self.screen, text.encode() + b"\n")

    def wait_for(self, *patterns: str) -> str:
        """Wait until one of ``patterns`` appears in what is new; return all that is new."""
        new, deadline = "", time.monotonic() + LIMIT_SECONDS
        while time.monotonic() < deadline:
            ready, _, _ = select.select([self.screen], [], [], 0.2)
            if not ready:
                continue
            piece = self._read()
            if piece is None:
                break
            new += piece
            if any(re.search(pattern, new) for pattern in patterns):
                self.seen += new
                return new
        self.seen += new
        raise AssertionError(f"none of {patterns} appeared in: {new[-3000:]}")

    def run(self, line: str, *answers: str) -> str:
        """Type a command, answer its questions in order; return what it showed."""
        self.type(line)
        shown = ""
        for answer in answers:
            shown += self.wait_for(r":\s$")
            if answer == "NUMBER":
                answer = re.findall(r"number for this signature is (\d{5})", shown)[-1]
            self.type(answer)
        return shown + self.wait_for(re.escape(PROMPT) + "$")

    def close(self) -> None:
        """Close the window: the terminal hangs up."""
        with contextlib.suppress(OSError):
            os.close(self.screen)
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGHUP)
            os.waitpid(self.pid, 0)

    def _read(self) -> str | None:
        try:
            return os.read(self.screen, 65536).decode(errors="replace")
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return None

    def __enter__(self) -> Shell:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
