"""How one model is asked: its dialect, with what its own family file says otherwise.

The facts of a family file come in as plain values, so that a model of no family (the starter
model, a workflow of one's own) has a manner too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ategnatos.knowledge import dialects
from ategnatos.knowledge.dialects import Dialect
from ategnatos.prompts.tree import Notation


@dataclass(frozen=True, slots=True)
class Manner:
    """How a model is asked.

    ``model`` is its name for people. ``weights`` is works, little, literal or none; ``negative``
    is useful, inert (taken without effect) or none. ``quality`` and ``quality_negative`` are the
    words that its pages recommend. ``vocabulary`` is what the model knows (slot -> canonical ->
    spellings) where it knows nothing else, and ``fillers`` the words that change nothing there.
    """

    model: str
    dialect: Dialect
    weights: str
    negative: str
    quality: tuple[str, ...] = ()
    quality_negative: tuple[str, ...] = ()
    vocabulary: Mapping[str, Mapping[str, list[str]]] | None = None
    fillers: frozenset[str] = frozenset()

    @property
    def notation(self) -> Notation:
        """Who reads the brackets. Where they are mere characters, nobody does."""
        return Notation.PROSE if self.weights == "literal" else Notation(self.dialect.notation)

    @property
    def weighs(self) -> bool:
        """Whether ``(word:1.2)`` does what it says."""
        return self.weights == "works"

    @property
    def reads_negative(self) -> bool:
        """Whether a negative prompt changes the picture."""
        return self.negative == "useful"


def manner(
    model: str,
    dialect: str,
    *,
    negative: str,
    weights: bool | None = None,
    quality: tuple[str, ...] = (),
    quality_negative: tuple[str, ...] = (),
) -> Manner:
    """The manner of a model of an open vocabulary.

    ``weights`` is what the family file says; a tag dialect read by a language model has none.
    Raises StudioError (``dialect_unknown``).
    """
    found = dialects.find(dialect)
    weighs = found.weights
    if weights is False and weighs == "works":
        weighs = "literal"
    return Manner(model, found, weighs, negative, quality, quality_negative)
