"""The skill pack as it came with this program: what ``ategnatos init`` lays into a studio.

An installed wheel carries it as package data under ``ategnatos/_pack``; in a checkout the same
files lie beside the package, where the repository itself uses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources.abc import Traversable

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge.pages.place import home as home_of_pack

PACK_MISSING = ErrorCode("pack_missing", "This installation came without its skill pack.")

INSTRUCTIONS = "CLAUDE.md"
FOLDERS = (".claude/skills", ".claude/rules")


@dataclass(frozen=True, slots=True)
class PackFile:
    """One file of the pack. ``path`` is relative to a studio's root, with ``/``."""

    path: str
    content: bytes


def load(home: Traversable | None = None) -> tuple[PackFile, ...]:
    """Every file of the pack, sorted by path.

    ``home`` is a folder that holds one; default: the installed pack. Raises StudioError
    (``pack_missing``).
    """
    place: Traversable = home if home is not None else home_of_pack()
    found = [_file(place, INSTRUCTIONS)] if place.joinpath(INSTRUCTIONS).is_file() else []
    for folder in FOLDERS:
        start = place.joinpath(*folder.split("/"))
        if start.is_dir():
            found += _walk(start, folder)
    skills = [one for one in found if one.path.endswith("/SKILL.md")]
    if not skills or not any(one.path == INSTRUCTIONS for one in found):
        raise StudioError(
            PACK_MISSING,
            f"The skill pack is not complete in {place}; nothing was written.",
            hint="Install the program again: pip install --force-reinstall ategnatos",
            looked_in=str(place),
        )
    return tuple(sorted(found, key=lambda one: one.path))


def _walk(folder: Traversable, path: str) -> list[PackFile]:
    found: list[PackFile] = []
    for entry in folder.iterdir():
        inner = f"{path}/{entry.name}"
        if entry.is_dir():
            found += _walk(entry, inner)
        elif not entry.name.startswith("."):
            found.append(PackFile(inner, entry.read_bytes()))
    return found


def _file(place: Traversable, name: str) -> PackFile:
    return PackFile(name, place.joinpath(name).read_bytes())
