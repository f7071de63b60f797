"""Fences before Claude Code's own file tools."""

from __future__ import annotations

from ategnatos.fences import paths
from ategnatos.fences.decision import Denied
from ategnatos.fences.line import Scene
from ategnatos.fences.starts import Start
from ategnatos.fences.word_reader import Command
from ategnatos.fences.words import Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def written(guarded: dict[str, Any], path: str, *, root: str, folder: str, home: str) -> None:
    """Raise Denied where ``path`` is written by commands alone."""
    scene, start = _scene(guarded, path, root, folder, home)
    paths.unwritten(scene, start, Word(path), whole=False, how="An edit")
    if scene.zones.secret(scene.zones.resolve(path, folder)) and path.endswith("approver.key"):
        raise Denied("secret", "That is a person's key.", "Leave it.")


def read(guarded: dict[str, Any], path: str, *, root: str, folder: str, home: str) -> None:
    """Raise Denied where ``path`` holds credentials."""
    scene, start = _scene(guarded, path, root, folder, home)
    paths.unread(scene, start, Word(path))


def _scene(
    guarded: dict[str, Any], path: str, root: str, folder: str, home: str
) -> tuple[Scene, Start]:
    from ategnatos.fences.estimates import Estimates

    scene = Scene(
        path,
        guarded=guarded,
        root=root,
        folder=folder,
        home=home,
        estimates=Estimates("", "", guarded["price_option"]),
    )
    return scene, Start(Command(), [], folder, True)
