"""Markdown that survives: any text fits a table cell and can be read back exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ategnatos.grimoire.schemas.base import Part

# A backslash before these is Markdown's own escape (CommonMark 2.4, GFM 4.10).
_ESCAPED = str.maketrans({c: f"\\{c}" for c in "\\|<&[]`*_"} | {"\n": "<br>"})
_PLAIN = re.compile("[\\\\|<&\\[\\]`*_\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]|^[ \xa0]|[ \xa0]$")
_UNESCAPED = re.compile(r"\\([\\|<&\[\]`*_])|<br>|&#(\d+);")
# Line ends and invisible separators other than the newline, and spaces at either end, which
# Markdown would drop.
_INVISIBLE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]|^[ \xa0]|[ \xa0]$")


def escape(text: str) -> str:
    """``text`` on one line, safe in a table cell or a list item."""
    if _PLAIN.search(text) is None:
        return text
    return _INVISIBLE.sub(lambda match: f"&#{ord(match[0])};", text.translate(_ESCAPED))


def unescape(text: str) -> str:
    """What :func:`escape` was given."""
    return _UNESCAPED.sub(_original, text)


def show(value: Any) -> str:
    """A value as escaped text: text as it is, anything else as JSON."""
    if isinstance(value, str):
        return escape(value)
    import json

    return escape(json.dumps(value, ensure_ascii=False, default=str))


def facts(known: Mapping[str, Any], part: Part | None = None) -> str:
    """A list of ``- **Label**: value``, followed by the unknown fields of ``part``."""
    unknown = (part.__pydantic_extra__ or {}) if part is not None else {}
    items = [*known.items(), *unknown.items()]
    return "".join(f"- **{escape(label)}**: {show(value)}\n" for label, value in items)


def table(columns: Mapping[str, str], rows: Sequence[Part]) -> str:
    """A table with one column a heading; ``columns`` maps headings to field names.

    Unknown fields of the rows become columns of their own, after the known ones.
    """
    unknown = {key: key for row in rows for key in (row.__pydantic_extra__ or {})}
    headings = [*columns, *(escape(key) for key in unknown)]
    fields = [*columns.values(), *unknown]
    lines = [
        f"| {' | '.join(headings)} |",
        f"|{'|'.join('---' for _ in headings)}|",
        *(f"| {' | '.join(show(getattr(row, field, '')) for field in fields)} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def notes_section(notes: str) -> list[str]:
    """Free text as a quoted block under its own heading; nothing where there is none."""
    if not notes:
        return []
    return ["## Notes\n", "".join(f"> {escape(line)}\n" for line in notes.split("\n"))]


def _original(match: re.Match[str]) -> str:
    if match[1]:
        return match[1]
    return chr(int(match[2])) if match[2] else "\n"
