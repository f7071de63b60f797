"""Files to and from a machine by rsync: each in place only once it is whole, cut copies resumed.

Copying may be repeated, so here a lost line is tried again like one that was not reached. The
machine may be a stranger's: no links, devices, owners or odd modes are taken from it. Where one
of the two has no rsync, ``archive`` does the same with tar.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.guard.values.shown import shown
from ategnatos.machines import MACHINE_COPY
from ategnatos.machines.ssh import archive, outcome
from ategnatos.machines.ssh.archive import PART
from ategnatos.machines.ssh.call import arguments
from ategnatos.machines.ssh.link import quote
from ategnatos.machines.ssh.outcome import Outcome

if TYPE_CHECKING:
    from ategnatos.machines.ssh.address import Address
    from ategnatos.machines.ssh.link import Link, Reply

# No byte for so long: the line is taken for lost.
QUIET_SECONDS = 60

_AGAIN = frozenset({Outcome.UNREACHED, Outcome.LOST, Outcome.UNCLEAR})


def push(link: Link, source: Path, target: str) -> None:
    """Bring a file, or what is in a folder, to ``target`` on the machine.

    Raises StudioError (``machine_copy``, ``machine_unreachable``).
    """
    if not source.exists():
        raise _failed(link, f"{source} is not there")
    far = far_path(target)
    above = far if source.is_dir() else str(PurePosixPath(far).parent)
    synced, _ = _prepare(link, f"mkdir -p -- {quote(above)}")
    if not synced:
        _plainly(link, lambda again: archive.push(link, source, far, again))
        return
    near = f"{source.resolve()}/" if source.is_dir() else str(source.resolve())
    _copy(link, [near, _there(link.address, far + ("/" if source.is_dir() else ""))])


def pull(link: Link, source: str, target: Path) -> None:
    """Bring a file, or what is in a folder, from the machine to ``target``; as :func:`push`."""
    far = far_path(source)
    synced, kind = _prepare(
        link,
        f"if [ -d {quote(far)} ]; then echo folder; elif [ -f {quote(far)} ]; then echo file;"
        " else echo none; fi",
    )
    if kind not in {"folder", "file"}:
        raise _failed(link, f"{shown(source)} is not there")
    folder = kind == "folder"
    if target.is_symlink() or (target.exists() and target.is_dir() is not folder):
        raise _failed(link, f"{target} is here already, and no {kind}")
    (target if folder else target.parent).mkdir(parents=True, exist_ok=True)
    if not synced:
        _plainly(link, lambda again: archive.pull(link, far, target, again, folder=folder))
        return
    near = f"{target.resolve()}/" if folder else str(target.resolve())
    _copy(link, [_there(link.address, far + ("/" if folder else "")), near])


def far_path(text: str) -> str:
    """A path on the machine that no program there takes for an option; relative to its home."""
    quote(text)
    return text if text.startswith("/") else f"./{text.removeprefix('~/')}"


def _there(address: Address, path: str) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{path}"


def _prepare(link: Link, line: str) -> tuple[bool, str]:
    """Whether rsync is here and there, and what ``line`` says."""
    line = (
        "if command -v rsync >/dev/null; then echo rsync; elif command -v tar >/dev/null; then"
        f" echo tar; else exit 96; fi; {line}"
    )
    # It only looks and makes folders: here the same may be asked twice.
    reply = _again(link, lambda: link.shell(line, seconds=60))
    if reply.status == 96:
        raise _failed(
            link,
            "neither rsync nor tar is installed there",
            f"ategnatos studio provider run {link.address.alias} -- sh -c 'apt-get update &&"
            " apt-get install -y rsync'",
        )
    if reply.status != 0:
        raise _failed(link, _last_words(reply.complaint))
    way, _, said = reply.text.partition("\n")
    synced = way == "rsync" and shutil.which("rsync") is not None
    if not synced:
        link.say(f"No rsync {'here' if way == 'rsync' else 'there'}: copying with tar.")
    return synced, said.strip()


def _again(link: Link, ask: Callable[[], Reply]) -> Reply:
    """Ask, and ask again where the line was lost: for what may be done twice."""
    waits = list(link.waits)
    while True:
        try:
            return ask()
        except StudioError as error:
            if error.details.get("outcome") not in {Outcome.LOST, Outcome.UNCLEAR} or not waits:
                raise
            link.sleep(waits.pop(0))


def _plainly(link: Link, copy: Callable[[Callable[[Callable[[], Reply]], Reply]], str]) -> None:
    try:
        why = copy(lambda ask: _again(link, ask))
    except StudioError as error:
        if error.details.get("outcome") not in {Outcome.LOST, Outcome.UNCLEAR}:
            raise
        why = str(error.details.get("said", "the line broke"))
    if why:
        raise _failed(link, _last_words(why), "Run the same command again.")


def _copy(link: Link, ends: list[str]) -> None:
    waits = list(link.waits)
    while True:
        status, words, how, said = _once(link.address, ends)
        if status == 0:
            return
        if how not in _AGAIN or not waits:
            break
        wait = waits.pop(0)
        link.say(f"The line to {link.address.alias} broke ({said}). Going on in {wait:g} seconds.")
        link.sleep(wait)
    raise _failed(link, said if how in _AGAIN else words)


def _once(address: Address, ends: list[str]) -> tuple[int, str, Outcome, str]:
    """rsync's status, its last words, and what ssh's log says."""
    # In the machine's folder, so that the name holds nothing that rsync would split.
    with tempfile.TemporaryDirectory(prefix="log-", dir=address.home) as folder:
        log = Path(folder) / "log"
        near = Path(folder).name
        line = [
            "rsync",
            "--recursive",
            "--times",
            "--chmod=D0755,F0644",
            "--protect-args",
            f"--partial-dir={PART}",
            f"--timeout={QUIET_SECONDS}",
            "--rsh",
            " ".join(arguments(address, log=Path(near) / "log")),
            "--",
            *ends,
        ]
        done = subprocess.run(
            line,
            cwd=address.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    words = _last_words(done.stderr.decode("utf-8", "replace"))
    return done.returncode, words, outcome.of(done.returncode, text), outcome.why(text)


def _last_words(text: str) -> str:
    """The end of what a program complained of, on one line, with nothing invisible."""
    return ascii(" ".join(text.split())[-300:])[1:-1]


def _failed(link: Link, why: str, hint: str = "") -> StudioError:
    name = link.address.alias
    return StudioError(
        MACHINE_COPY,
        f"Not everything was copied to or from {name}: {why}. What arrived whole is in place.",
        hint=hint or "Run the same command again: it goes on where it stopped.",
        machine=name,
    )
