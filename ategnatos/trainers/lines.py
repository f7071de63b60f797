"""A log's bytes as the lines that a parser reads: cut at line feeds and carriage returns.

Colours and cursor codes are taken out. A line that was not ended stays until it is; bytes that
are no UTF-8 become U+FFFD, so a parser sees text whatever a trainer prints.
"""

from __future__ import annotations

import codecs
import re

# What a trainer in Python is started with, so that its log can be read while it is written. Piped,
# what rich prints is folded to the width of a terminal: wide enough, and nothing is.
ENVIRONMENT = {
    "COLUMNS": "200",
    "PYTHONIOENCODING": "utf-8",
    "PYTHONUNBUFFERED": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
CODES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_END = re.compile(r"\r\n|\n|\r")
# A bar that draws for hours without an end of line must not fill the memory.
_LONGEST = 1 << 16


class Lines:
    """Feed it what was read, get whole lines."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, raw: bytes) -> list[str]:
        """The lines that ``raw`` ends."""
        text = self._rest + self._decoder.decode(raw)
        # A carriage return at the very end may be half of a line end.
        held = "\r" if text.endswith("\r") else ""
        *whole, self._rest = _END.split(text[: len(text) - len(held)])
        self._rest += held
        if len(self._rest) > _LONGEST:
            whole.append(self._rest)
            self._rest = ""
        return [plain(one) for one in whole]

    def close(self) -> list[str]:
        """What was left without an end."""
        rest = self._rest + self._decoder.decode(b"", True)
        self._rest = ""
        return [plain(one) for one in _END.split(rest) if one]


def plain(line: str) -> str:
    """A line without colours and cursor codes."""
    return CODES.sub("", line) if "\x1b" in line else line
