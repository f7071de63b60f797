"""The words that the starter model knows, as people look for them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from ategnatos.knowledge.loader import load

# Spellings of one meaning; the first is the word itself.
Spellings = Annotated[tuple[str, ...], Field(min_length=1)]
Hex = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]


class Colour(BaseModel):
    """A colour's words, and its five shades from dark to light (sRGB)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: Spellings
    ramp: Annotated[tuple[Hex, ...], Field(min_length=5, max_length=5)]


class StarterWords(BaseModel):
    """Each table maps a word to the spellings that mean it; ``fillers`` change nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: dict[str, Spellings]
    colours: dict[str, Colour]
    sizes: dict[str, Spellings]
    styles: dict[str, Spellings]
    fillers: tuple[str, ...]


def starter_words() -> StarterWords:
    """The vocabulary. Raises StudioError (``knowledge_broken``)."""
    return load("starter_words", StarterWords)
