"""Paths into a document: ``models[Pony].settings``, and no more than that.

A path is names joined by dots (one may lead), each followed by any number of ``[...]``: a
number is a place counted from 0, anything else is the name of a row (``id``, ``name``, ``text``); a
JSON string in the brackets is taken as it is written: ``models["a]b"]``, ``["0012"]``. There
are no expressions, so a path can read nothing but the document.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError

FIELD_PATH = ErrorCode("field_path", "The text is not a path into a document.")
FIELD_MISSING = ErrorCode("field_missing", "The document has nothing at that path.")
FIELD_AMBIGUOUS = ErrorCode("field_ambiguous", "Several rows answer to that name.")
FIELD_RESERVED = ErrorCode("field_reserved", "The field is kept by the program itself.")

_STEP = re.compile(r'\.?([^.\[\]"]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|\[([^\[\]"]+)\]')
_ROW_NAMES = ("id", "name", "text")


@dataclass(frozen=True, slots=True)
class Key:
    """A name as it is written: a key of an object, or of a row in a list."""

    name: str


Step = Key | int


def parse(path: str) -> list[Step]:
    """The steps of a path; the empty path is the whole document. Raises ``field_path``."""
    steps: list[Step] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None or (match[1] and path[position] != "." and steps):
            raise _not_a_path(path, position)
        steps.append(_step(path, position, match))
        position = match.end()
    return steps


def get(payload: Any, path: str) -> Any:
    """What stands at ``path``.

    Raises StudioError (``field_path``, ``field_missing``, ``field_ambiguous``).
    """
    found = payload
    for step in parse(path):
        found = found[_locate(found, step, path)]
    return found


def put(payload: dict[str, Any], path: str, value: Any, *, new: bool = False) -> None:
    """Set what stands at ``path``; ``new`` allows a field that is not there yet.

    Raises StudioError as :func:`get`, and ``field_reserved``.
    """
    parent, step = _parent(payload, path)
    if new and isinstance(parent, dict) and isinstance(step, Key) and step.name not in parent:
        parent[step.name] = value
        return
    parent[_locate(parent, step, path)] = value


def add(payload: dict[str, Any], path: str, value: Any) -> None:
    """Append to the list at ``path``. Raises StudioError as :func:`get`."""
    rows = get(payload, path)
    if not isinstance(rows, list):
        raise _missing(path, "it is not a list", [], payload)
    rows.append(value)


def take_out(payload: dict[str, Any], path: str, key: str = "", value: str = "") -> list[Any]:
    """Remove what stands at ``path``, or the rows of that list whose ``key`` shows ``value``.

    The comparison is of text, so a number is found by its digits. Returns what was removed.
    Raises StudioError as :func:`put`.
    """
    if not key:
        parent, step = _parent(payload, path)
        return [parent.pop(_locate(parent, step, path))]
    rows = get(payload, path)
    if not isinstance(rows, list):
        raise _missing(path, "it is not a list", [], payload)
    out = [row for row in rows if isinstance(row, dict) and key in row and show(row[key]) == value]
    if not out:
        near = [show(row[key]) for row in rows if isinstance(row, dict) and key in row]
        raise _missing(path, f"no row has {value!r} as its {key!r}", near, value)
    rows[:] = [row for row in rows if not any(row is removed for removed in out)]
    return out


def show(value: Any) -> str:
    """A value as text: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _step(path: str, position: int, match: re.Match[str]) -> Step:
    if match[2] is not None:
        return int(match[2])
    if match[3] is not None:
        try:
            return Key(json.loads(match[3]))
        except ValueError:
            raise _not_a_path(path, position) from None
    return Key(match[1] or match[4])


def _parent(payload: dict[str, Any], path: str) -> tuple[Any, Step]:
    steps = parse(path)
    if not steps:
        raise _not_a_path(path, 0)
    first = steps[0]
    if isinstance(first, Key) and first.name.startswith("_"):
        raise StudioError(
            FIELD_RESERVED,
            f"{path!r} begins with a field that the program keeps itself; nothing was changed.",
            hint="Set a field whose name does not begin with '_'.",
            path=path,
        )
    found: Any = payload
    for step in steps[:-1]:
        found = found[_locate(found, step, path)]
    return found, steps[-1]


def _locate(found: Any, step: Step, path: str) -> Any:
    """The key or index that ``step`` means in ``found``."""
    if isinstance(found, dict):
        name = step.name if isinstance(step, Key) else str(step)
        if name in found:
            return name
        raise _missing(path, f"there is no field {name!r}", list(found), name)
    if not isinstance(found, list):
        raise _missing(path, "a plain value has nothing inside", [], "")
    if isinstance(step, int):
        if step < len(found):
            return step
        raise _missing(path, f"the list has {len(found)} rows, counted from 0", [], "")
    places = [place for place, row in enumerate(found) if step.name in _names(row)]
    if len(places) == 1:
        return places[0]
    if places:
        raise StudioError(
            FIELD_AMBIGUOUS,
            f"{len(places)} rows are called {step.name!r}; nothing was changed.",
            hint=f"Name one by its place: {', '.join(f'[{place}]' for place in places[:10])}.",
            path=path,
            places=places,
        )
    near = [name for row in found for name in _names(row)]
    raise _missing(path, f"no row is called {step.name!r}", near, step.name)


def _names(row: Any) -> list[str]:
    if isinstance(row, dict):
        return [show(row[key]) for key in _ROW_NAMES if key in row]
    return [show(row)]


def _not_a_path(path: str, position: int) -> StudioError:
    return StudioError(
        FIELD_PATH,
        f"{path[:80]!r} is not a path into a document (see position {position});"
        " nothing was changed.",
        hint="Write names joined by dots, rows in brackets: environment.cuda, models[0],"
        ' models[Pony].settings, models["a.b"].',
        path=path[:200],
        position=position,
    )


def _missing(path: str, why: str, known: list[str], wanted: Any) -> StudioError:
    near = get_close_matches(wanted, known, n=3, cutoff=0.4) if isinstance(wanted, str) else []
    shown = near or [name for name in known if not name.startswith("_")][:10]
    hint = f"There is: {', '.join(shown)}." if shown else "See what is there without a path."
    return StudioError(
        FIELD_MISSING,
        f"Nothing stands at {path!r}: {why}. Nothing was changed.",
        hint=f"{'Did you mean ' + ' or '.join(near) + '?' if near else hint}"
        " 'ategnatos grimoire get NAME' shows the whole document.",
        path=path,
        near=near,
    )
