"""How to provoke every error code of the pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ategnatos.commands import knowledge_pages
from ategnatos.knowledge.log_end import lines_of
from ategnatos.knowledge.pages import tables
from ategnatos.knowledge.pages.checking import Finding
from ategnatos.knowledge.pages.page import read


def page_unknown(_: Path) -> None:
    read("no/such/page")


def table_wrong(_: Path) -> None:
    tables.rendered("<!-- table no-such -->\n<!-- end table -->")


def pages_wrong(_: Path) -> None:
    knowledge_pages.refuse([Finding("art/x", "it says nothing")])


def not_a_checkout(folder: Path) -> None:
    knowledge_pages.checkout(folder / "_pack")


def log_unreadable(folder: Path) -> None:
    lines_of(folder / "gone.log")


CASES: dict[str, Callable[[Path], None]] = {
    "page_unknown": page_unknown,
    "table_wrong": table_wrong,
    "pages_wrong": pages_wrong,
    "not_a_checkout": not_a_checkout,
    "log_unreadable": log_unreadable,
}
