"""How each kind of model wants to be asked. Data: ``data/dialects.json``."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import loader

DIALECT_UNKNOWN = ErrorCode("dialect_unknown", "There is no prompt dialect of that name.")

STARTER = "starter"


@dataclass(frozen=True, slots=True)
class Chunk:
    """So many tokens of a text are read together, as ``tokenizer`` counts them."""

    tokens: int
    tokenizer: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of asking; the data file's description says what each field means."""

    name: str
    title: str
    style: str
    notation: str
    weights: str
    chunk: Chunk | None
    order: tuple[str, ...]
    advice: tuple[str, ...]


def names() -> list[str]:
    """Every dialect, in the order of the file."""
    return list(_all())


def find(name: str) -> Dialect:
    """The dialect called ``name``. Raises StudioError (``dialect_unknown``)."""
    found = _all().get(name)
    if found is None:
        close = difflib.get_close_matches(name, names(), 1)
        raise StudioError(
            DIALECT_UNKNOWN,
            f"There is no prompt dialect called {name!r}; nothing was done."
            + (f" Did you mean {close[0]!r}?" if close else ""),
            hint=f"The dialects are: {', '.join(names())}.",
            known=names(),
        )
    return found


@cache
def _all() -> dict[str, Dialect]:
    entries = loader.read("dialects").content["dialects"]
    return {
        name: Dialect(
            name,
            entry["title"],
            entry["style"],
            entry["notation"],
            entry["weights"],
            None if entry["chunk"] is None else Chunk(**entry["chunk"]),
            tuple(entry["order"]),
            tuple(entry["advice"]),
        )
        for name, entry in entries.items()
    }
