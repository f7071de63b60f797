"""The values that this process holds: masked in every spelling in which they could get out.

As they are, percent-encoded, in base64 (alone or inside other text, as in ``Basic`` headers), in
hexadecimal and escaped for JSON. What was loaded by name is held; so is every variable of the
environment whose name says that it is a credential, used or not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from ategnatos.guard.redaction.shapes import Span, masked, random_looking

# A shorter value is no credential anybody issues; masking it would garble ordinary text.
SHORTEST = 8
_SHORTEST_FOUND = 12
_NAMES = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIALS")

_values: dict[str, tuple[tuple[str, str], ...]] = {}
_environment_read = False


def remember(value: str) -> None:
    """Hold ``value``. One shorter than eight characters is not held."""
    if len(value) >= SHORTEST and value not in _values:
        _values[value] = tuple(_spellings(value))


def look_again() -> None:
    """Read the environment anew before the next search; what is held stays held."""
    global _environment_read
    _environment_read = False


def forget() -> None:
    """Hold nothing any more."""
    _values.clear()
    look_again()


def longest() -> int:
    """Characters of the longest spelling that is held."""
    _read_environment()
    return max((len(form) for forms in _values.values() for form, _ in forms), default=0)


def find(text: str) -> Iterator[Span]:
    """Every place of every spelling; spans may overlap. Linear in the text for each spelling."""
    _read_environment()
    for forms in _values.values():
        for form, mask in forms:
            place = text.find(form)
            while place >= 0:
                yield place, place + len(form), mask
                place = text.find(form, place + len(form))


def _read_environment() -> None:
    global _environment_read
    if _environment_read:
        return
    _environment_read = True
    for name, value in os.environ.items():
        if len(value) >= _SHORTEST_FOUND and name.endswith(_NAMES) and random_looking(value):
            remember(value)


def _spellings(value: str) -> Iterator[tuple[str, str]]:
    """Each spelling with its mask, without those too short to be told from other text."""
    import json
    from urllib.parse import quote, quote_plus

    raw = value.encode(errors="surrogateescape")
    mask = masked(value) if len(value) >= 16 and "\n" not in value else "***"
    forms = {value: mask, raw.hex(): "***", raw.hex().upper(): "***"}
    for percent in (
        quote(value, safe="", errors="replace"),
        quote(value, errors="replace"),
        quote_plus(value, errors="replace"),
    ):
        forms.setdefault(percent, mask)
        lower = re.sub("%[0-9A-F]{2}", lambda found: found.group().lower(), percent)
        forms.setdefault(lower, mask)
    for ascii_only in (True, False):
        forms.setdefault(json.dumps(value, ensure_ascii=ascii_only)[1:-1], mask)
    for encoded in _base64(raw):
        forms.setdefault(encoded, "***")
    for line in value.splitlines():
        if line != value and len(line) >= 20:
            forms.setdefault(line, "***")
    for form, shown in forms.items():
        if len(form) >= SHORTEST:
            yield form, shown


def _base64(raw: bytes) -> Iterator[str]:
    """The characters that ``raw`` alone decides, at each of the three places it may begin."""
    import base64

    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw).decode()
        first = -(-before * 8 // 6)
        last = (before + len(raw)) * 8 // 6
        for text in (encoded, encoded.translate(str.maketrans("+/", "-_"))):
            yield text[first:last]
