"""Data files, read into types. One rule: each says what it is, since when, and from where.

A fact without a source cannot be checked, and one without a date cannot be known to be old. The
source stands once for a whole file, or with every entry of one whose facts come from several
places. A new file in ``ategnatos/knowledge/data`` is listed and held to this without any code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from pydantic import BaseModel

KNOWLEDGE_UNKNOWN = ErrorCode("knowledge_unknown", "There is no data file of that name.")
KNOWLEDGE_BROKEN = ErrorCode("knowledge_broken", "A data file is damaged or says no source.")

M = TypeVar("M", bound="BaseModel")

# The names under which a file may give each part of its head.
_DESCRIPTION = ("description", "about")
_DATE = ("date", "checked")
_SOURCE = "source"


@dataclass(frozen=True, slots=True)
class DataFile:
    """One data file. ``date`` is when its facts were last checked; ``content`` has no head."""

    name: str
    description: str
    date: date
    sources: tuple[str, ...]
    content: dict[str, Any]

    @property
    def entries(self) -> int:
        """How many things it knows: members of its lists and tables."""
        return sum(len(part) for part in self.content.values() if isinstance(part, list | dict))


def names(folder: Traversable | None = None) -> list[str]:
    """Every data file by its name without the suffix, sorted. ``folder``: another place."""
    found = (folder or _home()).iterdir()
    return sorted(one.name.removesuffix(".json") for one in found if one.name.endswith(".json"))


def read(name: str, folder: Traversable | None = None) -> DataFile:
    """One data file, held to the rule. Raises StudioError (``knowledge_unknown``,
    ``knowledge_broken``).
    """
    home = folder or _home()
    if name not in names(home):
        raise StudioError(
            KNOWLEDGE_UNKNOWN,
            f"There is no data file called {name!r}.",
            hint=f"The data files are: {', '.join(names(home))}. See 'ategnatos knowledge list'.",
            known=names(home),
        )
    try:
        content = json.loads(home.joinpath(f"{name}.json").read_bytes())
    except (ValueError, OSError) as error:
        raise _broken(name, f"it cannot be read ({error})") from error
    if not isinstance(content, dict):
        raise _broken(name, "it holds no JSON object")
    description = _taken(content, name, _DESCRIPTION)
    said = _taken(content, name, _DATE)
    try:
        checked = date.fromisoformat(said)
    except ValueError as error:
        raise _broken(name, f"its date {said!r} is not written as 2026-11-20") from error
    own = content.pop(_SOURCE, None)
    sources = (own,) if own is not None else _sources_of_entries(content)
    if not sources or not all(isinstance(one, str) and one.strip() for one in sources):
        raise _broken(name, "it says no source, nor does each of its entries")
    return DataFile(name, description, checked, tuple(dict.fromkeys(sources)), content)


def load(name: str, model: type[M], folder: Traversable | None = None) -> M:
    """The content of a data file as ``model``. Raises StudioError as :func:`read`."""
    from pydantic import ValidationError

    try:
        return model.model_validate(read(name, folder).content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise _broken(name, f"{place}: {first['msg']}") from error


def _sources_of_entries(content: dict[str, Any]) -> tuple[Any, ...]:
    """The source of every entry; one that has none gives None."""
    return tuple(
        entry.get(_SOURCE) if isinstance(entry, dict) else None
        for part in content.values()
        if isinstance(part, list | dict)
        for entry in (part.values() if isinstance(part, dict) else part)
    )


def _taken(content: dict[str, Any], name: str, keys: tuple[str, ...]) -> str:
    for key in keys:
        value = content.pop(key, None)
        if isinstance(value, str) and value.strip():
            return value
    raise _broken(name, f"it gives no {keys[0]}")


def _broken(name: str, why: str) -> StudioError:
    return StudioError(
        KNOWLEDGE_BROKEN,
        f"The data file {name!r} cannot be used: {why}.",
        hint="Install the program again: pip install --force-reinstall ategnatos",
        file=name,
    )


def _home() -> Traversable:
    return files("ategnatos.knowledge").joinpath("data")
