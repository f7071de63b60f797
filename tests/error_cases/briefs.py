"""Cases of the codes about briefs, versions, comparing, searching and the library."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.art import briefs, compare, library, naming, search
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.knowledge import asset_specs

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def _briefed(folder: Path) -> Project:
    project = Project.create(folder)
    briefs.write(
        project,
        "site/owl",
        briefs.Wanted(subject="an owl"),
        fresh=True,
        actor="test",
        now=NOW,
    )
    return project


def asset_spec(_: Path) -> None:
    asset_specs.find("og-imge")


def brief_name(_: Path) -> None:
    briefs.parse_name("owl")


def brief_unknown(folder: Path) -> None:
    with database.connect(_briefed(folder)) as db:
        briefs.find(db, "site/owel")


def brief_exists(folder: Path) -> None:
    _briefed(folder)
    _briefed(folder)


def brief_empty(folder: Path) -> None:
    briefs.planned(Project.create(folder), {}, briefs.Wanted(purpose="a site"), now="")


def version_unknown(folder: Path) -> None:
    with database.connect(_briefed(folder)) as db:
        naming.named(db, "owl/v3")


def since(_: Path) -> None:
    search.moment("last week", NOW)


def comparison(_: Path) -> None:
    compare.compare((), ())


def library_unknown(folder: Path) -> None:
    with database.connect(Project.create(folder)) as db:
        library.find(db, "owl")


def library_note(folder: Path) -> None:
    library.note(Project.create(folder), "owl", "  ", actor="test", now=lambda: NOW)


_ALL: tuple[Callable[[Path], None], ...] = (
    asset_spec,
    brief_name,
    brief_unknown,
    brief_exists,
    brief_empty,
    version_unknown,
    since,
    comparison,
    library_unknown,
    library_note,
)
CASES = {case.__name__: case for case in _ALL}
