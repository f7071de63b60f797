"""One real refusal for every error code of the studio room, its commands and the knowledge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ategnatos.commands.contract import Call
from ategnatos.commands.init import init
from ategnatos.grimoire.project import Project
from ategnatos.knowledge import loader
from ategnatos.studio import pack
from ategnatos.studio.doctor import examine
from ategnatos.studio.init import init_studio


def pack_missing(folder: Path) -> None:
    pack.load(folder)


def place_taken(folder: Path) -> None:
    (folder / "CLAUDE.md").mkdir()
    init_studio(folder)


def not_a_folder(folder: Path) -> None:
    (folder / "studio").write_text("a file")
    init_studio(folder / "studio")


def inside_studio(folder: Path) -> None:
    Project.create(folder)
    init_studio(folder / "workspace" / "another")


def home_folder(folder: Path) -> None:
    init_studio(Path("~"))


def two_folders(folder: Path) -> None:
    init(Call("init", project_option=folder / "one"), folder / "other")


def checks_failed(folder: Path) -> None:
    project = Project.create(folder)
    (project.state / "studio.json").write_text("{")
    verdict = examine(project, remember=False).verdict()
    assert verdict is not None
    raise verdict


def knowledge_unknown(folder: Path) -> None:
    loader.read("nothing-of-this-name")


def knowledge_broken(folder: Path) -> None:
    (folder / "facts.json").write_text('{"description": "No source.", "date": "2026-11-20"}')
    loader.read("facts", folder)


CASES: dict[str, Callable[[Path], None]] = {
    "pack_missing": pack_missing,
    "place_taken": place_taken,
    "not_a_folder": not_a_folder,
    "inside_studio": inside_studio,
    "home_folder": home_folder,
    "two_folders": two_folders,
    "checks_failed": checks_failed,
    "knowledge_unknown": knowledge_unknown,
    "knowledge_broken": knowledge_broken,
}
