"""Tables of pages, made from the data files: ``knowledge/data/tables.json`` says how.

An entry names a data file, where in it the rows lie, and the columns. A value is taken by a path
of keys with dots; ``*`` means each member. ``{key}`` is the row's own key where rows are an object.
Adding a table is an entry there and its two marks in a page.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

TABLE_WRONG = ErrorCode("table_wrong", "A table of a page cannot be made from its data.")

MARKS = re.compile(
    r"<!-- table (?P<name>[a-z0-9-]+) -->\n(?P<body>.*?)<!-- end table -->", re.DOTALL
)


class Column(BaseModel):
    """``path`` of the value, ``form`` with {} for it, ``empty`` where there is none.

    ``each`` writes every object found by its own members, like ``{width}x{height}``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    path: str
    form: str = "{}"
    each: str = ""
    empty: str = ""


class Table(BaseModel):
    """``rows`` is the path of a list or object in ``file``, "" for the whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    rows: str = ""
    columns: tuple[Column, ...]
    only: dict[str, Any] = {}
    """Rows are left out unless these paths have these values."""
    sort: str = ""


class Tables(BaseModel):
    """The whole of ``tables.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tables: dict[str, Table]


def rendered(text: str, place: Traversable | None = None) -> str:
    """``text`` with each of its tables made anew. Raises StudioError (``table_wrong``)."""
    if "<!-- table " not in text:
        return text
    from ategnatos.knowledge import loader

    known = loader.load("tables", Tables, place).tables

    def made(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in known:
            raise _wrong(name, "tables.json does not know it")
        return f"<!-- table {name} -->\n{draw(name, known[name], place)}<!-- end table -->"

    return MARKS.sub(made, text)


def draw(name: str, table: Table, place: Traversable | None = None) -> str:
    """One table as Markdown, each line ended. Raises StudioError (``table_wrong``)."""
    rows = _rows(name, table, place)
    lines = [
        "| " + " | ".join(column.title for column in table.columns) + " |",
        "| " + " | ".join("---" for _ in table.columns) + " |",
    ]
    lines += [
        "| " + " | ".join(_cell(column, key, row) for column in table.columns) + " |"
        for key, row in rows
    ]
    return "".join(line + "\n" for line in lines)


def _rows(name: str, table: Table, place: Traversable | None) -> list[tuple[str, Any]]:
    content = _contents(table.file, place)
    found = values(content, table.rows) if table.rows else [content]
    rows: list[tuple[str, Any]] = []
    for part in found:
        if isinstance(part, dict):
            rows += list(part.items())
        elif isinstance(part, list):
            rows += [(str(number), one) for number, one in enumerate(part, 1)]
    if not rows:
        raise _wrong(name, f"{table.file} has nothing at {table.rows!r}")
    kept = [
        (key, row)
        for key, row in rows
        if all(values(row, path) == [wanted] for path, wanted in table.only.items())
    ]
    if table.sort:
        kept.sort(key=lambda pair: str((values(pair[1], table.sort) or [""])[0]))
    return kept


def _contents(file: str, place: Traversable | None) -> Any:
    """A data file, or a folder of them as one object by name (``families``)."""
    import json
    from importlib.resources import files

    from ategnatos.knowledge import loader

    folder = (place or files("ategnatos.knowledge").joinpath("data")).joinpath(*file.split("/"))
    if folder.is_dir():
        return {
            one.name.removesuffix(".json"): json.loads(one.read_bytes())
            for one in sorted(folder.iterdir(), key=lambda one: one.name)
            if one.name.endswith(".json")
        }
    return loader.read(file, place).content


def values(value: Any, path: str) -> list[Any]:
    """What lies at ``path`` in ``value``: one thing, several where the path has ``*``, or none."""
    found = [value]
    for step in path.split("."):
        following: list[Any] = []
        for one in found:
            if step == "*" and isinstance(one, dict | list):
                following += one.values() if isinstance(one, dict) else one
            elif isinstance(one, dict) and step in one:
                following.append(one[step])
            elif isinstance(one, list) and step.isdigit() and int(step) < len(one):
                following.append(one[int(step)])
        found = following
    return found


def _cell(column: Column, key: str, row: Any) -> str:
    found = [key] if column.path == "{key}" else values(row, column.path)
    told = ", ".join(
        column.each.format_map(one) if column.each and isinstance(one, dict) else _said(one)
        for one in found
        if one not in (None, "", [], {})
    )
    if not told:
        return column.empty
    return column.form.replace("{}", told).replace("|", "\\|").replace("\n", " ")


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_said(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_said(one)}" for key, one in value.items())
    return str(value)


def _wrong(name: str, why: str) -> StudioError:
    return StudioError(
        TABLE_WRONG,
        f"The table {name!r} cannot be made: {why}.",
        hint="Mend its entry in ategnatos/knowledge/data/tables.json.",
        table=name,
    )
