"""Files to and from a machine by rsync: each in place only once it is whole, cut copies resumed.

Copying may be repeated, so here a lost line is tried again like one that was not reached. The
machine may be a stranger's: no links, devices, owners or odd modes are taken from it.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.guard.values.shown import shown
from ategnatos.machines import MACHINE_COPY
from ategnatos.machines.ssh import outcome
from ategnatos.machines.ssh.call import arguments
from ategnatos.machines.ssh.link import quote
from ategnatos.machines.ssh.outcome import Outcome

if TYPE_CHECKING:
    from ategnatos.machines.ssh.address import Address
    from ategnatos.machines.ssh.link import Link

RSYNC_MISSING = ErrorCode("rsync_missing", "The program rsync is not installed on this machine.")

# What was brought before the line broke lies here, beside the file, until the next try.
PART = ".ategnatos-part"
# No byte for so long: the line is taken for lost.
QUIET_SECONDS = 60

_AGAIN = frozenset({Outcome.UNREACHED, Outcome.LOST, Outcome.UNCLEAR})


def push(link: Link, source: Path, target: str) -> None:
    """Bring a file, or what is in a folder, to ``target`` on the machine.

    Raises StudioError (``machine_copy``, ``machine_unreachable``, ``rsync_missing``).
    """
    if not source.exists():
        raise _failed(link, f"{source} is not there")
    far = far_path(target)
    above = far if source.is_dir() else str(PurePosixPath(far).parent)
    _prepare(link, f"mkdir -p -- {quote(above)}")
    near = f"{source.resolve()}/" if source.is_dir() else str(source.resolve())
    _copy(link, [near, _there(link.address, far + ("/" if source.is_dir() else ""))])


def pull(link: Link, source: str, target: Path) -> None:
    """Bring a file, or what is in a folder, from the machine to ``target``; as :func:`push`."""
    far = far_path(source)
    kind = _prepare(
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
    near = f"{target.resolve()}/" if folder else str(target.resolve())
    _copy(link, [_there(link.address, far + ("/" if folder else "")), near])


def far_path(text: str) -> str:
    """A path on the machine that no program there takes for an option; relative to its home."""
    quote(text)
    return text if text.startswith("/") else f"./{text.removeprefix('~/')}"


def _there(address: Address, path: str) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{host}:{path}"


def _prepare(link: Link, line: str) -> str:
    line = f"command -v rsync >/dev/null || exit 96; {line}"
    waits = list(link.waits)
    while True:
        try:
            reply = link.shell(line, seconds=60)
            break
        except StudioError as error:
            # It only looks and makes folders: here the same may be asked twice.
            if error.details.get("outcome") not in {Outcome.LOST, Outcome.UNCLEAR} or not waits:
                raise
            link.sleep(waits.pop(0))
    if reply.status == 96:
        raise _failed(
            link,
            "rsync is not installed there",
            f"ategnatos studio provider run {link.address.alias} -- sh -c 'apt-get update &&"
            " apt-get install -y rsync'",
        )
    if reply.status != 0:
        raise _failed(link, shown(reply.complaint.strip()[:300]))
    return reply.text.strip()


def _copy(link: Link, ends: list[str]) -> None:
    if shutil.which("rsync") is None:
        raise StudioError(
            RSYNC_MISSING,
            "The program rsync is not installed here; nothing was copied.",
            hint="Debian and Ubuntu: apt-get install rsync. macOS: brew install rsync.",
        )
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
    words = shown(done.stderr.decode("utf-8", "replace").strip()[-300:])
    return done.returncode, words, outcome.of(done.returncode, text), outcome.why(text)


def _failed(link: Link, why: str, hint: str = "") -> StudioError:
    name = link.address.alias
    return StudioError(
        MACHINE_COPY,
        f"Not everything was copied to or from {name}: {why}. What arrived whole is in place.",
        hint=hint or "Run the same command again: it goes on where it stopped.",
        machine=name,
    )
