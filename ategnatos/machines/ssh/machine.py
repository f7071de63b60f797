"""A machine behind ssh: the :class:`~ategnatos.machines.Machine` protocol over a link."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.values.shown import shown
from ategnatos.machines import MachineFacts, MachineGpu, Ran
from ategnatos.machines.ssh import transfer
from ategnatos.machines.ssh.link import SSH_TEXT, far_line, quote

if TYPE_CHECKING:
    from ategnatos.machines.ssh.link import Link, Reply

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FACTS_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class SshMachine:
    """One rented machine. ``name`` is provider and id: ``runpod:7h9k2m4n6p``."""

    name: str
    link: Link

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
        """See :class:`~ategnatos.machines.Machine`. What starts with ``ssh_text`` was not sent."""
        for name in env or {}:
            if not _VARIABLE.fullmatch(name):
                raise StudioError(
                    SSH_TEXT,
                    f"{shown(name)} is no name of a variable; nothing was sent.",
                    hint="Letters, digits and underscores.",
                )
        settings = "".join(f"{name}={quote(text)} " for name, text in (env or {}).items())
        place = f"cd -- {quote(transfer.far_path(folder))} && " if folder else ""
        # 'env' and not the shell's own assignment: the command may be one of the shell's words.
        line = f"{place}exec env {settings}{far_line(command)}"
        lines = None if on_line is None else _Lines(on_line)
        reply = self.link.shell(
            line,
            stdin=input or None,
            on_out=None if lines is None else lines.take,
            seconds=timeout,
        )
        if lines is not None:
            lines.end()
        return Ran(reply.status, reply.text, reply.complaint)

    def push(self, source: Path, target: str) -> None:
        """See :class:`~ategnatos.machines.Machine`."""
        transfer.push(self.link, source, target)

    def pull(self, source: str, target: Path) -> None:
        """See :class:`~ategnatos.machines.Machine`."""
        transfer.pull(self.link, source, target)

    def facts(self) -> MachineFacts:
        """See :class:`~ategnatos.machines.Machine`."""
        script = resources.files(__package__).joinpath("facts.sh").read_bytes()
        return _facts(self.link.shell("sh -s", stdin=script, seconds=_FACTS_SECONDS))


class _Lines:
    """Pieces of output as whole lines."""

    def __init__(self, shown: Callable[[str], None]) -> None:
        self._shown = shown
        self._rest = b""

    def take(self, piece: bytes) -> None:
        """The next piece, of any length."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._shown(line.decode("utf-8", "replace"))

    def end(self) -> None:
        """A last line without its end."""
        if self._rest:
            self._shown(self._rest.decode("utf-8", "replace"))
            self._rest = b""


def _facts(reply: Reply) -> MachineFacts:
    found: dict[str, str] = {}
    programs: dict[str, str] = {}
    gpus: list[str] = []
    for line in reply.text.splitlines():
        name, _, value = line.partition("\t")
        if name == "program":
            program, _, place = value.partition(" ")
            programs[program] = place
        elif name == "gpu":
            gpus.append(value)
        else:
            found[name] = value
    cuda = found.get("cuda", "")
    cards = tuple(card for one in gpus if (card := _gpu(one, cuda)) is not None)
    problem = found.get("problem", "")
    if len(cards) < len(gpus):
        problem = problem or "nvidia-smi says of a GPU what was not understood"
    return MachineFacts(
        host=found.get("host", ""),
        system=found.get("system", ""),
        processor=found.get("processor", ""),
        cores=_number(found.get("cores", "")),
        memory=_number(found.get("memory", "")),
        home=found.get("home", ""),
        disk_free=_number(found.get("disk_free", "")),
        python=found.get("python", ""),
        gpus=cards,
        programs=programs,
        problem=problem,
    )


def _gpu(line: str, cuda: str) -> MachineGpu | None:
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != 5 or not all(parts[place].isdecimal() for place in (0, 2, 3)):
        return None
    return MachineGpu(int(parts[0]), parts[1], int(parts[2]), int(parts[3]), parts[4], cuda)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
