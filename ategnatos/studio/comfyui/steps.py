"""The steps that install or update ComfyUI by hand, filled in for this machine."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.knowledge import loader
from ategnatos.studio.comfyui.facts import Fact

if TYPE_CHECKING:
    from ategnatos.studio.gpu import Found


class Line(Fact):
    """A command with places to fill in, and what it is for."""

    do: str
    why: str


class Torch(Fact):
    """Where PyTorch for a kind of machine comes from."""

    url: str
    why: str


class Install(Fact):
    """``comfyui_install``."""

    install: list[Line]
    update: list[Line]
    node: list[Line]
    torch: dict[str, Torch]


@dataclass(frozen=True, slots=True)
class Step:
    """One command to run, and what it is for."""

    do: str
    why: str


def install(folder: Path, found: Found) -> list[Step]:
    """From nothing to a ComfyUI in ``folder``."""
    kind = "cpu" if not found.gpus else "apple" if platform.system() == "Darwin" else "nvidia"
    torch = _facts().torch[kind]
    return _fill(_facts().install, folder=_quoted(folder), torch=torch.url, torch_why=torch.why)


def update(folder: Path) -> list[Step]:
    """To the newest version."""
    return _fill(_facts().update, folder=_quoted(folder))


def node(folder: Path, name: str) -> list[Step]:
    """A pack of custom nodes: ``name`` is a repository's URL, or a name to look up."""
    is_url = name.startswith("https://")
    url = name if is_url else "URL-OF-ITS-REPOSITORY"
    short = name.rstrip("/").rpartition("/")[2].removesuffix(".git") if is_url else name
    return _fill(_facts().node, folder=_quoted(folder), url=url, name=short)


def _fill(lines: list[Line], **places: str) -> list[Step]:
    return [Step(line.do.format(**places), line.why.format(**places)) for line in lines]


def _quoted(folder: Path) -> str:
    import shlex

    return shlex.quote(str(folder))


@cache
def _facts() -> Install:
    return loader.load("comfyui_install", Install)
