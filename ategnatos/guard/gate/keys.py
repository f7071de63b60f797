"""Single keys from the controlling terminal, for a page on which a person chooses.

The terminal is put back as it was, whatever happens. What is typed decides nothing by itself:
the choices are asked for again, all of them, before they are recorded.
"""

from __future__ import annotations

import os
import select
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import RawIOBase

from ategnatos.guard.gate import terminal

# A terminal that answers at all answers within this, in seconds; over a slow line it may be late,
# and then it is taken for one that shows no pictures.
_ANSWER_SECONDS = 0.4

_ARROWS = {b"\x1b[A": "up", b"\x1b[B": "down", b"\x1b[C": "right", b"\x1b[D": "left"}
_ARROWS |= {key.replace(b"[", b"O"): name for key, name in _ARROWS.items()}
_ARROWS |= {b"\x1b[5~": "page up", b"\x1b[6~": "page down"}


class Keys:
    """The terminal while keys are read one by one."""

    def __init__(self, screen: RawIOBase) -> None:
        self._screen = screen
        self._typed = b""

    def show(self, data: bytes) -> None:
        """Write bytes as they are: the caller has made what it quotes harmless."""
        view = memoryview(data)
        while view:
            view = view[self._screen.write(view) or 0 :]

    def key(self) -> str | None:
        """The next key: a character, or a name such as ``left``; None when the terminal is gone."""
        if not self._typed and not self._more(None):
            return None
        for sequence, name in _ARROWS.items():
            if self._typed.startswith(sequence):
                self._typed = self._typed[len(sequence) :]
                return name
        if self._typed.startswith(b"\x1b"):
            # An escape sequence that means nothing here, as a whole.
            self._typed = b""
            return "escape"
        length = _length_of(self._typed[0])
        while len(self._typed) < length and self._more(_ANSWER_SECONDS):
            pass
        key, self._typed = self._typed[:length], self._typed[length:]
        return key.decode(errors="replace")

    def line(self, prompt: str) -> str | None:
        """A line typed with echo; None when the terminal is gone. Keys typed ahead are dropped."""
        import termios

        descriptor = self._screen.fileno()
        before = termios.tcgetattr(descriptor)
        whole = termios.tcgetattr(descriptor)
        whole[3] |= termios.ICANON | termios.ECHO
        self._typed = b""
        termios.tcsetattr(descriptor, termios.TCSADRAIN, whole)
        try:
            self.show(f"{prompt} ".encode())
            return terminal.line(self._screen)
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

    def answer(
        self, question: bytes, whole: Callable[[bytes], bool], keys_in: Callable[[bytes], bytes]
    ) -> bytes:
        """What the terminal itself says to ``question``; what a person typed meanwhile stays."""
        self.show(question)
        reply = b""
        while not whole(reply):
            ready, _, _ = select.select([self._screen], [], [], _ANSWER_SECONDS)
            piece = os.read(self._screen.fileno(), 1024) if ready else b""
            if not piece:
                break
            reply += piece
        self._typed += keys_in(reply)
        return reply

    def size(self) -> tuple[int, int, int, int]:
        """Columns, rows, and the whole in pixels (0 where the terminal does not say)."""
        import fcntl
        import termios

        try:
            raw = fcntl.ioctl(self._screen.fileno(), termios.TIOCGWINSZ, b"\0" * 8)
        except OSError:
            return 80, 24, 0, 0
        rows, columns, width, height = struct.unpack("HHHH", raw)
        return columns or 80, rows or 24, width, height

    def _more(self, seconds: float | None) -> bool:
        ready, _, _ = select.select([self._screen], [], [], seconds)
        if not ready:
            return False
        try:
            piece = os.read(self._screen.fileno(), 1024)
        except OSError:
            return False
        self._typed += piece
        return bool(piece)


@contextmanager
def reading(redo: str) -> Iterator[Keys]:
    """The controlling terminal, key by key. Raises StudioError (``needs_person``)."""
    import termios

    with terminal.opened(redo) as screen:
        descriptor = screen.fileno()
        before = termios.tcgetattr(descriptor)
        single = termios.tcgetattr(descriptor)
        # Ctrl-C and Ctrl-Z stay what they are.
        single[3] = (single[3] & ~(termios.ICANON | termios.ECHO)) | termios.ISIG
        single[6][termios.VMIN], single[6][termios.VTIME] = 1, 0
        termios.tcsetattr(descriptor, termios.TCSADRAIN, single)
        try:
            yield Keys(screen)
        finally:
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _length_of(first: int) -> int:
    """How many bytes of UTF-8 a character with that first byte has."""
    if first < 0xC0:
        return 1
    return 2 if first < 0xE0 else 3 if first < 0xF0 else 4
