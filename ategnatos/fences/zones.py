"""Which paths are written by commands alone, and which hold credentials."""

from __future__ import annotations

import os

from ategnatos.fences.words import Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WILD = "*?["


class Zones:
    """The guarded places of one studio; ``root`` is its folder, "" outside any studio.

    ``folder`` is where relative paths begin.
    """

    def __init__(self, guarded: dict[str, Any], root: str, home: str) -> None:
        self.root = root
        self.home = home
        self.places = [f"{root}/{one}" for one in guarded["generated"]] if root else []
        self.account = [f"{home}/{one}" for one in guarded["kept_by_the_account"]]
        self.pages = f"{root}/{guarded['generated_pages']}" if root else ""
        self.free = [f"{root}/{one}" for one in guarded["written_by_people"]] if root else []
        self._secret = guarded["secret_files"]
        # Names by which a place may be meant where a folder is not known.
        self.names = [one.rsplit("/", 1)[-1] for one in guarded["generated"]] + ["grimoire"]

    def resolve(self, text: str, folder: str) -> str:
        """``text`` as an absolute path without dots; links in the part that exists followed."""
        path = os.path.normpath(text if text.startswith("/") else f"{folder}/{text}")
        if not any(char in text for char in _WILD):
            path = os.path.realpath(path)
        return path

    def generated(self, path: str) -> str:
        """The guarded place that ``path`` is or lies in; "" where there is none."""
        for place in (*self.places, *self.account):
            if inside(path, place):
                return place
        if (
            self.pages
            and inside(path, self.pages)
            and path.lower().endswith(".md")
            and not any(inside(path, one) for one in self.free)
        ):
            return path
        return ""

    def holds(self, path: str) -> str:
        """A guarded place that lies below ``path``, which is a folder above it; "" if none does."""
        for place in (*self.places, *self.account, self.pages):
            if place and inside(place, path):
                return place
        return ""

    def matched(self, word: Word, folder: str, *, whole: bool) -> str:
        """A guarded place that a word with wildcards may mean.

        ``whole`` also counts a folder above one, as for a program that takes whole trees.
        """
        pattern = word.glob if word.glob.startswith("/") else f"{folder}/{word.glob}"
        wanted = [one for one in os.path.normpath(pattern).split("/") if one]
        for place in (*self.places, *self.account, *([self.pages] if self.pages else [])):
            parts = [one for one in place.split("/") if one]
            if place == self.pages and not whole:
                # Its pages: any pattern that ends in .md or may, below it.
                if len(wanted) > len(parts) and _fits(wanted[: len(parts)], parts):
                    last = wanted[-1]
                    free = "/" + "/".join(wanted[: len(parts) + 1])
                    if (last.endswith((".md", "*")) or "**" in wanted) and free not in self.free:
                        return place
                continue
            length = min(len(parts), len(wanted))
            if not _fits(wanted[:length], parts[:length]):
                continue
            if len(wanted) >= len(parts) or whole:
                return place
        return ""

    def secret(self, path: str) -> bool:
        """Whether a file of this path usually holds a credential."""
        from fnmatch import fnmatchcase

        if path.endswith((".example", ".sample", ".template", ".pub")):
            return False
        return any(fnmatchcase(path, one) for one in self._secret)

    def named(self, text: str) -> bool:
        """Whether ``text`` names a guarded place where nothing better is known."""
        return any(name in text for name in self.names) or "ategnatos/approver" in text


def inside(path: str, place: str) -> bool:
    """Whether ``path`` is ``place`` or lies below it."""
    return path == place or path.startswith(place.rstrip("/") + "/")


def _fits(patterns: list[str], parts: list[str]) -> bool:
    from fnmatch import fnmatchcase

    if "**" in patterns:
        return True
    return all(fnmatchcase(part, one) for part, one in zip(parts, patterns, strict=True))


def file_name_of(text: str) -> str:
    """What of an id may stand in a file's name; "" where nothing may."""
    return "".join(char for char in text if char.isalnum() or char in "-_")[:80]
