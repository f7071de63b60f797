"""Fences around files: the record and the frozen files are written by commands; secrets unread."""

from __future__ import annotations

from ategnatos.fences.decision import Denied
from ategnatos.fences.words import UNKNOWN, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ategnatos.fences.line import Scene
    from ategnatos.fences.starts import Start

_READ_ONLY_SECRETS = frozenset(("ls", "stat", "test", "[", "[[", "chmod", "touch", "file", "cd"))


def check(scene: Scene, start: Start) -> None:
    """Raise Denied for a write into what commands write, and for a look at a secret."""
    for operator, word in start.command.redirects:
        if operator == "<":
            unread(scene, start, word)
        elif ">" in operator and not (operator == ">&" and word.text.isdigit()):
            unwritten(scene, start, word, whole=False, how="a redirect")
    _secrets_said(scene, start)
    if not start.words:
        return
    words = [word for word in start.words[1:] if not _option(word)]
    if start.name not in _READ_ONLY_SECRETS and start.name not in ("echo", "printf", "git"):
        for word in words:
            unread(scene, start, word)
    if start.name == "git":
        _git(scene, start)
        return
    for word in _written(scene, start, words):
        unwritten(
            scene, start, word, whole=start.name in scene.programs["trees"], how=f"'{start.name}'"
        )
    if (
        not any(start.name in scene.programs[kind] for kind in ("readers", "changers", "copiers"))
        and start.name != "ategnatos"
    ):
        _unknown_program(scene, start, words)


def all_written(scene: Scene, start: Start) -> list[Word]:
    """Every word of a start that names something it writes, redirects included."""
    into = [
        word
        for operator, word in start.command.redirects
        if ">" in operator and not (operator == ">&" and word.text.isdigit())
    ]
    words = [word for word in start.words[1:] if not _option(word)]
    return into + (_written(scene, start, words) if start.words else [])


def _written(scene: Scene, start: Start, words: list[Word]) -> list[Word]:
    """Those of ``words`` that the program writes, moves or takes away."""
    name = start.name
    texts = [word.text for word in start.words]
    if name in scene.programs["changers"]:
        return words[1:] if name in ("chmod", "chown", "chgrp", "rename", "prename") else words
    if name == "mv":
        return words
    if name in scene.programs["copiers"]:
        extra = [
            start.words[place + 1]
            for place, text in enumerate(texts[:-1])
            if text in ("-t", "--target-directory", "-o", "--output")
        ]
        removed = words[:-1] if "--remove-source-files" in texts else []
        return [*words[-1:], *extra, *removed]
    if name in ("sed", "perl", "ruby", "gawk", "awk") and _in_place(texts):
        return words
    if name == "dd":
        return [Word(one[3:]) for one in texts if one.startswith("of=")]
    if name == "sort" and "-o" in texts:
        return start.words[texts.index("-o") + 1 :][:1]
    if name in ("curl", "wget", "yt-dlp", "aria2c"):
        flags = ("-o", "--output", "-O", "--output-document", "-P", "-d", "--output-dir")
        return [start.words[n + 1] for n, text in enumerate(texts[:-1]) if text in flags]
    if name in ("tar", "unzip", "7z", "bsdtar"):
        into = ["-C", "--directory", "-d"]
        if name in ("tar", "bsdtar") and any("c" in one and "f" in one for one in texts[1:2]):
            into.append(texts[1])  # the archive that is made
        return [start.words[n + 1] for n, text in enumerate(texts[:-1]) if text in into]
    if name == "find" and "-delete" in texts:
        return words
    return []


def _in_place(texts: list[str]) -> bool:
    return any(
        text.startswith(("--in-place", "-i"))
        or (text[:1] == "-" and text[1:2] in "np" and "i" in text)
        for text in texts[1:]
        if len(text) > 1
    )


def _git(scene: Scene, start: Start) -> None:
    """What git would take back or take away of the record."""
    plain = [word for word in start.words[1:] if not _option(word)]
    if not plain or plain[0].text in scene.programs["git_reads"]:
        return
    verb, rest = plain[0].text, plain[1:]
    texts = [word.text for word in start.words]
    if verb in ("rm", "mv"):
        for word in rest:
            unwritten(scene, start, word, whole=True, how=f"'git {verb}'")
        return
    everything = (
        (verb == "reset" and "--hard" in texts)
        or (verb == "clean" and any("f" in text for text in texts if text[:1] == "-"))
        or (verb == "checkout" and ("-f" in texts or "--force" in texts))
        or (verb in ("restore", "checkout") and "." in [word.text for word in rest])
    )
    if verb == "clean" and rest:
        everything = False
    if (
        everything
        and scene.zones.root
        and start.known_folder
        and scene.zones.holds(scene.zones.resolve(".", start.folder))
    ):
        raise Denied(
            "record",
            f"'git {verb}' would take back or take away what the studio has on record here.",
            "Name the files that you mean, or use 'ategnatos grimoire restore'.",
        )
    if verb in ("restore", "checkout", "clean", "stash", "apply"):
        for word in rest:
            if "/" in word.text or "." in word.text or word.text in scene.zones.names:
                unwritten(scene, start, word, whole=True, how=f"'git {verb}'")


