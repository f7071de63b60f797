"""Computers that work for us, near or far. One Protocol, :class:`Machine`.

``local`` is this computer; one behind ssh does the same. Who trains or renders on a machine
uses these four verbs and does not know which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from ategnatos.grimoire.errors import ErrorCode

MACHINE_UNREACHABLE = ErrorCode("machine_unreachable", "The machine could not be reached.")
MACHINE_TIMEOUT = ErrorCode("machine_timeout", "A command on the machine took too long.")
MACHINE_COPY = ErrorCode("machine_copy", "A file could not be brought to or from the machine.")


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that ran to its end. ``status`` is its exit status (negative: the signal)."""

    status: int
    output: str
    errors: str

    @property
    def ok(self) -> bool:
        """Whether it ended with 0."""
        return self.status == 0


@dataclass(frozen=True, slots=True)
class MachineGpu:
    """One GPU. Memory in MiB; ``cuda`` is the newest version that its driver supports, or ""."""

    index: int
    name: str
    memory_mib: int
    free_mib: int
    driver: str = ""
    cuda: str = ""


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What a machine is, as it says itself. Bytes and cores; "" and 0 where it does not say.

    ``home`` is an absolute path on it; ``disk_free`` is that of the disk under ``home``.
    ``problem`` says what went wrong where something did not answer (a GPU driver that hangs).
    """

    host: str
    system: str
    processor: str
    cores: int
    memory: int
    home: str
    disk_free: int
    python: str = ""
    gpus: tuple[MachineGpu, ...] = ()
    programs: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


@runtime_checkable
class Machine(Protocol):
    """A computer that runs commands for us. Paths on it are POSIX text; relative ones start at
    its home folder.
    """

    @property
    def name(self) -> str:
        """``local``, or provider and id: ``runpod:7h9k2m4n6p``."""
        ...

    def run(
        self,
        command: Sequence[str],
        *,
        folder: str = "",
        env: Mapping[str, str] | None = None,
        input: bytes = b"",
        timeout: float | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> Ran:
        """Run a list of arguments, never a line for a shell, to its end.

        ``on_line`` is given each line of its standard output as it comes. A command that started
        is never started again. Raises StudioError: ``machine_unreachable`` (it never started, or
        the connection was lost; detail ``started``: False, or None where nobody knows),
        ``machine_timeout``.
        """
        ...

    def push(self, source: Path, target: str) -> None:
        """Bring a file, or what is in a folder, to ``target``; in place only once it is whole.

        Folders above it are made. Safe to repeat. Raises StudioError (``machine_copy``,
        ``machine_unreachable``).
        """
        ...

    def pull(self, source: str, target: Path) -> None:
        """Bring a file, or what is in a folder, from the machine; as :meth:`push`."""
        ...

    def facts(self) -> MachineFacts:
        """What the machine is now. Raises StudioError (``machine_unreachable``)."""
        ...
