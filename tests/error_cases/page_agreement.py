"""The refusals of what a person agrees to or chooses on the page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.guard import gate
from ategnatos.guard.gate import at_page
from ategnatos.web.pages import evaluate, settings
from tests.guard import keys
from tests.train.evaluation.made import by_hand


def _agree(project: Project, agreed: str) -> None:
    with at_page.reading(agreed, None):
        gate.authorise(project, "test", {}, lines=["x?"], redo="again", now=datetime.now(UTC))


def _agreement_wanted(folder: Path) -> None:
    _agree(Project.create(folder / "studio"), "")


def _key_closed(folder: Path) -> None:
    project = Project.create(folder / "studio")
    keys.founded(project)
    try:
        _agree(project, "")
    except StudioError as error:
        _agree(project, str(error.details["agreed"]))


def _settings_act(folder: Path) -> None:
    settings.settle_limits(Project.create(folder / "studio"), {"act": "forget"})


def _votes_blind(folder: Path) -> None:
    project = Project.create(folder / "studio")
    evaluate.chosen(project, by_hand(project), {"winner": "late@1"})


CASES: dict[str, Callable[[Path], None]] = {
    "agreement_wanted": _agreement_wanted,
    "key_closed": _key_closed,
    "settings_act": _settings_act,
    "votes_blind": _votes_blind,
}
