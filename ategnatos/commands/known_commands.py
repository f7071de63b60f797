"""Whether a command line that a page shows is one that exists, with the options that it names."""

from __future__ import annotations

import importlib
import re
import shlex
from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup
from typer.main import get_command

from ategnatos.commands.lazy import LazyGroup

if TYPE_CHECKING:
    from collections.abc import Iterator

_INLINE = re.compile(r"(?<!`)`(ategnatos(?: [^`\n]+)?)`(?!`)")
_FENCED = re.compile(r"^[ \t]*(?:\$ )?(ategnatos(?: .*)?)$", re.MULTILINE)
_OPTION = re.compile(r"--[a-z][a-z0-9-]*|-[a-zA-Z]")
_PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_#./-]*|\.\.\.|\[.*|<.*")


def wrong_commands(text: str, root: Any) -> list[str]:
    """What is wrong with each command line of ours in ``text``, [] where nothing is.

    ``root`` is the command of the whole program.
    """
    said = [(line, wrong) for line in _lines(text) if (wrong := problem(line, root))]
    return [f"'{line}': {wrong}" for line, wrong in dict.fromkeys(said)]


def problem(line: str, root: Any) -> str:
    """Why ``line`` could not be run as written, as far as names go; "" where it could."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        return f"its quotes do not fit ({error})"
    for stop in ("|", "&&", "||", ";", ">", "2>&1", "<", "&"):
        if stop in words:
            words = words[: words.index(stop)]
    return _problem(words[1:], root)


def _problem(rest: list[str], found: Any) -> str:
    path = ["ategnatos"]
    while isinstance(found, TyperGroup):
        options = _options(found)
        while rest and rest[0].startswith("-"):
            option = rest.pop(0).partition("=")[0]
            if option not in options:
                return f"'{' '.join(path)}' has no option {option}"
            if options[option] and rest:
                rest.pop(0)
        if not rest or _PLACEHOLDER.fullmatch(rest[0]):
            return ""
        inner = _member(found, rest[0])
        if inner is None:
            return f"'{' '.join(path)}' has no command {rest[0]!r}"
        path.append(rest.pop(0))
        found = inner
    options = _options(found)
    for word in rest:
        name = word.partition("=")[0]
        if _OPTION.fullmatch(name) and name not in options and not options.get("", False):
            return f"'{' '.join(path)}' has no option {name}"
    return ""


def _member(group: Any, name: str) -> Any:
    if isinstance(group, LazyGroup):
        if name not in group.table:
            return None
        return get_command(importlib.import_module(group.table[name][0]).app)
    return group.commands.get(name)


def _options(found: Any) -> dict[str, bool]:
    """The options of a command: whether each takes a value. "" where it takes any option."""
    known = {"--help": False}
    if found.context_settings.get("ignore_unknown_options"):
        known[""] = True
    for parameter in found.params:
        if parameter.param_type_name == "option":
            takes = not parameter.is_flag and not getattr(parameter, "count", False)
            known |= dict.fromkeys([*parameter.opts, *parameter.secondary_opts], takes)
    return known


def _lines(text: str) -> Iterator[str]:
    fenced = False
    block: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
            continue
        if fenced or line.startswith("    "):
            block.append(line)
        else:
            yield from (match[1] for match in _INLINE.finditer(line))
    joined = "\n".join(block).replace("\\\n", " ")
    yield from (match[1].strip() for match in _FENCED.finditer(joined))
