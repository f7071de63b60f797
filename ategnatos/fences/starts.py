"""Which programs a line starts in the end, behind ``env``, ``sh -c``, ``xargs`` and the like."""

from __future__ import annotations

from ategnatos.fences.shell import parse
from ategnatos.fences.word_reader import Command, NotUnderstood
from ategnatos.fences.words import UNKNOWN, Word

_SHELLS = frozenset(("sh", "bash", "dash", "zsh", "ksh", "ash", "busybox", "fish", "rbash"))
_POWERSHELLS = frozenset(("pwsh", "powershell", "powershell.exe", "cmd", "cmd.exe"))
_INTERPRETERS = {
    "python": "-c",
    "python2": "-c",
    "python3": "-c",
    "pypy3": "-c",
    "ipython": "-c",
    "perl": "-e",
    "ruby": "-e",
    "node": "-e",
    "deno": "eval",
    "bun": "-e",
    "php": "-r",
    "lua": "-e",
    "osascript": "-e",
    "tclsh": "",
    "expect": "-c",
    "awk": "",
    "gawk": "",
    "mawk": "",
    "sqlite3": "",
    "ed": "",
    "ex": "-c",
    "vim": "-c",
    "vi": "-c",
    "nvim": "-c",
    "emacs": "--eval",
    "gdb": "-ex",
    "make": "--eval",
}
# Programs that start another: the options of theirs that take a word of its own.
_WRAPPERS: dict[str, tuple[str, ...]] = {
    "env": ("-u", "--unset", "-C", "--chdir"),
    "command": (),
    "builtin": (),
    "exec": ("-a",),
    "nohup": (),
    "setsid": (),
    "nice": ("-n", "--adjustment"),
    "ionice": ("-c", "-n", "-p"),
    "chrt": (),
    "timeout": ("-k", "-s", "--kill-after", "--signal"),
    "time": ("-f", "-o"),
    "stdbuf": ("-i", "-o", "-e"),
    "unbuffer": (),
    "sudo": ("-u", "-g", "-h", "-p", "-C", "-D", "-U"),
    "doas": ("-u", "-C"),
    "watch": ("-n", "--interval"),
    "xargs": ("-I", "-n", "-P", "-L", "-d", "-E", "-s", "-a"),
    "parallel": ("-j", "--jobs"),
    "strace": ("-o", "-e", "-p", "-s"),
    "ltrace": ("-o", "-e"),
    "caffeinate": ("-t", "-w"),
    "chronic": (),
    "uv": (),
    "uvx": (),
    "pipx": (),
    "poetry": (),
    "pdm": (),
    "hatch": (),
    "rtk": (),
    "flock": (),
}
# Programs that hand words of theirs to another shell, machine or moment.
_CARRIERS = frozenset(
    (
        *("alias", "trap", "complete", "bind", "ssh", "su", "runuser", "docker", "podman"),
        *("kubectl", "systemd-run", "at", "batch", "crontab", "nsenter", "chroot", "unshare"),
        *("entr", "npx", "wsl", "mosh", "dbus-run-session", "firejail", "bwrap"),
    )
)
_RUNNERS = {"uv": "run", "pipx": "run", "poetry": "run", "pdm": "run", "hatch": "run"}
_DEEPEST = 12


class Start:
    """A program with its words, once everything in front of it is taken away.

    ``name`` is the program without its folder. ``code`` is a text in another language that it
    is given to run (None where there is none, "" where it comes from somewhere unseen).
    ``unsure`` says why it may be more than what is seen. ``known_folder`` is false after a
    ``cd`` to a place that is not known; ``folder`` is relative to where the line began.
    """

    __slots__ = ("code", "command", "fed", "folder", "known_folder", "name", "unsure", "words")

    def __init__(self, command: Command, words: list[Word], folder: str, known_folder: bool):
        self.command = command
        self.words = words
        self.name = words[0].text.rsplit("/", 1)[-1] if words else ""
        self.fed = command.fed
        self.folder = folder
        self.known_folder = known_folder
        self.code: str | None = None
        self.unsure = ""


def starts(text: str, *, variables: dict[str, str], home: str, folder: str) -> list[Start]:
    """What ``text`` starts, in order, when run in ``folder``. Raises NotUnderstood."""
    return _Unwrapping(dict(variables), home).line(text, folder, True, 0)


