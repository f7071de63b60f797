"""Bring a rented machine to where gate 3 opens: trainer, PyTorch, packages, tokenizers, models.

One phase, ``trainer``: a script of steps each of which looks first, so that it may be run again
after any failure, and goes on without the line (see ``machines/ssh/phases.py``). On this computer
nothing is installed by itself: the mends are told, and a person decides.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.train.gates.environment import graphics
from ategnatos.train.gates.environment.checks import PIP, fetching
from ategnatos.train.gates.environment.needs import known
from ategnatos.train.machine import machine_of
from ategnatos.train.placing import is_path, named

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.machines.ssh.link import Link
    from ategnatos.train.gates.environment.recording import Checked

SET_UP_CANNOT = ErrorCode("set_up_cannot", "The studio does not set this trainer up there.")

PHASE = "trainer"


def set_up(project: Project, found: Checked, *, home: str = "", say: Callable[[str], None]) -> None:
    """Install what is missing and bring the models; returns when it is done.

    ``home`` is where the trainer lies or shall lie. Raises StudioError: ``set_up_cannot``,
    ``phase_failed``, ``machine_copy``, ``machine_unreachable``.
    """
    from ategnatos.machines.ssh import phases
    from ategnatos.machines.ssh.machine import SshMachine

    machine = machine_of(project, found.machine, say=say)
    own = known().get(found.made.trainer)
    if not isinstance(machine, SshMachine) or own is None or not own.repository:
        raise StudioError(
            SET_UP_CANNOT,
            f"--set-up installs trainers that have a checkout, on rented machines; for"
            f" {found.made.trainer} on {machine.name} nothing was installed.",
            hint="Run the mends that 'ategnatos train environment' names, one by one.",
            machine=found.machine,
            trainer=found.made.trainer,
        )
    text = script(found, home or found.there.places.trainer(found.made.trainer))
    say(f"Setting up {found.made.trainer} on {machine.name}; the machine costs money meanwhile.")
    phases.start(machine.link, PHASE, text, again=True)
    _followed(machine.link, machine.name, say)
    for near, far in _missing(found):
        say(f"Bringing {near} ...")
        machine.push(Path(near).expanduser(), far)


def _followed(link: Link, name: str, say: Callable[[str], None]) -> None:
    from ategnatos.machines.ssh import phases

    last = None
    for piece, phase in phases.follow(link, PHASE):
        last = phase
        for line in piece.decode("utf-8", "replace").splitlines():
            if line.startswith("== "):
                say(f"  {line[3:]}")
    if last is None or last.state != "done":
        raise phases.failure(last or phases.Phase(PHASE, "interrupted"), name)


def _missing(found: Checked) -> Iterator[tuple[str, str]]:
    """Files of this computer that the plan names and the machine lacks: here, and there."""
    there = found.there.probe.get("files", {})
    for _, near in named(found.made.kept.plan):
        far = found.there.places.file(near)
        if (
            is_path(near)
            and not there.get(far, {}).get("kind")
            and Path(near).expanduser().exists()
        ):
            yield near, far


def script(found: Checked, home: str) -> str:
    """The phase. Pure: the same machine, the same script."""
    return "\n".join(
        ["set -eu", "export PIP_DISABLE_PIP_VERSION_CHECK=1", *_steps(found, home), ""]
    )


def _steps(found: Checked, home: str) -> Iterator[str]:
    from ategnatos.trainers import load_trainer

    trainer, facts = found.made.trainer, found.there.facts
    said, tested = known().get(trainer), load_trainer(trainer).versions()
    python = f"{home}/venv/bin/python"
    where = shlex.quote(home)
    yield f"mkdir -p {shlex.quote(str(found.there.places.base / 'models'))}"
    if said is not None and said.repository:
        yield _saying(f"{trainer} from {said.repository}")
        part = shlex.quote(f"{home}.part")
        yield f"mkdir -p {shlex.quote(str(Path(home).parent))}"
        # A clone that was cut off is begun anew; only a whole one gets the name.
        yield (
            f"test -e {where}/.git || {{ rm -rf {part}; git clone --recurse-submodules"
            f" {said.repository} {part} && mv {part} {where}; }}"
        )
        if tested.commit:
            yield (
                f"git -C {where} cat-file -e {tested.commit} 2>/dev/null"
                f" || git -C {where} fetch -q origin {tested.commit}"
            )
            yield f"git -C {where} checkout -q {tested.commit}"
            yield f"git -C {where} submodule update --init --recursive"
    yield f"mkdir -p {where}"
    yield _saying("its virtual environment")
    yield f"test -x {shlex.quote(python)} || python3 -m venv {where}/venv"
    if said is None or said.gpu:
        card = graphics.known(facts.gpus[0]) if facts.gpus else None
        driver = facts.gpus[0].driver if facts.gpus else ""
        also = said.with_torch if said is not None else ()
        line = graphics.install("", card, driver, shlex.quote(python), also) if card else ""
        if "pip install" in line:
            yield _saying("PyTorch for this GPU and driver")
            yield line
    if said is not None and said.install:
        yield _saying("its packages")
        words = " ".join(shlex.quote(one) for one in said.install)
        yield f"cd {where} && {shlex.quote(python)} -m pip install {words}"
    for module in found.there.needs.modules:
        yield _saying(module)
        yield f"{shlex.quote(python)} -m pip install {shlex.quote(PIP.get(module, module))}"
    for repository, what in found.there.needs.what.items():
        yield _saying(f"{what}: {repository}")
        yield fetching(shlex.quote(python), repository, what)


def _saying(text: str) -> str:
    """A line that is passed on to the person. A repository is called what its plan calls it."""
    return f"echo {shlex.quote(f'== {text}')}"
