"""Words of a shell command line: what they are once quotes, escapes and braces are undone."""

from __future__ import annotations

UNKNOWN = "\x00"
"""Stands in a word for a part that only the shell would know (a variable, a command's output)."""

# Characters that mean something only where they are not quoted. A quoted one is kept as a private
# code point until braces are unfolded, so that "a{b,c}" in quotes stays one word.
_SPECIAL = "*?[]{},~"
_HIDDEN = {char: chr(0xE000 + place) for place, char in enumerate(_SPECIAL)}
_SHOWN = {hidden: char for char, hidden in _HIDDEN.items()}
_MOST_BRACES = 256


class Word:
    """One word. ``text`` has UNKNOWN for what is not known; ``bare`` if such a part was unquoted.

    ``glob`` is the pattern with quoted characters escaped as ``[*]``, empty where there is none.
    """

    __slots__ = ("bare", "glob", "quoted", "text")

    def __init__(self, text: str, *, glob: str = "", bare: bool = False, quoted: bool = False):
        self.text = text
        self.glob = glob
        self.bare = bare
        self.quoted = quoted

    @property
    def known(self) -> bool:
        return UNKNOWN not in self.text

    def __repr__(self) -> str:
        return f"Word({self.text!r})"


def hidden(text: str) -> str:
    """``text`` as it stands in quotes: none of its characters means anything."""
    return "".join(_HIDDEN.get(char, char) for char in text)


def finished(raw: str, *, bare: bool, quoted: bool, home: str) -> list[Word]:
    """The words that ``raw`` (with hidden characters) stands for; several where it has braces."""
    words = []
    for one in _unfolded(raw):
        if not one and not quoted:
            continue  # an empty piece of a brace is no word
        if one == "~" or one.startswith("~/"):
            one = hidden(home) + one[1:]
        text = "".join(_SHOWN.get(char, char) for char in one)
        glob = ""
        if any(char in one for char in "*?["):
            glob = "".join(
                f"[{_SHOWN[char]}]" if char in _SHOWN and _SHOWN[char] in "*?[" else char
                for char in one
            )
            glob = "".join(_SHOWN.get(char, char) for char in glob)
        words.append(Word(text, glob=glob, bare=bare, quoted=quoted))
    return words


def _unfolded(raw: str) -> list[str]:
    """``a{b,c}d`` as ``abd`` and ``acd``; braces without a comma are no braces."""
    start = raw.find("{")
    while start >= 0:
        depth, commas = 0, []
        for place in range(start, len(raw)):
            char = raw[place]
            if char == "{":
                depth += 1
            elif char == "}":
                depth -= 1
                if depth == 0:
                    break
            elif char == "," and depth == 1:
                commas.append(place)
        else:
            return [raw]
        if commas:
            before, middles = raw[:start], []
            for comma in (*commas, place):
                middles.append(raw[start + 1 : comma])
                start = comma
            found = [
                before + middle + rest
                for chosen in middles
                for middle in _unfolded(chosen)
                for rest in _unfolded(raw[place + 1 :])
            ]
            return found[:_MOST_BRACES] if len(found) <= _MOST_BRACES else [raw, UNKNOWN]
        start = raw.find("{", place)
    return [raw]


def ansi(text: str) -> str:
    """What ``$'...'`` means: the escapes of C undone."""
    simple = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b"}
    simple |= {"f": "\f", "v": "\v"}
    widths = {"x": 2, "u": 4, "U": 8}
    out, place = [], 0
    while place < len(text):
        char = text[place]
        if char != "\\" or place + 1 >= len(text):
            out.append(char)
            place += 1
            continue
        kind = text[place + 1]
        place += 2
        if kind in widths:
            end = place
            while end < len(text) and end - place < widths[kind] and _hexadecimal(text[end]):
                end += 1
            code = int(text[place:end], 16) if end > place else 0
            out.append(chr(code) if code <= 0x10FFFF else UNKNOWN)
            place = end
        elif kind in "01234567":
            end = place
            while end < len(text) and end - place < 2 and text[end] in "01234567":
                end += 1
            out.append(chr(int(text[place - 1 : end], 8)))
            place = end
        else:
            out.append(simple.get(kind, kind))
    return "".join(out)


def _hexadecimal(char: str) -> bool:
    return char in "0123456789abcdefABCDEF"
