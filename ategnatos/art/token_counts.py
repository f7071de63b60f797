"""How many tokens a text has for the model that reads it, exactly, where a tokenizer is at hand.

The starter model brings its own. For the CLIP families the package carries CLIP's merges
(``knowledge/data/clip``, MIT). No tokenizer of a T5 or a language model is carried: those read
hundreds of tokens, and no length of theirs is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.prompts.manner import Manner
    from ategnatos.starter.tokenizer import Tokenizer

# Merging is quadratic in a word's length. No word is this long; a longer one is counted in
# slices, and each cut may add a token or two.
_LONGEST_WORD = 60


def counter_for(manner: Manner) -> tuple[Callable[[str], int] | None, int | None]:
    """A function from a text to its tokens, and the number after which the model cuts off.

    None for the one where no tokenizer is at hand, for the other where nothing is cut.
    """
    if manner.vocabulary is not None:
        from ategnatos.starter.description import describe

        tokenizer = describe().tokenizer
        return partial(_count_known, tokenizer), tokenizer.room()
    if manner.weighs and manner.dialect.chunk is not None:
        return partial(_count, _clip()), None
    return None, None


def _count_known(tokenizer: Tokenizer, text: str) -> int:
    """The tokens that are left when the words that the starter model never learned are gone."""
    from ategnatos.starter.words import normalise

    return _count(tokenizer, normalise(text).text)


@cache
def _clip() -> Tokenizer:
    from ategnatos.starter.tokenizer import Tokenizer

    with as_file(files("ategnatos.knowledge").joinpath("data", "clip")) as folder:
        return Tokenizer(folder)


def _count(tokenizer: Tokenizer, text: str) -> int:
    return sum(
        len(tokenizer.tokens(word[start : start + _LONGEST_WORD]))
        for word in text.split()
        for start in range(0, len(word), _LONGEST_WORD)
    )
