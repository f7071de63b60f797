"""Words as a search compares them: no case, no accents of width, one blank between two words.

A text is kept as ``" an owl mascot "`` and a wanted word looked for as ``% owl%``: it must begin a
word, so that ``owl`` finds owls and no bowl. Folding is done here and not by a database, since
SQLite and Postgres disagree about what a small letter is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Scripts written without blanks: every character is a word.
_ALONE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_ALONE}]|[^\W_{_ALONE}]+")
_PHRASE = re.compile(r'"([^"]*)"|(\S+)')


def fold(texts: Iterable[str | None]) -> str:
    """All the words of ``texts`` in order, with a blank before the first and after the last."""
    words = [word for text in texts if text for word in words_of(text)]
    return f" {' '.join(words)} " if words else " "


def words_of(text: str) -> list[str]:
    """The words of a text, folded."""
    if text.isascii():
        return _WORD.findall(text.lower())
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def patterns(query: str) -> list[str]:
    """A ``LIKE`` pattern for each word or ``"phrase"`` of a query; no word holds a wildcard."""
    found = []
    for quoted, bare in _PHRASE.findall(query):
        words = words_of(quoted or bare)
        if words:
            found.append(f"% {' '.join(words)}{' ' if quoted else ''}%")
    return found
