"""Text that arrives in pieces: redacted by the line, with nothing lost between two pieces.

A secret cut in two by a read is whole again once its line is. Lines end in ``\\n`` or ``\\r``
(a progress bar). A private key spans lines: between BEGIN and END nothing comes out. A line that
does not end is let go in part when it grows beyond ``LONGEST_LINE``, never inside a match.
"""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterator
from typing import IO, Any

from ategnatos.guard.redaction import loaded, redact, spans

LONGEST_LINE = 64 * 1024
_KEPT_BACK = 4 * 1024
_READ = 16 * 1024
# A key of 16,384 bits has 200 lines: after so much text without END, it was no key.
_LONGEST_KEY = 32 * 1024
_BEGIN = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_END = r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"


class Redactor:
    """Feed it text; it gives back what may be shown already, redacted."""

    def __init__(self) -> None:
        self._waiting = ""

    def feed(self, text: str) -> str:
        """Whole lines that are complete by now, redacted; the rest waits."""
        self._waiting += text
        cut = max(self._waiting.rfind("\n"), self._waiting.rfind("\r")) + 1
        if len(self._waiting) - cut > LONGEST_LINE:
            cut = self._long_line()
        cut = self._outside_key(cut)
        ready, self._waiting = self._waiting[:cut], self._waiting[cut:]
        return redact(ready)

    def finish(self) -> str:
        """What waited for an end of line that never came, redacted."""
        ready, self._waiting = self._waiting, ""
        return redact(ready)

    def _long_line(self) -> int:
        """A place far enough from the end that no match can begin before and end after it."""
        cut = len(self._waiting) - max(_KEPT_BACK, loaded.longest())
        for start, end, _ in spans(self._waiting):
            if start < cut < end:
                return start if start else end
        return cut

    def _outside_key(self, cut: int) -> int:
        """``cut``, or the BEGIN before it whose END has not come yet."""
        place, opening, closing = 0, re.compile(_BEGIN), re.compile(_END)
        while begin := opening.search(self._waiting, place, cut):
            end = closing.search(self._waiting, begin.end())
            if end is None:
                return begin.start() if len(self._waiting) - begin.end() < _LONGEST_KEY else cut
            place = end.end()
        return cut


def redacted_lines(stream: IO[bytes]) -> Iterator[str]:
    """The lines of another program's output, redacted, without their ends, as they come.

    Bytes that are no UTF-8 are shown as escapes. Ends with the stream.
    """
    redactor = Redactor()
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    read = getattr(stream, "read1", stream.read)
    rest = ""
    while piece := read(_READ):
        # A lone \r at the end may be the first half of \r\n.
        ready = rest + redactor.feed(decoder.decode(piece))
        *lines, rest = re.split(r"\r\n|\n|\r(?!\Z)", ready)
        yield from lines
    last = redactor.feed(decoder.decode(b"", final=True)) + redactor.finish()
    *lines, rest = re.split(r"\r\n|\n|\r", rest + last)
    yield from lines
    if rest:
        yield rest


def guard_standard_streams() -> None:
    """Redact everything that this process writes to standard output and error from now on."""
    loaded.look_again()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, RedactedStream):
            setattr(sys, name, RedactedStream(stream))


class RedactedStream:
    """A text stream whose every write is redacted; all else is the stream's own.

    For standard output and error, where each write is a whole message: nothing waits.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write ``text`` redacted; counts the characters given."""
        self._stream.write(redact(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write each of ``lines`` redacted."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
