"""The tokenizer: CLIP's byte-level BPE, read from vocab.json and merges.txt.

Source: OpenAI CLIP, simple_tokenizer.py, in the form that transformers 5 computes it
(models/clip/tokenization_clip.py): NFC, white space to one space, lower case, split into
contractions, words, single digits and runs of other signs, then byte-pair merges.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.starter.configuration import damaged, read_json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_END_OF_WORD = "</w>"
_CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")
# Unicode's White_Space; str.isspace also counts the four ASCII separators, Rust does not.
_SPACES = frozenset(
    "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000"
    + "".join(chr(code) for code in range(0x2000, 0x200B))
)


class Tokenizer:
    """Text to token ids of one fixed length.

    Built from ``tokenizer/`` of a model folder. Raises StudioError (``starter_weights``) when
    its files are missing or do not fit together.
    """

    def __init__(self, folder: Path) -> None:
        place = folder / "tokenizer"
        self._ids: dict[str, int] = read_json(place / "vocab.json")
        settings = read_json(place / "tokenizer_config.json")
        merges = place / "merges.txt"
        try:
            lines = merges.read_text(encoding="utf-8").splitlines()
            pairs = [line.split(" ") for line in lines if line and not line.startswith("#version")]
            self._ranks = {(left, right): rank for rank, (left, right) in enumerate(pairs)}
            self.length = int(settings["model_max_length"])
            # A text may name these tokens; they are then taken whole, as transformers does.
            self._special = {
                settings[key]: self._ids[settings[key]]
                for key in ("bos_token", "eos_token", "pad_token", "unk_token")
            }
            self._start = self._ids[settings["bos_token"]]
            self._end = self._ids[settings["eos_token"]]
            self._pad = self._ids[settings["pad_token"]]
            self._unknown = self._ids[settings["unk_token"]]
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise damaged(merges, f"{error} is missing or not understood") from error
        self._letters = _byte_letters()

    def encode(self, text: str) -> npt.NDArray[np.int64]:
        """Ids (length,): start, the text's tokens as far as they fit, end, padding."""
        import numpy as np  # not for counting the tokens of a plan

        ids = [self._start, *self.tokens(text)[: self.length - 2], self._end]
        ids += [self._pad] * (self.length - len(ids))
        return np.array(ids, np.int64)

    def room(self) -> int:
        """How many tokens of a text are read; the rest is cut off."""
        return self.length - 2

    def tokens(self, text: str) -> list[int]:
        """Ids of the text alone, however many."""
        ids = []
        for piece in self._split_at_special(text):
            if piece in self._special:
                ids.append(self._special[piece])
            else:
                for word in _words(_normalised(piece)):
                    ids += self._merge(word)
        return ids

    def _split_at_special(self, text: str) -> Iterator[str]:
        """The text in pieces, special tokens standing alone."""
        while text:
            places = [(text.find(token), token) for token in self._special if token in text]
            place, token = min(places, default=(len(text), ""))
            yield from filter(None, (text[:place], token))
            text = text[place + len(token) :]

    def _merge(self, word: str) -> list[int]:
        """One word by byte-pair merges, the earliest learned pair first."""
        symbols = [self._letters[byte] for byte in word.encode("utf-8")]
        symbols[-1] += _END_OF_WORD
        while len(symbols) > 1:
            ranked = [
                (self._ranks[pair], place)
                for place, pair in enumerate(pairwise(symbols))
                if pair in self._ranks
            ]
            if not ranked:
                break
            _, place = min(ranked)
            symbols[place : place + 2] = [symbols[place] + symbols[place + 1]]
        return [self._ids.get(symbol, self._unknown) for symbol in symbols]


def _normalised(text: str) -> str:
    """NFC, runs of white space as one space, lower case letter by letter."""
    composed = unicodedata.normalize("NFC", text)
    spaced = "".join(" " if sign in _SPACES else sign for sign in composed)
    return "".join(sign.lower() for sign in spaced)


def _words(text: str) -> Iterator[str]:
    """Contractions, runs of letters, single digits, runs of anything else but space."""
    place = 0
    while place < len(text):
        contraction = next((c for c in _CONTRACTIONS if text.startswith(c, place)), "")
        kind = _kind(text[place])
        end = place + 1
        if contraction:
            end = place + len(contraction)
        elif kind in ("letter", "sign"):
            while end < len(text) and _kind(text[end]) == kind:
                end += 1
        if kind != "space":
            yield text[place:end]
        place = end


def _kind(sign: str) -> str:
    if sign in _SPACES:
        return "space"
    return {"L": "letter", "N": "digit"}.get(unicodedata.category(sign)[0], "sign")


def _byte_letters() -> list[str]:
    """A printable character for each byte: itself where it is one, or one from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    letters, spare = [], 0x100
    for byte in range(256):
        if byte in printable:
            letters.append(chr(byte))
        else:
            letters.append(chr(spare))
            spare += 1
    return letters
