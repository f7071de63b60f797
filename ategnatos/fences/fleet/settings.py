"""``.claude/fleet.json``: what a project says of its fleet; everything in it has a usual value."""

from __future__ import annotations

import json
import os

from ategnatos.fences.decision import Denied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE = ".claude/fleet.json"
_USUAL: dict[str, Any] = {
    "coordination": "state/coordination",
    "contracts": "contracts",
    "always_allowed": ["CLAUDE.md", "README.md", "pyproject.toml", "package.json", "Makefile"],
    "writers": ["writer"],
    "without_source": ["orchestrator"],
    "judges": ["reviewer", "verifier"],
    "investigators": ["Explore", "general-purpose"],
    "roles": {},
}


class Fleet:
    """A project's fleet: ``root`` is its folder; the rest are fields of the file."""

    def __init__(self, root: str, told: dict[str, Any]) -> None:
        self.root = root
        known = {**_USUAL, **{key: value for key, value in told.items() if key in _USUAL}}
        self.coordination = os.path.join(root, _text(known, "coordination"))
        self.contracts = os.path.join(root, _text(known, "contracts"))
        self.always_allowed = _texts(known, "always_allowed")
        self.writers = _texts(known, "writers")
        self.without_source = _texts(known, "without_source")
        self.judges = _texts(known, "judges")
        self.investigators = _texts(known, "investigators")
        roles = known["roles"]
        if not isinstance(roles, dict) or not all(isinstance(one, str) for one in roles.values()):
            raise _wrong("'roles' is not an object of role and model")
        self.roles: dict[str, str] = roles
        unknown = sorted(set(told) - set(_USUAL) - {"description"})
        if unknown:
            raise _wrong(f"it has fields that nobody reads: {', '.join(unknown)}")

    def at(self, *names: str) -> str:
        """A file of the coordination folder."""
        return os.path.join(self.coordination, *names)

    def short(self, path: str) -> str:
        """A path as a person names it: from the project's folder, where it lies in there."""
        return path[len(self.root) + 1 :] if path.startswith(self.root + "/") else path


def load(root: str) -> Fleet:
    """The fleet of a project. Raises Denied where its file cannot be understood."""
    try:
        told = read_object(os.path.join(root, FILE))
    except ValueError as error:
        raise _wrong(str(error)) from error
    return Fleet(root, told)


def read_object(path: str) -> dict[str, Any]:
    """The JSON object in a file. Raises ValueError, OSError."""
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    if not isinstance(found, dict):
        raise ValueError("it holds no JSON object")
    return found


def _text(known: dict[str, Any], key: str) -> str:
    found = known[key]
    if not isinstance(found, str) or not found:
        raise _wrong(f"{key!r} is not a text")
    return found


def _texts(known: dict[str, Any], key: str) -> list[str]:
    found = known[key]
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise _wrong(f"{key!r} is not a list of texts")
    return found


def _wrong(why: str) -> Denied:
    return Denied("fleet", f"{FILE} cannot be used: {why}.", "Mend it; until then nothing passes.")
