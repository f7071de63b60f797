"""A CLIP-format byte-pair tokenizer in which every known word is one token."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

START, END = "<|startoftext|>", "<|endoftext|>"
TOKENS = 32  # the length of a prompt in tokens, start and end included


def byte_alphabet() -> list[str]:
    """Return the 256 printable characters that CLIP writes the bytes 0..255 as, in byte order."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    characters, spare = [], 256
    for byte in range(256):
        if byte in printable:
            characters.append(chr(byte))
        else:
            characters.append(chr(spare))
            spare += 1
    return characters


def learn_merges(words: list[str]) -> list[tuple[str, str]]:
    """Learn byte-pair merges from `words` until each is a single symbol.

    Ties are broken alphabetically, so that the result depends on the words alone.
    """
    pieces = [[*word[:-1], word[-1] + "</w>"] for word in words]
    merges: list[tuple[str, str]] = []
    while True:
        pairs = Counter(pair for word in pieces for pair in pairwise(word))
        if not pairs:
            return merges
        first, second = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append((first, second))
        pieces = [merge_pair(word, first, second) for word in pieces]


def merge_pair(symbols: list[str], first: str, second: str) -> list[str]:
    """Join each neighbouring `first`, `second` in `symbols`, from left to right."""
    joined: list[str] = []
    for symbol in symbols:
        if joined and joined[-1] == first and symbol == second:
            joined[-1] = first + second
        else:
            joined.append(symbol)
    return joined


def vocabulary(merges: list[tuple[str, str]]) -> dict[str, int]:
    """Number the symbols as CLIP does: bytes, bytes that end a word, merges, start, end."""
    alphabet = byte_alphabet()
    symbols = [*alphabet, *(character + "</w>" for character in alphabet)]
    symbols += [first + second for first, second in merges]
    symbols = list(dict.fromkeys([*symbols, START, END]))
    return {symbol: number for number, symbol in enumerate(symbols)}


def save_tokenizer(words: list[str], folder: Path) -> int:
    """Write the tokenizer files of `words` into `folder`; return the number of symbols."""
    folder.mkdir(parents=True, exist_ok=True)
    merges = learn_merges(words)
    symbols = vocabulary(merges)
    lines = ["#version: 0.2", *(" ".join(merge) for merge in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    files = {
        "vocab.json": symbols,
        "special_tokens_map.json": {
            "bos_token": START,
            "eos_token": END,
            "pad_token": END,
            "unk_token": END,
        },
        "tokenizer_config.json": {
            "tokenizer_class": "CLIPTokenizer",
            "model_max_length": TOKENS,
            "do_lower_case": True,
            "add_prefix_space": False,
            "errors": "replace",
            "bos_token": START,
            "eos_token": END,
            "pad_token": END,
            "unk_token": END,
        },
    }
    for name, content in files.items():
        text = json.dumps(content, ensure_ascii=False, indent=None if name == "vocab.json" else 2)
        (folder / name).write_text(text + "\n", encoding="utf-8")
    return len(symbols)
