"""The words of the page: plain ones, and the role-playing vocabulary that may stand in their place.

One file, ``knowledge/data/lore.json``. The code knows the plain words of the field alone; a key is
such a word, and which of its two names is shown is the reader's choice.
"""

from __future__ import annotations

from functools import cache

from pydantic import BaseModel, ConfigDict, Field


class Word(BaseModel):
    """One thing with its two names. ``tooltip`` says in one sentence what it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    plain: str = Field(min_length=1)
    lore: str = Field(min_length=1)
    icon: str = Field(min_length=1)
    tooltip: str = Field(min_length=1)

    def name(self, *, lore: bool) -> str:
        """The name to show."""
        return self.lore if lore else self.plain


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    words: dict[str, Word]


@cache
def words() -> dict[str, Word]:
    """Every word by its key. Raises StudioError as :func:`ategnatos.knowledge.loader.load`."""
    from ategnatos.knowledge import loader

    return loader.load("lore", _Words).words


def name(key: str, *, lore: bool) -> str:
    """The name to show for a key; KeyError for one that is not in the file."""
    return words()[key].name(lore=lore)


def tooltip(key: str) -> str:
    """What it is, in one sentence."""
    return words()[key].tooltip


def icon(key: str) -> str:
    """Its sign."""
    return words()[key].icon


def for_script() -> dict[str, dict[str, str]]:
    """All of it as JSON values, for a page's script."""
    return {key: one.model_dump() for key, one in words().items()}
