"""Which plug-ins are installed: the entry points of a group, read from what packages declare.

Own code and not ``importlib.metadata``: its import takes in the parser of e-mail, and it reads
every file of a group that nobody asked for; together a quarter of the time of a short command.
Here one file a package is looked at, each time anew, so that a package that was installed or
removed a moment ago counts. Where packages may lie elsewhere than in folders (a zip or an egg on
the path, a finder of somebody's own), ``importlib.metadata`` is asked after all.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

# As the packaging specification writes an object reference; extras are said and not checked.
_REFERENCE = re.compile(r"([\w.]+)\s*(?::\s*([\w.]+)\s*)?(?:\[.*\]\s*)?$")
_KINDS = (".dist-info", ".egg-info")


@dataclass(frozen=True, slots=True)
class PlugIn:
    """One declared entry point: its name, and the object it names as ``module:attribute``."""

    name: str
    value: str

    def load(self) -> Any:
        """The object itself. Raises ImportError where module or attribute are not there."""
        matched = _REFERENCE.match(self.value)
        if matched is None:
            raise ImportError(f"{self.value!r} names no object")
        module = importlib.import_module(matched[1])
        try:
            return reduce(getattr, (matched[2] or "").split(".") if matched[2] else (), module)
        except AttributeError as error:
            raise ImportError(f"{self.value!r} is not there: {error}") from error


def declared(group: str) -> tuple[PlugIn, ...]:
    """The plug-ins of ``group``; of two packages of one name the first on the path counts."""
    if _only_folders():
        return tuple(_in_folders(group))
    from importlib import metadata

    return tuple(PlugIn(one.name, one.value) for one in metadata.entry_points(group=group))


def _only_folders() -> bool:
    """Whether every installed package is found by listing the folders of the path."""
    finders = (getattr(one, "__name__", "") for one in sys.meta_path if _finds_packages(one))
    if any(name != "PathFinder" for name in finders):
        return False
    return not any(
        entry.endswith((".egg", ".egg/")) or os.path.isfile(entry)  # noqa: PTH113
        for entry in _path()
    )


def _finds_packages(finder: object) -> bool:
    return getattr(finder, "find_distributions", None) is not None


def _in_folders(group: str) -> Iterator[PlugIn]:
    mark = f"[{group}]".encode()
    seen: set[str] = set()
    for folder in _path():
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 - the hot path keeps to strings
        except OSError:
            continue  # a path may name what is not there, or not ours to read
        for name in sorted(names):
            if not name.lower().endswith(_KINDS):
                continue
            package = re.sub(r"[-_.]+", "_", name[: name.rindex(".")].partition("-")[0]).lower()
            if package in seen:
                continue
            seen.add(package)
            content = _read(f"{folder or '.'}/{name}/entry_points.txt")
            if mark in content:
                yield from _parsed(content.decode("utf-8", "replace"), group)


def _path() -> list[str]:
    return list(dict.fromkeys(entry for entry in sys.path if isinstance(entry, str)))


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            return file.readall()
    except OSError:
        return b""  # most packages declare nothing


def _parsed(text: str, group: str) -> Iterator[PlugIn]:
    """The entry points of one section, as ``importlib.metadata`` reads them."""
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1].strip()
        elif section == group and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield PlugIn(name.strip(), value.strip())
