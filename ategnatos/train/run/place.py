"""Where a run lies: its folder here, and the same folder on the machine that trains."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import write_atomic
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

    def put(self, files: Mapping[str, bytes]) -> None:
        """Write small files of the run, by their paths in its folder, here and there: there in one
        journey. Raises StudioError (``disk_full``, ``write_failed``, ``machine_copy``, ...).
        """
        for name, raw in files.items():
            (self.here / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self.here / name, raw)
        if self.far:
            with tempfile.TemporaryDirectory() as folder:
                for name, raw in files.items():
                    path = Path(folder) / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(raw)
                self.machine.push(Path(folder), str(self.there))

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