def unwritten(scene: Scene, start: Start, word: Word, *, whole: bool, how: str) -> None:
    """Raise Denied where ``word`` is a place that commands write; ``whole``: or holds one."""
    zones = scene.zones
    if UNKNOWN in word.text or not start.known_folder:
        if zones.named(word.text):
            raise Denied(
                "record",
                f"{how} writes to {word.text.replace(UNKNOWN, '?')!r}, which "
                "cannot be placed for certain.",
                "Write the path out in full.",
            )
        if UNKNOWN in word.text and zones.root and zones.named(scene.text):
            raise Denied(
                "record",
                f"Which files {how} changes here depends on a variable, and the line names a place "
                "that only commands write.",
                "Write the paths out.",
            )
        return
    if word.glob:
        place = zones.matched(word, start.folder, whole=whole)
        if place:
            raise Denied(
                "record",
                f"{how} with {word.text!r} may reach {_short(scene, place)}.",
                _instead(scene, place),
            )
        return
    path = zones.resolve(word.text, start.folder)
    place = zones.generated(path) or (zones.holds(path) if whole else "")
    if place:
        raise Denied(
            "record",
            f"{how} would change {_short(scene, place)}, which only the studio's commands write.",
            _instead(scene, place),
        )


def unread(scene: Scene, start: Start, word: Word) -> None:
    """Raise Denied where ``word`` names a file of credentials."""
    text = word.text.split("=", 1)[-1] if word.text[:1] != "/" and "=" in word.text else word.text
    text = text.removeprefix("@")
    if UNKNOWN in text or not text or "\n" in text:
        return
    path = scene.zones.resolve(text, start.folder)
    if scene.zones.secret(path) or (word.glob and scene.zones.secret(path.replace("*", "x"))):
        raise Denied(
            "secret",
            f"{word.text!r} holds credentials; what is read here ends up in the conversation.",
            "See which ones exist, and what they are for, with 'ategnatos studio secrets list'.",
        )


def _secrets_said(scene: Scene, start: Start) -> None:
    """A program that prints the environment, or a variable of a credential by name."""
    name = start.name
    texts = [word.text for word in start.words[1:]]
    bare_env = name in ("printenv", "export", "set", "declare", "env") and not [
        text for text in texts if text not in ("-0", "-p", "-x", "--null")
    ]
    if bare_env:
        raise Denied(
            "secret",
            f"'{name}' alone prints every variable, credentials too.",
            "Ask for the one you need, for example 'printenv PATH'.",
        )
    if name in ("printenv", "echo", "printf", "declare", "cat"):
        said = [*texts, scene.text if name != "printenv" and UNKNOWN in "".join(texts) else ""]
        for variable in scene.guarded["secret_variables"]:
            if (name == "printenv" and variable in texts) or any(
                f"${variable}" in one or f"${{{variable}" in one for one in said
            ):
                raise Denied(
                    "secret",
                    f"{variable} is a credential; printing it puts it into the conversation.",
                    "Whether it is set: 'ategnatos studio secrets list'.",
                )


def _known_program(scene: Scene, name: str) -> bool:
    kinds = ("readers", "changers", "copiers")
    return name == "ategnatos" or any(name in scene.programs[kind] for kind in kinds)


def _unknown_program(scene: Scene, start: Start, words: list[Word]) -> None:
    """A program that we do not know, with a file of the record in its hands."""
    if not scene.zones.root or not start.known_folder or start.name in ("python", "python3"):
        return
    state = f"{scene.zones.root}/grimoire/.state"
    for word in words:
        if UNKNOWN in word.text or "\n" in word.text or len(word.text) > 4096:
            continue
        path = scene.zones.resolve(word.text, start.folder)
        place = scene.zones.generated(path)
        if place and (place == state or place in scene.zones.account):
            raise Denied(
                "record",
                f"What {start.name!r} does with {_short(scene, place)} is not known, and only the "
                "studio's commands write there.",
                _instead(scene, place),
            )


def _instead(scene: Scene, place: str) -> str:
    short = _short(scene, place)
    if short.startswith("exports"):
        return (
            "A file there is frozen: make and export a new version with 'ategnatos art export'; "
            "'ategnatos clean' frees space."
        )
    if short.endswith("cost-config.json"):
        return "Lower a cap with 'ategnatos studio budget set'; raising one is the person's act."
    if place in scene.zones.account:
        return (
            "It belongs to this account's keys and locks; leave it to 'ategnatos gate' and 'lock'."
        )
    return (
        "Change the record with 'ategnatos grimoire set', 'append' and 'remove'; pages are "
        "rendered from it. 'ategnatos doctor' names what mends a fault."
    )


def _short(scene: Scene, place: str) -> str:
    root = scene.zones.root
    return place[len(root) + 1 :] if root and place.startswith(root + "/") else place


def _option(word: Word) -> bool:
    return word.text.startswith("-") and len(word.text) > 1
