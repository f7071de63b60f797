"""A server's node classes, kept on disk so that 500 kB are not fetched for each check.

The kept answer counts for one server version and one set of nodes. It is revalidated by what is
cheap: the version, and the classes at hand one by one (0.2 ms each), which brings the lists of
model files up to date as well. The whole is fetched again where the version is another, or where
a class came or went, which is how a changed node count shows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ategnatos.engines.comfyui.graph.node_classes import Catalogue
from ategnatos.grimoire.files import write_atomic

_FORM = 1


@dataclass(frozen=True, slots=True)
class Server:
    """How to ask a server. ``one`` gives the entry of a class, or None where it has none."""

    url: str
    version: Callable[[], Awaitable[str]]
    one: Callable[[str], Awaitable[Any]]
    whole: Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a server offers now. ``fetched_whole`` tells whether the whole answer was needed."""

    classes: Catalogue
    version: str
    fetched_whole: bool

    @property
    def count(self) -> int:
        """How many node classes the server has."""
        return len(self.classes)


async def current(server: Server, folder: Path, wanted: Iterable[str]) -> Kept:
    """The classes of ``server``, right for those in ``wanted``, kept below ``folder``.

    What the server's functions raise passes through; then the kept answer stays as it was.
    """
    path = folder / f"{hashlib.sha256(server.url.encode()).hexdigest()[:16]}.json"
    version = await server.version()
    kept = _read(path, version)
    if kept is not None:
        changed = False
        for name in sorted(set(wanted)):
            told = await server.one(name)
            if (told is None) != (name not in kept):
                kept = None
                break
            if told is not None and told != kept[name]:
                kept[name] = told
                changed = True
        if kept is not None:
            if changed:
                _write(path, version, kept)
            return Kept(Catalogue(kept), version, fetched_whole=False)
    whole = await server.whole()
    _write(path, version, whole)
    return Kept(Catalogue(whole), version, fetched_whole=True)


def _read(path: Path, version: str) -> dict[str, Any] | None:
    """The kept classes, or None where there are none for that version that can be read."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None  # a cache: what cannot be read is fetched
    good = (
        isinstance(content, dict)
        and content.get("form") == _FORM
        and content.get("version") == version
        and isinstance(content.get("classes"), dict)
        and content.get("count") == len(content["classes"])
    )
    return content["classes"] if good else None


def _write(path: Path, version: str, classes: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"form": _FORM, "version": version, "count": len(classes), "classes": classes}
    write_atomic(path, json.dumps(content, separators=(",", ":")).encode())
