"""A strict reader of shell command lines: which programs would run, with which words.

It knows the part of POSIX sh and bash that people and agents write at a prompt. Whatever lies
outside raises :class:`NotUnderstood`, and whoever asks decides what that means; it never guesses.
Commands in ``$(...)``, backticks and ``<(...)`` are found too. Nothing is ever run.
"""

from __future__ import annotations

from ategnatos.fences.word_reader import Command, NotUnderstood, WordReader
from ategnatos.fences.words import UNKNOWN, Word

_OPERATORS = ("&&", "||", ";;", "|&", ";", "&", "|", "\n", "(", ")")
_REDIRECTS = ("&>>", "<<<", "<<-", "&>", ">>", ">|", ">&", "<<", "<&", "<>", ">", "<")
_RESERVED = frozenset(
    ("if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "{", "}")
)
_UNKNOWN_FORMS = frozenset(("case", "esac", "function", "select", "coproc"))
_LONGEST = 200_000


def parse(text: str, variables: dict[str, str], home: str) -> list[Command]:
    """The commands of ``text`` in order. ``variables`` are known values; assignments add to it.

    Raises NotUnderstood.
    """
    if len(text) > _LONGEST:
        raise NotUnderstood("the line is too long")
    if UNKNOWN in text:
        raise NotUnderstood("the line holds a NUL character")
    reader = _Reader(text, variables, home, 0)
    reader.commands("")
    return reader.found


class _Reader(WordReader):
    def __init__(self, text: str, variables: dict[str, str], home: str, depth: int) -> None:
        super().__init__(text, variables, home, depth)
        self.awaited: list[tuple[Command, Word, bool]] = []

    # --- commands -------------------------------------------------------------------------------

    def commands(self, end: str) -> None:
        """Commands until ``end`` (``)`` or nothing), which is left behind."""
        command = Command()
        while True:
            self._blanks()
            if self.at >= len(self.text):
                if end:
                    raise NotUnderstood(f"a {end!r} is missing")
                self._close(command)
                if self.awaited:
                    raise NotUnderstood("a here-document has no end")
                return
            operator = self._operator()
            if operator == ")":
                if end != ")":
                    raise NotUnderstood("a ) without its (")
                self._close(command)
                return
            if operator == "(":
                command = self._subshell(command)
            elif operator == ";;":
                raise NotUnderstood("a branch of case")
            elif operator:
                piped = operator in ("|", "|&")
                command.feeds = piped
                self._close(command)
                command = Command()
                command.fed = piped
                if operator == "\n":
                    self._here_documents()
            else:
                self._piece(command)

    def _subshell(self, command: Command) -> Command:
        if command.words or command.assigned:
            if self.text[self.at : self.at + 1] == "(" or command.words:
                raise NotUnderstood("a function or an array")
            raise NotUnderstood("an array")
        if self.text.startswith("(", self.at):
            self.skip_arithmetic()
            return command
        mark = Command()
        mark.opens = True
        self.found.append(mark)
        inner = self.inside(")")
        self.found += inner
        mark = Command()
        mark.closes = True
        self.found.append(mark)
        # What follows may only be a redirect or an operator: words there are no command.
        after = Command()
        after.fed = command.fed
        return after

    def _close(self, command: Command) -> None:
        if command.empty:
            return
        if not command.words:
            for name, word in command.assigned:
                self._assign(name, word)
        self.found.append(command)

    def _assign(self, name: str, word: Word) -> None:
        self.variables[name] = word.text if word.known else UNKNOWN

    def _piece(self, command: Command) -> None:
        """One redirect, assignment or word of ``command``."""
        redirect = self._redirect()
        if redirect:
            self._blanks()
            targets = self.word(plain=redirect in ("<<", "<<-"))
            if not targets:
                raise NotUnderstood(f"nothing after {redirect}")
            target = targets[0]
            if redirect in ("<<", "<<-"):
                self.awaited.append((command, target, redirect == "<<-"))
            elif redirect == "<<<":
                command.given.append(target.text)
            else:
                command.redirects.append((redirect, target))
            return
        start = self.at
        if not command.words and (name := self._assignment()):
            if self.text[self.at : self.at + 1] == "(":
                raise NotUnderstood("an array")
            words = self.word() or [Word("")]
            command.assigned.append((name, words[0]))
            return
        words = self.word()
        if not words or self.at == start:
            raise NotUnderstood(f"at {self.text[start : start + 12]!r}")
        first = words[0]
        if not command.words and not first.quoted and first.known:
            if first.text in _UNKNOWN_FORMS:
                raise NotUnderstood(f"the form {first.text!r}")
            if first.text in _RESERVED:
                return
            if first.text in ("[[", "for"):
                self._special(first.text, command)
                return
        command.words += words

    def _special(self, form: str, command: Command) -> None:
        """``[[ ... ]]`` runs nothing; ``for x in ...`` leaves x unknown."""
        if form == "[[":
            end = self.text.find("]]", self.at)
            if end < 0:
                raise NotUnderstood("[[ without ]]")
            inner = self.text[self.at : end]
            if "$(" in inner or "`" in inner or "<(" in inner:
                raise NotUnderstood("a command inside [[ ]]")
            self.at = end + 2
            command.words.append(Word("[["))
            return
        self._blanks()
        words = self.word()
        if len(words) != 1 or not words[0].known:
            raise NotUnderstood("a for without a name")
        self.variables[words[0].text] = UNKNOWN
        command.words.append(Word("for"))

    def _assignment(self) -> str:
        """The NAME of ``NAME=`` that begins here, and the place moves behind it."""
        place = self.at
        while place < len(self.text) and (self.text[place].isalnum() or self.text[place] == "_"):
            place += 1
        name = self.text[self.at : place]
        if not name or name[0].isdigit() or not name.isascii():
            return ""
        if self.text.startswith("=", place):
            self.at = place + 1
            return name
        if self.text.startswith("+=", place):
            self.at = place + 2
            self.variables[name] = UNKNOWN
            return name
        return ""

    def _here_documents(self) -> None:
        """The bodies that were announced on the line that ended just now."""
        for command, mark, tabs in self.awaited:
            lines = []
            while True:
                if self.at >= len(self.text):
                    raise NotUnderstood("a here-document has no end")
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                line = self.text[self.at : end]
                self.at = min(end + 1, len(self.text))
                line = line.lstrip("\t") if tabs else line
                if line == mark.text:
                    break
                lines.append(line)
            body = "\n".join(lines)
            command.given.append(body)
            if not mark.quoted and ("$(" in body or "`" in body):
                raise NotUnderstood("a command inside a here-document")
        self.awaited = []

    # --- operators ------------------------------------------------------------------------------

    def _blanks(self) -> None:
        text = self.text
        while self.at < len(text):
            if text[self.at] in " \t\r":
                self.at += 1
            elif text.startswith("\\\n", self.at):
                self.at += 2
            elif text[self.at] == "#":
                end = text.find("\n", self.at)
                self.at = len(text) if end < 0 else end
            else:
                return

    def _operator(self) -> str:
        if self.text.startswith(("&>", "<(", ">("), self.at):
            return ""
        for operator in _OPERATORS:
            if self.text.startswith(operator, self.at):
                self.at += len(operator)
                return operator
        return ""

    def _redirect(self) -> str:
        """The redirect that begins here, without its number; the place moves behind it."""
        place = self.at
        while place < len(self.text) and self.text[place].isdigit():
            place += 1
        if self.text.startswith(("<(", ">("), place):
            return ""
        for redirect in _REDIRECTS:
            if self.text.startswith(redirect, place):
                if place > self.at and redirect.startswith("&"):
                    return ""
                self.at = place + len(redirect)
                return redirect
        return ""
