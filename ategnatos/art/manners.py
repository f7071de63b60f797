"""How the model of a request is asked: from the engine's families and the request's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.prompts.manner import Manner

# A graph of one's own may hold any model: plain keywords, and no bracket is trusted to weigh.
_UNKNOWN_DIALECT = "clip-keywords"


def manner_of(families: Sequence[str], family: str | None, *, negative: bool = True) -> Manner:
    """How a model is asked.

    ``families`` are the engine's, ``family`` the request's own, such as ``z-image/turbo``.
    ``negative`` tells whether a model of no known family is taken to read a negative prompt.
    Raises StudioError (``family_unknown``, ``dialect_unknown``).
    """
    from ategnatos.knowledge import families as known
    from ategnatos.knowledge.feedback import STARTER_FAMILY
    from ategnatos.prompts.manner import manner

    if family == STARTER_FAMILY or (family is None and STARTER_FAMILY in families):
        return starter()
    if family is None:
        worth = "useful" if negative else "none"
        return manner("this model", _UNKNOWN_DIALECT, negative=worth, weights=False)
    variant = known.find(family)
    return manner(
        variant.title,
        variant.dialect,
        negative=variant.negative,
        weights=variant.weights,
        quality=variant.quality,
        quality_negative=variant.quality_negative,
    )


def starter() -> Manner:
    """How the starter model is asked: in the words that it knows."""
    from ategnatos.knowledge import dialects, feedback
    from ategnatos.knowledge.words import starter_words
    from ategnatos.prompts.manner import Manner

    return Manner(
        "the starter model",
        dialects.find(dialects.STARTER),
        "none",
        "useful",
        vocabulary=feedback.starter_slots(),
        fillers=frozenset(starter_words().fillers),
    )
