"""One page: its title, its five parts, and where it lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.knowledge.pages.place import home

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

PAGE_UNKNOWN = ErrorCode("page_unknown", "There is no page of that name.")

PARTS = (
    "In Plain Language",
    "What You Need to Know",
    "Why This Matters",
    "Details (For the Curious)",
    "Sources",
)
_SKILLS = (".claude", "skills")
_FOLDER = "resources"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page. ``heading`` is empty for what stands before the first one."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """``name`` is its path without the folder ``resources`` and the suffix; ``path`` below home."""

    name: str
    path: str
    text: str

    @property
    def title(self) -> str:
        for line in self.text.splitlines():
            if line.startswith("# "):
                return line[2:].strip()
        return self.name

    @property
    def sections(self) -> list[Section]:
        """The page in its second-level parts, in order."""
        found, heading, lines, fenced = [], "", list[str](), False
        for line in self.text.splitlines():
            if line.lstrip().startswith("```"):
                fenced = not fenced
            if line.startswith("## ") and not fenced:
                found.append(Section(heading, "\n".join(lines).strip()))
                heading, lines = line[3:].strip(), []
            elif not line.startswith("# ") or fenced:
                lines.append(line)
        found.append(Section(heading, "\n".join(lines).strip()))
        return [one for one in found if one.heading or one.text]

    def part(self, heading: str) -> str:
        """The text of one part, empty where the page has none of that name."""
        return next((one.text for one in self.sections if one.heading == heading), "")


def pages(place: Traversable | None = None) -> list[Page]:
    """Every page of the pack by name. ``place`` is another folder that holds a pack."""
    skills = (place or home()).joinpath(*_SKILLS)
    found = []
    for skill in skills.iterdir() if skills.is_dir() else ():
        folder = skill.joinpath(_FOLDER)
        if folder.is_dir():
            found += _below(folder, skill.name, "/".join((*_SKILLS, skill.name, _FOLDER)))
    return sorted(found, key=lambda one: one.name)


def is_page(name: str, place: Traversable | None = None) -> bool:
    """Whether some page is called by ``name``, alone or with others."""
    wanted = "/" + name.removesuffix(".md").strip("/")
    return any(f"/{one.name}".endswith(wanted) for one in pages(place))


def read(name: str, place: Traversable | None = None) -> Page:
    """One page by its name, or by the end of it where that is enough. Raises StudioError."""
    known = pages(place)
    wanted = name.removesuffix(".md").replace(f"/{_FOLDER}/", "/").strip("/")
    exact = [one for one in known if one.name == wanted]
    close = exact or [one for one in known if one.name.endswith("/" + wanted)]
    if len(close) == 1:
        return close[0]
    raise StudioError(
        PAGE_UNKNOWN,
        f"There is no page called {name!r}."
        if not close
        else f"{name!r} could be {' or '.join(one.name for one in close)}.",
        hint="See 'ategnatos knowledge pages', or 'ategnatos knowledge search WORDS'.",
        known=[one.name for one in known],
    )


def words(text: str) -> list[str]:
    """The words of a text as a search sees them: small letters, plurals and endings folded."""
    found = []
    for word in re.findall(r"[a-z0-9][a-z0-9+.#-]*", text.lower()):
        word = word.strip(".-#+") or word
        if len(word) > 4 and word.endswith("ies"):
            word = word[:-3] + "y"
        elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
            word = word[:-1]
        if len(word) > 5 and word.endswith("ing"):
            word = word[:-3]
        elif len(word) > 4 and word.endswith("ed"):
            word = word[:-2]
        found.append(word.rstrip("e") if len(word) > 4 else word)
    return found


def _below(folder: Traversable, name: str, path: str) -> list[Page]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _below(entry, f"{name}/{entry.name}", f"{path}/{entry.name}")
        elif entry.name.endswith(".md"):
            stem = entry.name.removesuffix(".md")
            text = entry.read_text(encoding="utf-8")
            found.append(Page(f"{name}/{stem}", f"{path}/{entry.name}", text))
    return found
