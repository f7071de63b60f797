"""Reading one word of a shell line: quotes, escapes, variables, and the commands inside it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ategnatos.fences.words import UNKNOWN, Word, ansi, finished, hidden

_DEEPEST = 40
_ENDS_WORD = " \t\n;&|()<>"


class NotUnderstood(Exception):  # noqa: N818 - an answer, not a fault
    """The line is no shell that this reader knows; the message says where."""


class Command:
    """One program as it would be started.

    ``redirects`` are (operator, word); ``assigned`` what stands before the program (NAME, word);
    ``given`` the text of here-documents; ``fed`` if another program's output is its input;
    ``feeds`` if its output is another's input. ``opens`` and ``closes`` mark subshells.
    """

    __slots__ = ("assigned", "closes", "fed", "feeds", "given", "opens", "redirects", "words")

    def __init__(self) -> None:
        self.words: list[Word] = []
        self.redirects: list[tuple[str, Word]] = []
        self.assigned: list[tuple[str, Word]] = []
        self.given: list[str] = []
        self.fed = False
        self.feeds = False
        self.opens = False
        self.closes = False

    @property
    def empty(self) -> bool:
        return not (self.words or self.redirects or self.assigned)


class WordReader(ABC):
    """A place in a text. ``found`` are the commands so far, those inside words too.

    ``variables`` are values that are known; ``home`` is what ``~`` means.
    """

    def __init__(self, text: str, variables: dict[str, str], home: str, depth: int) -> None:
        if depth > _DEEPEST:
            raise NotUnderstood("commands are nested too deeply")
        self.text = text
        self.at = 0
        self.variables = variables
        self.home = home
        self.depth = depth
        self.found: list[Command] = []

    @abstractmethod
    def commands(self, end: str) -> None:
        """Read commands until ``end``, which is left behind, into ``found``."""

    def inside(self, end: str) -> list[Command]:
        """Read nested commands that begin here; the place moves behind ``end``."""
        inner = type(self)(self.text, self.variables, self.home, self.depth + 1)
        inner.at = self.at
        inner.commands(end)
        self.at = inner.at
        return inner.found

    def skip_arithmetic(self) -> None:
        """``((...))`` or the rest of ``$((...))``; the place is at the second parenthesis."""
        depth, place = 1, self.at
        while place < len(self.text):
            char = self.text[place]
            if char in "`$" and self.text.startswith(("`", "$("), place):
                raise NotUnderstood("a command inside arithmetic")
            depth += (char == "(") - (char == ")")
            place += 1
            if depth == 0:
                self.at = place
                return
        raise NotUnderstood("arithmetic has no end")

    def word(self, *, plain: bool = False) -> list[Word]:
        """The word that begins here (several where it has braces); [] where none does.

        ``plain`` undoes quotes and nothing else, as for the mark of a here-document.
        """
        text = self.text
        out: list[str] = []
        bare = quoted = started = False
        while self.at < len(text):
            char = text[self.at]
            if text.startswith(("<(", ">("), self.at) and not plain:
                self.at += 2
                self.found += self.inside(")")
                out.append(UNKNOWN)
                bare = started = True
            elif char in _ENDS_WORD:
                break
            elif char == "\\":
                if text.startswith("\\\n", self.at):
                    self.at += 2
                    continue
                out.append(hidden(text[self.at + 1 : self.at + 2]))
                self.at += 2
                quoted = started = True
            elif char == "'":
                end = text.find("'", self.at + 1)
                if end < 0:
                    raise NotUnderstood("a quote has no end")
                out.append(hidden(text[self.at + 1 : end]))
                self.at = end + 1
                quoted = started = True
            elif char == '"':
                self.at += 1
                out.append(self._double())
                quoted = started = True
            elif char == "$" and text.startswith("$'", self.at):
                out.append(hidden(self._ansi()))
                quoted = started = True
            elif char == "$" and text.startswith('$"', self.at):
                self.at += 2
                out.append(self._double())
                quoted = started = True
            elif char in "$`" and not plain:
                value = self._expansion()
                if any(one in value for one in " \t\n*?["):
                    value = UNKNOWN  # the shell would make several words, or files, of it
                bare = bare or UNKNOWN in value
                out.append(value)
                started = True
            else:
                out.append(char)
                self.at += 1
                started = True
        if not started:
            return []
        return finished("".join(out), bare=bare, quoted=quoted, home=self.home)

    def _double(self) -> str:
        """The rest of a double-quoted piece, hidden."""
        out: list[str] = []
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == '"':
                self.at += 1
                return "".join(out)
            if char == "\\":
                following = self.text[self.at + 1 : self.at + 2]
                if following == "\n":
                    pass
                elif following and following in '$`"\\':
                    out.append(hidden(following))
                else:
                    out.append("\\" + hidden(following))
                self.at += 2
            elif char in "$`":
                out.append(hidden(self._expansion()))
            else:
                out.append(hidden(char))
                self.at += 1
        raise NotUnderstood("a quote has no end")

    def _ansi(self) -> str:
        start = place = self.at + 2
        while place < len(self.text) and self.text[place] != "'":
            place += 2 if self.text[place] == "\\" else 1
        if place >= len(self.text):
            raise NotUnderstood("a quote has no end")
        self.at = place + 1
        return ansi(self.text[start:place])

    def _expansion(self) -> str:
        """What ``$...`` or a backtick stands for: a value that is known, else UNKNOWN."""
        text = self.text
        if text[self.at] == "`":
            end = self.at + 1
            while end < len(text) and text[end] != "`":
                end += 2 if text[end] == "\\" else 1
            if end >= len(text):
                raise NotUnderstood("a backtick has no end")
            inner = text[self.at + 1 : end]
            for char in "`$\\":
                inner = inner.replace("\\" + char, char)
            reader = type(self)(inner, dict(self.variables), self.home, self.depth + 1)
            reader.commands("")
            self.found += reader.found
            self.at = end + 1
            return UNKNOWN
        if text.startswith("$((", self.at):
            self.at += 3
            self.skip_arithmetic()
            if not text.startswith(")", self.at):
                raise NotUnderstood("arithmetic has no end")
            self.at += 1
            return UNKNOWN
        if text.startswith("$(", self.at):
            self.at += 2
            self.found += self.inside(")")
            return UNKNOWN
        if text.startswith("${", self.at):
            return self._braced()
        place = self.at + 1
        if place < len(text) and text[place] in "@*#?-$!0123456789":
            self.at = place + 1
            return UNKNOWN
        while place < len(text) and (text[place].isalnum() or text[place] == "_"):
            place += 1
        name = text[self.at + 1 : place]
        self.at = place
        return self.variables.get(name, UNKNOWN) if name else "$"

    def _braced(self) -> str:
        """``${NAME}`` where it is that simple; anything else in the braces is unknown."""
        depth, place = 0, self.at + 1
        while place < len(self.text):
            char = self.text[place]
            if self.text.startswith(("$(", "`"), place):
                raise NotUnderstood("a command inside ${}")
            if char in "'\"\\":
                raise NotUnderstood("quotes inside ${}")
            depth += (char == "{") - (char == "}")
            place += 1
            if depth == 0:
                name = self.text[self.at + 2 : place - 1]
                self.at = place
                return self.variables.get(name, UNKNOWN)
        raise NotUnderstood("${ has no end")