class _Unwrapping:
    def __init__(self, variables: dict[str, str], home: str) -> None:
        self.variables = variables
        self.home = home

    def line(self, text: str, folder: str, known: bool, depth: int) -> list[Start]:
        if depth > _DEEPEST:
            raise NotUnderstood("a shell in a shell, too many times")
        found: list[Start] = []
        outer: list[tuple[str, bool]] = []
        for command in parse(text, self.variables, self.home):
            if command.opens:
                outer.append((folder, known))
            elif command.closes:
                folder, known = outer.pop()
            else:
                found += self._command(command, command.words, folder, known, depth)
                folder, known = self._moved(command, folder, known)
        return found

    def _moved(self, command: Command, folder: str, known: bool) -> tuple[str, bool]:
        words = [word for word in command.words if word.text != "--"]
        if not words or words[0].text not in ("cd", "pushd", "popd") or command.feeds:
            return folder, known
        target = words[1].text if len(words) > 1 else self.home
        if words[0].text == "popd" or UNKNOWN in target or target == "-":
            return folder, False
        if target.startswith("/"):
            return target, True
        return f"{folder}/{target}", known

    def _command(
        self, command: Command, words: list[Word], folder: str, known: bool, depth: int
    ) -> list[Start]:
        """The starts of one command whose first words may be wrappers."""
        if depth > _DEEPEST:
            raise NotUnderstood("too many programs in front of one another")
        start = Start(command, words, folder, known)
        if not words:
            return [start]
        name = start.name
        if UNKNOWN in name:
            start.unsure = "the program is named by a variable"
            return [start]
        if name == "eval":
            texts = [word.text for word in words[1:]]
            if any(UNKNOWN in one for one in texts):
                start.unsure = "eval of a text that is not known"
                return [start]
            return [start, *self.line(" ".join(texts), folder, known, depth + 1)]
        if name in _SHELLS:
            return self._shell(start, depth)
        if name in _POWERSHELLS:
            start.code = " ".join(word.text for word in words[1:])
            return [start]
        if name.rstrip("0123456789.") in _INTERPRETERS or name in _INTERPRETERS:
            return self._interpreter(start)
        if name == "find":
            return [start, *self._found_by_find(start, depth)]
        if name == "script":
            return self._script(start, depth)
        if name in ("tmux", "screen"):
            return self._multiplexer(start, depth)
        if name in ("source", ".") and any(not word.known for word in words[1:2]):
            start.unsure = "a file is read as commands that is not known"
            return [start]
        if name in ("at", "batch", "crontab") and (start.fed or command.given):
            start.unsure = f"{name} runs what it is given, later"
            return [start]
        if name in _CARRIERS:
            start.code = " ".join(word.text for word in words[1:])
            return [start]
        if name in _WRAPPERS:
            return self._wrapped(start, depth)
        return [start]

    def _wrapped(self, start: Start, depth: int) -> list[Start]:
        name, words = start.name, start.words[1:]
        takes = _WRAPPERS[name]
        if name in _RUNNERS:
            if not words or words[0].text != _RUNNERS[name]:
                return [start]
            words = words[1:]
        place = 0
        while place < len(words):
            text = words[place].text
            if name == "env" and text in ("-S", "--split-string"):
                unsplit = " ".join(word.text for word in words[place + 1 :])
                return [start, *self.line(unsplit, start.folder, start.known_folder, depth + 1)]
            if text == "--":
                place += 1
                break
            if text in takes:
                place += 2
            elif (
                (text.startswith("-") and len(text) > 1)
                or (name in ("env", "sudo", "doas") and "=" in text and not text.startswith("="))
                or _is_extra_word(name, text, place)
            ):
                place += 1
            else:
                break
        rest = words[place:]
        if name in ("watch", "parallel") and len(rest) == 1 and " " in rest[0].text:
            if not rest[0].known:
                start.unsure = "a command that is not known"
                return [start]
            return [
                start,
                *self.line(rest[0].text, start.folder, start.known_folder, depth + 1),
            ]
        if not rest:
            return [start]
        inner = self._command(start.command, rest, start.folder, start.known_folder, depth + 1)
        if name in ("xargs", "parallel"):
            for one in inner:
                # Its words come from elsewhere: from a pipe or a file.
                one.unsure = one.unsure or f"{name} adds words that are not seen"
        return [start, *inner]

    def _shell(self, start: Start, depth: int) -> list[Start]:
        words = start.words[1:]
        if start.name == "busybox" and words:
            inner = self._command(start.command, words, start.folder, start.known_folder, depth + 1)
            return [start, *inner]
        for place, word in enumerate(words):
            text = word.text
            if text.startswith("-") and not text.startswith("--") and "c" in text[1:]:
                if place + 1 >= len(words):
                    return [start]
                code = words[place + 1]
                if not code.known:
                    start.unsure = "a shell runs a text that is not known"
                    start.code = code.text
                    return [start]
                return [
                    start,
                    *self.line(code.text, start.folder, start.known_folder, depth + 1),
                ]
            if not text.startswith("-"):
                return [start]  # a script's file
        found = [start]
        for body in start.command.given:
            found += self.line(body, start.folder, start.known_folder, depth + 1)
        if start.fed and not start.command.given:
            start.unsure = "a shell reads what another program prints"
            start.code = ""
        return found

    def _interpreter(self, start: Start) -> list[Start]:
        words = start.words[1:]
        base = start.name if start.name in _INTERPRETERS else start.name.rstrip("0123456789.")
        flag = _INTERPRETERS[base]
        texts = [word.text for word in words]
        if base.startswith(("python", "pypy")) and "-m" in texts:
            place = texts.index("-m")
            if texts[place + 1 : place + 2] and not any(
                not text.startswith("-") for text in texts[:place]
            ):
                inner = Start(start.command, words[place + 1 :], start.folder, start.known_folder)
                inner.name = texts[place + 1].partition(".")[0]
                return [start, inner]
        if base in ("awk", "gawk", "mawk") and "-f" not in texts:
            # The program is the first word that is no option; what follows are files to read.
            start.code = next((text for text in texts if not text.startswith("-")), "")
        elif flag == "":
            start.code = " ".join(texts)
        else:
            pieces = [
                texts[place + 1]
                for place, text in enumerate(texts[:-1])
                if text == flag or (flag in ("-c", "-e", "-r") and _carries(text, flag[1]))
            ]
            pieces += [text[2:] for text in texts if flag == "-e" and text.startswith("-e")]
            if pieces:
                start.code = "\n".join(pieces)
        if start.command.given:
            start.code = "\n".join([start.code or "", *start.command.given])
        elif start.fed and start.code is None and not any(t and t[0] != "-" for t in texts):
            start.code = ""
            start.unsure = "a program in another language comes out of a pipe"
        return [start]

    def _found_by_find(self, start: Start, depth: int) -> list[Start]:
        found: list[Start] = []
        words = start.words
        for place, word in enumerate(words):
            if word.text in ("-exec", "-execdir", "-ok", "-okdir"):
                end = place + 1
                while end < len(words) and words[end].text not in (";", "+"):
                    end += 1
                inner = [
                    Word(one.text.replace("{}", UNKNOWN), bare=True) if "{}" in one.text else one
                    for one in words[place + 1 : end]
                ]
                found += self._command(
                    start.command, inner, start.folder, start.known_folder, depth + 1
                )
        for one in found:
            one.unsure = one.unsure or "find adds words that are not seen"
        return found

    def _script(self, start: Start, depth: int) -> list[Start]:
        texts = start.words[1:]
        for place, word in enumerate(texts[:-1]):
            if word.text in ("-c", "--command") or _carries(word.text, "c"):
                if not texts[place + 1].known:
                    start.unsure = "script runs a text that is not known"
                    return [start]
                return [
                    start,
                    *self.line(texts[place + 1].text, start.folder, start.known_folder, depth + 1),
                ]
        start.code = " ".join(word.text for word in texts)
        return [start]

    def _multiplexer(self, start: Start, depth: int) -> list[Start]:
        """What a terminal multiplexer is told to run or to type: each word may be a line."""
        found = [start]
        for word in start.words[2:]:
            if not word.text.startswith("-") and " " in word.text and word.known:
                found += self.line(word.text, start.folder, start.known_folder, depth + 1)
        start.code = " ".join(word.text for word in start.words[1:])
        return found


def _carries(text: str, letter: str) -> bool:
    """Whether ``text`` is a cluster of short options that ends with ``letter``."""
    return len(text) > 1 and text[0] == "-" and text[1] != "-" and text.endswith(letter)


def _is_extra_word(name: str, text: str, place: int) -> bool:
    """Whether a wrapper takes ``text`` for itself: a duration, a priority, a file to lock."""
    if name == "timeout":
        return text[:1].isdigit() or text[:1] == "."
    if name in ("chrt", "ionice"):
        return text.isdigit()
    return name == "flock" and place == 0
