"""What is wrong with a page: its parts, its tables, its links, its sources, its age."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from ategnatos.grimoire.errors import StudioError
from ategnatos.knowledge.pages import tables
from ategnatos.knowledge.pages.page import PARTS, Page

if TYPE_CHECKING:
    from collections.abc import Collection

_LINK = re.compile(r"\[[^\]]*\]\((?P<to>[^)\s]+)\)")
_CHECKED = re.compile(r"^Checked: (?P<date>\d{4}-\d{2}-\d{2})", re.MULTILINE)
_KIND = re.compile(r"^Kind: (?P<kind>[a-z -]+)$", re.MULTILINE)
_URL = re.compile(r"https?://[^\s)>]+")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a page. ``fatal`` fails a check; the rest are warnings."""

    page: str
    said: str
    fatal: bool = True


class Interval(BaseModel):
    """How long facts of a kind hold before they should be looked at again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int
    what: str


class Intervals(BaseModel):
    """The whole of ``update_intervals.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: dict[str, Interval]


def check(page: Page, known: Collection[str], today: date) -> list[Finding]:
    """Everything that is wrong with ``page``. ``known`` are the paths of all files of the pack."""
    return [
        Finding(page.name, said, fatal)
        for part in (
            _parts(page),
            _tables(page),
            _links(page, known),
            _sources(page),
            _age(page, today),
        )
        for said, fatal in part
    ]


def _parts(page: Page) -> list[tuple[str, bool]]:
    headings = [one.heading for one in page.sections if one.heading]
    wrong = []
    if headings != list(PARTS):
        wrong.append(
            (
                f"its parts are {', '.join(headings) or 'none'}; they must be these, in "
                f"this order: {', '.join(PARTS)}",
                True,
            )
        )
    wrong += [
        (f"the part {one.heading!r} says nothing", True)
        for one in page.sections
        if one.heading in PARTS and not one.text
    ]
    if not page.text.startswith("# "):
        wrong.append(("it does not begin with its title", True))
    return wrong


def _tables(page: Page) -> list[tuple[str, bool]]:
    try:
        made = tables.rendered(page.text)
    except StudioError as error:
        return [(error.message, True)]
    if made != page.text:
        return [("a table differs from its data: run 'ategnatos knowledge render'", True)]
    if page.text.count("<!-- table ") != page.text.count("<!-- end table -->"):
        return [("a table has no end mark", True)]
    return []


def _links(page: Page, known: Collection[str]) -> list[tuple[str, bool]]:
    wrong = []
    folder = page.path.rpartition("/")[0]
    for match in _LINK.finditer(page.text):
        target = match["to"].partition("#")[0]
        if not target or "://" in target or target.startswith("mailto:"):
            continue
        path = _joined(folder, target)
        if path not in known:
            wrong.append((f"the link to {target} leads nowhere", True))
    return wrong


def _sources(page: Page) -> list[tuple[str, bool]]:
    text = page.part("Sources")
    wrong = []
    if not _URL.search(text) and "Own measurement" not in text and "knowledge show" not in text:
        wrong.append(("its sources name no address, no measurement and no data file", True))
    if not _CHECKED.search(text):
        wrong.append(("its sources have no line 'Checked: YYYY-MM-DD'", True))
    if not _KIND.search(text):
        wrong.append(("its sources have no line 'Kind: ...' (see update_intervals)", True))
    return wrong


def _age(page: Page, today: date) -> list[tuple[str, bool]]:
    from ategnatos.knowledge import loader

    text = page.part("Sources")
    checked, kind = _CHECKED.search(text), _KIND.search(text)
    if not checked or not kind:
        return []
    kinds = loader.load("update_intervals", Intervals).kinds
    if kind["kind"] not in kinds:
        return [(f"its kind {kind['kind']!r} is none of {', '.join(kinds)}", True)]
    try:
        since = (today - date.fromisoformat(checked["date"])).days
    except ValueError:
        return [(f"{checked['date']} is no date", True)]
    allowed = kinds[kind["kind"]].days
    if since > allowed:
        return [(f"it was checked {since} days ago; facts of its kind hold {allowed}", False)]
    if since < -1:
        return [(f"it was checked on {checked['date']}, which is yet to come", True)]
    return []


def _joined(folder: str, target: str) -> str:
    parts = folder.split("/")
    for step in target.split("/"):
        if step == "..":
            parts = parts[:-1]
        elif step not in (".", ""):
            parts.append(step)
    return "/".join(parts)
