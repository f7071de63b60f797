"""Tables of pages, made from the data files: ``knowledge/data/tables.json`` says how.

An entry names a data file, where in it the rows lie, and the columns. A value is taken by a path
of keys with dots; ``*`` means each member. ``{key}`` is the row's own key where rows are an object.
Adding a table is an entry there and its two marks in a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge.pages.reaching import MARKS, contents, rows, said, values

if TYPE_CHECKING:
    import re
    from importlib.resources.abc import Traversable

TABLE_WRONG = ErrorCode("table_wrong", "A table of a page cannot be made from its data.")


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
    drawn = _rows(name, table, place)
    lines = [
        "| " + " | ".join(column.title for column in table.columns) + " |",
        "| " + " | ".join("---" for _ in table.columns) + " |",
    ]
    lines += [
        "| " + " | ".join(_cell(column, key, row) for column in table.columns) + " |"
        for key, row in drawn
    ]
    return "".join(line + "\n" for line in lines)


def _rows(name: str, table: Table, place: Traversable | None) -> list[tuple[str, Any]]:
    found = rows(contents(table.file, place), table.rows)
    if not found:
        raise _wrong(name, f"{table.file} has nothing at {table.rows!r}")
    kept = [
        (key, row)
        for key, row in found
        if all(values(row, path) == [wanted] for path, wanted in table.only.items())
    ]
    if table.sort:
        kept.sort(key=lambda pair: str((values(pair[1], table.sort) or [""])[0]))
    return kept


def _cell(column: Column, key: str, row: Any) -> str:
    found = [key] if column.path == "{key}" else values(row, column.path)
    told = ", ".join(
        column.each.format_map(one) if column.each and isinstance(one, dict) else said(one)
        for one in found
        if one not in (None, "", [], {})
    )
    if not told:
        return column.empty
    return column.form.replace("{}", told).replace("|", "\\|").replace("\n", " ")


def _wrong(name: str, why: str) -> StudioError:
    return StudioError(
        TABLE_WRONG,
        f"The table {name!r} cannot be made: {why}.",
        hint="Mend its entry in ategnatos/knowledge/data/tables.json.",
        table=name,
    )
