"""Start a program so that it outlives the shell: in tmux where there is one, else on its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ategnatos.grimoire.files import explained, temporary_name, write_all
from ategnatos.studio.comfyui import boot, processes
from ategnatos.studio.comfyui.processes import Identity

_PATIENCE_SECONDS = 10.0


def launch(
    command: Sequence[str], *, folder: Path, log: Path, session: str = ""
) -> tuple[Identity | None, str]:
    """Start ``command`` in ``folder``, its output appended to ``log``; who it is, and the tmux
    session it runs in ("" where it runs without one).

    ``session`` names a tmux session: an old one of that name is ended first. "" uses none. The
    identity is None where the process has ended already. Raises StudioError (``write_failed``).
    """
    orders = _orders(command, folder, log)
    own = [sys.executable, "-I", str(Path(boot.__file__)), str(orders)]
    if session and (pid := _in_tmux(session, own, log)) is not None:
        return processes.identify(pid), session
    process = subprocess.Popen(
        own,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        close_fds=True,
    )
    return processes.identify(process.pid), ""


def end_session(session: str) -> None:
    """End a tmux session, where it and tmux exist."""
    if session:
        _tmux("kill-session", "-t", f"={session}")


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """What ComfyUI may see of ours: all but what is addressed to this program."""
    return {name: value for name, value in variables.items() if not name.startswith("ATEGNATOS_")}


def _orders(command: Sequence[str], folder: Path, log: Path) -> Path:
    content = json.dumps(
        {
            "command": list(command),
            "folder": str(folder),
            "log": str(log),
            "environment": environment(os.environ),
        }
    ).encode()
    path = log.parent / temporary_name()
    with explained(path, "Nothing was started."):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            write_all(descriptor, content)
        finally:
            os.close(descriptor)
    return path


def _in_tmux(session: str, command: Sequence[str], log: Path) -> int | None:
    """The id of the process in the session's first window; None where there is no tmux."""
    _tmux("kill-session", "-t", f"={session}")
    as_new = ("-d", "-P", "-F", "#{pane_pid}", "-s", session, "-n", "server")
    said = _tmux("new-session", *as_new, "--", *command)
    if said is None or not said.strip().isdecimal():
        return None
    # Whoever attaches sees the log; the server itself writes to the file alone.
    follow = ("tail", "-n", "200", "-F", str(log))
    _tmux("new-window", "-t", f"={session}:", "-n", "log", "--", *follow)
    return int(said)


def _tmux(*arguments: str) -> str | None:
    program = shutil.which("tmux")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
