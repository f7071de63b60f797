"""Fences around our own command line: a person's acts, and prices nobody saw."""

from __future__ import annotations

from ategnatos.fences.decision import Denied
from ategnatos.fences.words import Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ategnatos.fences.line import Scene
    from ategnatos.fences.starts import Start


def check(scene: Scene, start: Start) -> None:
    """Raise Denied for a person's act, a price that was not shown, a verb that is not known."""
    if start.name not in ("ategnatos", "ategnatos.exe"):
        return
    words = start.words[1:]
    plain, options = split(words, scene.guarded["value_options"])
    for place, word in enumerate(plain[:3]):
        if not word.known and place < depth_of(plain):
            raise Denied(
                "plain",
                "Which command of ategnatos this is depends on a variable.",
                "Write the command's words out.",
            )
    verbs = [word.text for word in plain]
    said = " ".join(verbs)
    if _asks_for_help(options):
        return
    for command, instead in scene.guarded["person_only"].items():
        if said == command or said.startswith(command + " "):
            raise Denied(
                "person",
                f"'ategnatos {command}' is the person's act, at their own terminal.",
                _ask(command, instead),
            )
    for option, instead in scene.guarded["person_only_options"].items():
        if option in options:
            raise Denied(
                "person",
                f"{option} passes a limit that only a person may pass.",
                f"Tell them what was refused and why, and stop. To look: {instead}",
            )
    _price(scene, words, verbs, options)


def _price(scene: Scene, words: list[Word], verbs: list[str], options: list[str]) -> None:
    option = scene.guarded["price_option"]
    said = " ".join(verbs)
    if any(said == one or said.startswith(one + " ") for one in scene.guarded["prices_not_asked"]):
        return
    if option not in options:
        return
    if any(word.bare for word in words):
        raise Denied(
            "price",
            "A command that bills must be written out: parts of this one come from variables.",
            "Write every word of it, in single quotes where it holds spaces.",
        )
    order = [word.text for word in words]
    if not scene.estimates.shown(order):
        plain = " ".join(_quoted(one) for one in order if one != option)
        raise Denied(
            "price",
            f"{option} agrees to a price that was not shown in this conversation.",
            f"Run 'ategnatos {plain}' first, tell the person what it would cost, and go on only "
            "after their yes.",
        )


def split(words: list[Word], value_options: list[str]) -> tuple[list[Word], list[str]]:
    """``words`` as those that are no options, and the options without their values."""
    plain: list[Word] = []
    options: list[str] = []
    place = 0
    while place < len(words):
        text = words[place].text
        if text == "--":
            return plain + words[place + 1 :], options
        if text.startswith("-") and len(text) > 1:
            options.append(text.split("=", 1)[0])
            if text in value_options:
                place += 1
        else:
            plain.append(words[place])
        place += 1
    return plain, options


def depth_of(plain: list[Word]) -> int:
    """How many of the first words name the command: three in ``studio``, two in other rooms."""
    first = plain[0].text if plain else ""
    if first == "studio":
        return 3
    return 1 if first in ("status", "doctor", "init", "clean", "quickstart") else 2


def _asks_for_help(options: list[str]) -> bool:
    return "--help" in options


def _ask(command: str, instead: str) -> str:
    if instead.startswith("ategnatos art request-review"):
        return f"Ask for it with {instead}, give the person the command to run, and stop there."
    if instead.startswith("ategnatos"):
        return f"Look with '{instead}', tell the person, and stop there."
    return f"{instead[0].upper()}{instead[1:]}, and stop there."


def _quoted(text: str) -> str:
    if text and all(char.isalnum() or char in "-_./=:,#@%+" for char in text):
        return text
    return "'" + text.replace("'", "'\\''") + "'"
