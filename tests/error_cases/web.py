"""The refusals of the page."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from ategnatos.grimoire.project import Project
from ategnatos.web import desk, making, running
from ategnatos.web.pages import eye
from tests.guard import keys


def _port_taken(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        project = Project.create(folder / "studio")
        with running.prepared(project, other.getsockname()[1]):
            raise AssertionError("the port is somebody else's")


def _choices_changed(folder: Path) -> None:
    project = Project.create(folder / "studio")
    one = keys.made(project)[0]
    desk.choose(project, one.reference, one.sha256, "approved", "")
    shown = desk.waiting(project)["choices"]
    desk.choose(project, one.reference, one.sha256, "rejected", "too dark")
    desk.sign(project, shown, None)


def _wish_empty(folder: Path) -> None:
    making.vary(Project.create(folder / "studio"), {"picture": "j1#1", "change": "  "})


def _eye_act(folder: Path) -> None:
    eye.carry_out(Project.create(folder / "studio"), {"name": "p1", "act": "adore"})


CASES: dict[str, Callable[[Path], None]] = {
    "web_port_taken": _port_taken,
    "choices_changed": _choices_changed,
    "wish_empty": _wish_empty,
    "eye_act": _eye_act,
}
