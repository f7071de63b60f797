"""How many tokens a caption has: counted where a tokenizer is at hand, else estimated and said so.

A trigger is rarely one token: "zrvkowl" is four for CLIP and six for T5. CLIP's tokenizer comes
with the package; for any other the user gives its ``tokenizer.json``, read by the ``tokenizers``
library (extra ``tokenizer``). The estimate's factors are measured: ``caption_tokens.json``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge import loader

if TYPE_CHECKING:
    from ategnatos.starter.tokenizer import Tokenizer
    from ategnatos.train.dataset.captions.protocol import Wanted

STARTER = "starter"
TOKENIZER_UNREADABLE = ErrorCode("tokenizer_unreadable", "A tokenizer file could not be used.")

# Merging is quadratic in a word's length, and no word is this long.
_LONGEST_WORD = 60
_KINDS = re.compile(
    r"(?P<word>[A-Za-z]+)|(?P<digit>\d)|(?P<other>[^\x00-\x7f])|(?P<sign>[^\s\w]|_)"
)


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts tokens. ``error`` is the share by which 95 % of the counts may be wrong (0: exact).

    ``window`` is how many tokens the text encoder reads at once; None where nothing is cut.
    """

    name: str
    count: Callable[[str], int]
    error: float
    window: int | None = None

    @property
    def exact(self) -> bool:
        """Whether the tokenizer itself counts."""
        return self.error == 0


def counter_for(wanted: Wanted) -> Counter:
    """The best there is for a dataset: the user's file, CLIP's own, or an estimate.

    Without a family CLIP's count is taken, which most families read beside others.
    Raises StudioError (``tokenizer_unreadable``, ``family_unknown``).
    """
    if wanted.family == STARTER and not wanted.tokenizer:
        return _starter()
    window = _window(wanted.family)
    if wanted.tokenizer:
        return Counter(Path(wanted.tokenizer).name, from_file(Path(wanted.tokenizer)), 0, window)
    if not wanted.family or window is not None:
        return Counter("CLIP", _count_clip, 0, window)
    factors = loader.read("caption_tokens").content["estimates"]["t5"]
    return Counter("an estimate for T5", lambda text: estimate(text, factors), factors["error"])


def _starter() -> Counter:
    from ategnatos.starter.description import describe

    tokenizer = describe().tokenizer
    return Counter("the starter model", lambda text: _count(tokenizer, text), 0, tokenizer.room())


def estimate(text: str, factors: dict[str, float]) -> int:
    """The tokens that ``text`` has by the factors of ``caption_tokens.json``."""
    return round(sum(factors[str(match.lastgroup)] for match in _KINDS.finditer(text)))


def from_file(path: Path) -> Callable[[str], int]:
    """The counting function of a tokenizer that the user gives.

    ``path`` is a ``tokenizer.json``, or a folder with ``vocab.json``, ``merges.txt`` and
    ``tokenizer_config.json`` of a CLIP model. Raises StudioError (``tokenizer_unreadable``).
    """
    if path.is_dir():
        return _from_folder(path)
    try:
        from tokenizers import Tokenizer as HuggingFace
    except ImportError:
        raise _unreadable(
            path,
            "the library 'tokenizers' that reads it is not installed",
            "Install it: pip install 'ategnatos[tokenizer]'",
        ) from None
    try:
        made: Any = HuggingFace.from_file(str(path))
    except Exception as error:  # what the library raises for a bad file
        raise _unreadable(path, str(error), "Give the model's own tokenizer.json.") from error
    return lambda text: len(made.encode(text, add_special_tokens=False).ids)


def _from_folder(path: Path) -> Callable[[str], int]:
    from ategnatos.starter.tokenizer import Tokenizer

    if path.name != "tokenizer" or not (path / "merges.txt").is_file():
        raise _unreadable(
            path,
            "it is not a folder called 'tokenizer' with CLIP's merges.txt",
            "Give a tokenizer.json, or the 'tokenizer' folder of a CLIP model.",
        )
    made = Tokenizer(path.parent)
    return lambda text: _count(made, text)


def _window(family: str) -> int | None:
    if not family or family == STARTER:
        return None
    from ategnatos.knowledge import dialects, families

    chunk = dialects.find(families.find(family).dialect).chunk
    return None if chunk is None else int(chunk.tokens)


def _count_clip(text: str) -> int:
    return _count(_clip(), text)


@cache
def _clip() -> Tokenizer:
    from ategnatos.starter.tokenizer import Tokenizer

    with as_file(files("ategnatos.knowledge").joinpath("data", "clip")) as folder:
        return Tokenizer(folder)


def _count(tokenizer: Tokenizer, text: str) -> int:
    return sum(
        _count_word(tokenizer, word[start : start + _LONGEST_WORD])
        for word in text.split()
        for start in range(0, len(word), _LONGEST_WORD)
    )


# Captions repeat their words: a dataset of 1,000 has a few hundred.
@lru_cache(maxsize=1 << 16)
def _count_word(tokenizer: Tokenizer, word: str) -> int:
    return len(tokenizer.tokens(word))


def _unreadable(path: Path, why: str, hint: str) -> StudioError:
    return StudioError(
        TOKENIZER_UNREADABLE,
        f"The tokenizer {path} cannot be used: {why[:200]}. Nothing was counted.",
        hint=hint,
        path=str(path),
    )
