"""A person at a terminal: the program run with a pseudo-terminal that answers are typed into."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import select
import signal
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import Ran

LIMIT_SECONDS = 60


def at_a_terminal(
    arguments: Sequence[str],
    *,
    cwd: Path,
    answers: Sequence[str] = (),
    program: Sequence[str] = (sys.executable, "-m", "ategnatos"),
    **environment: str,
) -> Ran:
    """Run the program as a person does and type ``answers``, each when a question is asked.

    Its standard streams and its controlling terminal are one pseudo-terminal of 160 x 50
    characters; a question is a line that ends in a colon.
    """
    child, screen = pty.fork()
    if child == 0:
        os.chdir(cwd)
        os.environ.update(environment)
        os.execv(program[0], [*program, *arguments])
    termios_size = b"\x32\x00\xa0\x00\x00\x00\x00\x00"  # 50 lines, 160 columns
    fcntl.ioctl(screen, termios.TIOCSWINSZ, termios_size)
    seen = b""
    answered = 0  # up to here what was seen has had its answer; a passphrase leaves no echo
    waiting = list(answers)
    deadline = time.monotonic() + LIMIT_SECONDS
    while time.monotonic() < deadline:
        ready, _, _ = select.select([screen], [], [], 0.2)
        if not ready:
            continue
        try:
            piece = os.read(screen, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            break
        if not piece:
            break
        seen += piece
        if waiting and seen[answered:].rstrip().endswith(b":"):
            os.write(screen, waiting.pop(0).encode() + b"\n")
            seen += b"\n"
            answered = len(seen)
    else:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    os.close(screen)
    return Ran(os.waitstatus_to_exitcode(status), seen.decode(errors="replace"), "")
