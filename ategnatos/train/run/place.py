"""Where a run lies: its folder here, and the same folder on the machine that trains."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.run import state

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.machines import Machine
    from ategnatos.train.run.record import Run

RUN_MACHINE = ErrorCode("run_machine", "The machine did not do what a training needs of it.")

LOCAL = "local"
# Below the home folder of a machine that is not ours alone: one folder a run, of one studio.
FAR = "ategnatos-runs"
_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Place:
    """``here`` is absolute on this computer, ``there`` on the machine; the same where it trains
    here.
    """

    here: Path
    there: PurePath
    machine: Machine

    @property
    def far(self) -> bool:
        """Whether files have to be brought there and back."""
        return self.machine.name != LOCAL

    def bring(self, *names: str) -> None:
        """Bring files or folders of the run to the machine, by their paths in its folder.

        Raises StudioError (``machine_copy``, ``machine_unreachable``).
        """
        if self.far:
            for name in names:
                self.machine.push(self.here / name, str(self.there / name))

    def make(self, *names: str) -> None:
        """Make folders of the run, here and there."""
        for name in names:
            (self.here / name).mkdir(parents=True, exist_ok=True)
        if self.far and names:
            self.ask(["mkdir", "-p", "--", *(str(self.there / name) for name in names)])

    def ask(self, command: Sequence[str]) -> str:
        """What a short command on the machine prints. Raises StudioError (``run_machine``)."""
        ran = self.machine.run(command, timeout=_SECONDS)
        if not ran.ok:
            raise StudioError(
                RUN_MACHINE,
                f"{self.machine.name} could not carry out '{command[0]}' for the run"
                f" {self.here.name}: {ran.errors.strip()[-300:] or f'status {ran.status}'}.",
                hint="See how it stands: ategnatos train status " + self.here.name,
                machine=self.machine.name,
            )
        return ran.output


def of(project: Project, run: Run, machine: Machine) -> Place:
    """The place of a run. Raises StudioError (``machine_unreachable``)."""
    if machine.name == LOCAL:
        return Place(run.folder, run.folder, machine)
    known = state.read(run.folder).get("there")
    if not known:
        studio = hashlib.sha256(str(project.root).encode()).hexdigest()[:8]
        known = f"{machine.facts().home}/{FAR}/{studio}/{run.id}"
        state.change(run.folder, there=known)
    return Place(run.folder, PurePosixPath(known), machine)
