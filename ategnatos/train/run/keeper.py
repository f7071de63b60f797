"""The keeper from this side: start a trainer on a machine, look at it, signal it.

The same script here and behind ssh, over the four verbs of a machine. Everything may be asked
again after a line broke: a try that was started is not started twice.
"""

from __future__ import annotations

import base64
import binascii
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Literal

from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.machines import Machine
    from ategnatos.trainers import Step

KEEPER_ODD = ErrorCode("keeper_odd", "The keeper of a training gave an answer nobody understands.")

SCRIPT = resources.files("ategnatos.train.run").joinpath("keeper.sh")
# What one look brings of the log at most, in bytes.
MOST = 512 << 10
_SECONDS = 60.0

Signal = Literal["TERM", "INT", "KILL"]


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw. ``alive``: a process of the trainer lives. ``kept``: its keeper does.

    ``status`` is the exit status as a shell says it (128 and the signal's number), None while it
    runs, and where the keeper was killed before it could write it. ``log`` are the bytes from the
    offset that was asked for, ``size`` those that there are. ``disk_free`` in bytes.
    """

    began: bool
    alive: bool
    kept: bool
    status: int | None
    pid: int | None
    keeper_pid: int | None
    size: int
    log: bytes
    disk_used_share: float | None
    disk_free: int | None
    vram_mib: int | None

    @property
    def over(self) -> bool:
        """Whether nothing of it runs any more and nothing more will be written.

        Between the wish to start and the keeper's first word it is neither.
        """
        spoke = self.keeper_pid is not None or self.status is not None
        return spoke and not self.alive and not self.kept


@dataclass(frozen=True, slots=True)
class Keeper:
    """The keeper in ``folder`` (absolute, on the machine): that of a run.

    ``python`` runs there. Raises StudioError (``machine_unreachable``, ``machine_timeout``,
    ``keeper_odd``) from every method.
    """

    machine: Machine
    folder: str
    python: str

    def install(self) -> None:
        """Bring the script; safe to repeat. Raises StudioError (``machine_copy``) too."""
        with resources.as_file(SCRIPT) as path:
            self.machine.push(path, f"{self.folder}/keeper.sh")

    def start(self, attempt: int) -> None:
        """Start what ``attempts/N/command.sh`` says; a try that began is left as it is.

        It comes back before the trainer begins, and may be asked again until it does.
        """
        self._asked("start", attempt, self.python)

    def forbid(self, attempt: int) -> bool:
        """Keep a try that has not begun from ever beginning; False where it has begun."""
        return self._asked("forbid", attempt).strip() == "forbidden"

    def look(self, attempt: int, offset: int, gpu: str = "") -> Look:
        """How it stands, with its log from ``offset`` on; ``gpu`` names one to ask for memory."""
        return _read(self._asked("poll", attempt, str(offset), str(MOST), gpu))

    def signal(self, attempt: int, name: Signal) -> bool:
        """Send it to the trainer and all it started; False where nothing lives there."""
        return self._asked("signal", attempt, name).strip() == "sent"

    def place(self, attempt: int) -> str:
        """The folder of a try on the machine."""
        return f"{self.folder}/attempts/{attempt}"

    def _asked(self, verb: str, attempt: int, *words: str) -> str:
        script = f"{self.folder}/keeper.sh"
        ran = self.machine.run(["sh", script, verb, self.place(attempt), *words], timeout=_SECONDS)
        if ran.status != 0:
            raise StudioError(
                KEEPER_ODD,
                f"The keeper on {self.machine.name} could not {verb} the training: "
                f"{(ran.errors or ran.output).strip()[-300:] or f'status {ran.status}'}.",
                hint=f"Look at {self.place(attempt)} on that machine.",
                machine=self.machine.name,
                verb=verb,
            )
        return ran.output


# Whether a folder holds so many files of a kind: folder, pattern, number.
_HOLDS = """holds() {
    n=0
    for one in "$1"/$2; do [ -e "$one" ] && n=$((n + 1)); done
    [ "$n" -ge "$3" ]
}"""


def command_file(
    command: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    before: Sequence[Step] = (),
) -> bytes:
    """What a try starts, as a script that a person can read and run again.

    The steps of ``before`` come first, each unless its mark stands with what the step leaves. One
    that fails ends the whole with its status, one that left too little with 98; the command takes
    the shell's place, so signals and status are its own.
    """
    words = ["env", *(f"{name}={text}" for name, text in environment.items())]
    lines = ["#!/bin/sh", f"cd {shlex.quote(folder)} || exit 97"]
    if before:
        lines.append(_HOLDS)
    for number, one in enumerate(before, 1):
        said = f"ategnatos: step {number} of {len(before) + 1}, {one.name}"
        mark = shlex.quote(one.mark)
        held = "".join(f" && holds {shlex.join(map(str, left))}" for left in one.leaves)
        lines += [
            f"if [ -e {mark} ]{held}; then",
            f"    echo {shlex.quote(f'{said}: done before')}",
            "else",
            f"    echo {shlex.quote(said)}",
            f"    {shlex.join([*words, *one.command])} || {{",
            "        status=$?",
            f'        echo {shlex.quote(f"{said}: ended with status")} "$status;"'
            " 'the training was not started' >&2",
            '        exit "$status"',
            "    }",
            *(
                f"    holds {shlex.join(map(str, left))} || {{ echo"
                f" {shlex.quote(f'{said}: left fewer than {left[2]} files in {left[0]}')}';"
                " the training was not started' >&2; exit 98; }"
                for left in one.leaves
            ),
            f'    mkdir -p "$(dirname {mark})" && : >{mark} || exit 97',
            "fi",
        ]
    lines.append(f"exec {shlex.join([*words, *command])}")
    return ("\n".join(lines) + "\n").encode()


def _read(text: str) -> Look:
    head, found, body = text.partition("\nlog\n")
    said: dict[str, str] = {}
    for line in head.splitlines():
        name, _, rest = line.partition(" ")
        said[name] = rest.strip()
    try:
        log = base64.b64decode(body, validate=False) if found else b""
        used, free = (int(one) for one in said.get("disk", "0 0").split())
        return Look(
            began="began" in said,
            alive=int(said["alive"]) > 0,
            kept=said["keeper"] == "1",
            status=_whole(said.get("status")),
            pid=_whole(said.get("pid")),
            keeper_pid=_whole(said.get("keeper_pid")),
            size=int(said.get("size", 0)),
            log=log,
            disk_used_share=used / (used + free) if used + free else None,
            disk_free=free * 1024 if used + free else None,
            vram_mib=_whole(said.get("gpu")),
        )
    except (KeyError, ValueError, binascii.Error) as error:
        raise StudioError(
            KEEPER_ODD,
            f"The keeper's answer cannot be read ({type(error).__name__}: {error}); nothing was"
            " changed.",
            hint="Look at it again: ategnatos train status",
            machine="",
            verb="poll",
        ) from error


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
