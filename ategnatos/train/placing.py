"""Where things of a training lie on its machine.

Here, files lie where they are and runs in the workspace. On a rented machine all of it lies below
``ategnatos/`` of its home folder: ``models/``, ``trainers/`` and, as here, ``training/<plan>/``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ategnatos.train.machine import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ategnatos.grimoire.project import Project
    from ategnatos.trainers.plan import Plan

_BASE = "ategnatos"


@dataclass(frozen=True, slots=True)
class Places:
    """The folders on one machine. ``base`` is where our files lie there, absolute; ``far`` is
    whether that is another computer.
    """

    base: PurePosixPath
    far: bool

    def training(self, plan: str) -> PurePosixPath:
        """The folder of everything that is trained by the plan of that name."""
        return self.base / "training" / plan

    def trainer(self, trainer: str) -> str:
        """Where a trainer's checkout is put by us."""
        return str(self.base / "trainers" / trainer)

    def file(self, path: str) -> str:
        """A file of this computer as it lies there. What is no file of ours (the name of a
        repository, nothing) stays as it is.
        """
        if not self.far or not is_path(path):
            return path
        return str(self.base / "models" / PurePosixPath(path).name)

    def plan(self, plan: Plan) -> Plan:
        """The plan with the files that it names as they lie there."""
        if not self.far:
            return plan
        return plan.change(
            model=self.file(plan.model),
            vae=self.file(plan.vae),
            parts={name: self.file(path) for name, path in plan.parts.items()},
        )


def places(project: Project, machine: str, home: str) -> Places:
    """The places on ``machine``, whose home folder is ``home`` (``MachineFacts.home``)."""
    if machine == LOCAL:
        return Places(PurePosixPath(project.workspace), False)
    return Places(PurePosixPath(home) / _BASE, True)


def named(plan: Plan) -> Iterator[tuple[str, str]]:
    """What the plan names by itself to be loaded: what it is, and the path or repository."""
    if plan.model:
        yield "base model", plan.model
    if plan.vae:
        yield "vae", plan.vae
    yield from plan.parts.items()


def is_path(text: str) -> bool:
    """Whether it names a file or folder rather than a repository (``owner/name``)."""
    return text.startswith(("/", "~", ".")) or (bool(text) and Path(text).exists())
