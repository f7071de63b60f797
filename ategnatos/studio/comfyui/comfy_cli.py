"""comfy-cli as a program: run, read, and its failures in our words. Never imported (GPL-3.0).

Read from comfy-cli 1.23.0: with ``--json`` some commands print an envelope as the last line of
stdout, on success as on failure; ``install``, ``update`` and ``node install`` print plain text
when they succeed, and a refusal about the workspace is plain text on stderr. So the exit status
decides, and the envelope is read where there is one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError

COMFY_CLI_MISSING = ErrorCode("comfy_cli_missing", "comfy-cli is not installed; nothing was done.")
COMFY_CLI_FAILED = ErrorCode("comfy_cli_failed", "comfy-cli did not do what it was asked.")

# Its tracking is off, and nothing asks a question that nobody answers.
_ENVIRONMENT = {"DO_NOT_TRACK": "1", "COMFY_NO_TELEMETRY": "1", "NO_COLOR": "1", "TERM": "dumb"}

# What it says, what it means, what to do. First match decides.
_MEANINGS: tuple[tuple[str, str, str], ...] = (
    ("not a valid comfyui workspace", "that folder holds no ComfyUI that comfy-cli accepts",
     "Install one with 'ategnatos studio comfyui install', or name its folder with --folder."),
    ("remote url is not a recognized", "that folder is a copy from a place that comfy-cli does not"
     " know", "Update it with 'git pull' in that folder."),
    ("cm-cli", "ComfyUI-Manager, which installs nodes, is not installed",
     "Install it with 'pip install -r manager_requirements.txt' in ComfyUI's folder."),
    ("could not resolve host", "there is no network, or the address cannot be found",
     "Look at the network connection, then run the same command again."),
    ("nameresolutionerror", "there is no network, or the address cannot be found",
     "Look at the network connection, then run the same command again."),
    ("no space left", "the disk is full", "Free space, then run the same command again."),
    ("not_in_workspace", "it knows no ComfyUI", "Name its folder with --folder."),
    ("no such command", "this comfy-cli is too old or too new for this program",
     "Update it with 'pip install -U comfy-cli'."),
    ("permission denied", "a folder may not be written to", "See who owns it with 'ls -ld'."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """``data`` is what its envelope carries, None without one; ``text`` is its stdout."""

    data: Any
    text: str


def program() -> str | None:
    """Where comfy-cli is: on PATH, or beside the interpreter that runs this."""
    beside = Path(sys.executable).with_name("comfy")
    return shutil.which("comfy") or (str(beside) if os.access(beside, os.X_OK) else None)


def run(
    arguments: Sequence[str],
    *,
    workspace: Path | None,
    patience: float,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Run ``comfy ARGUMENTS`` and wait at most ``patience`` seconds.

    What it writes on stderr goes to ``say`` line by line. Raises StudioError
    (``comfy_cli_missing``, ``comfy_cli_failed``).
    """
    comfy = program()
    if comfy is None:
        raise missing("Nothing was done")
    where = ["--workspace", str(workspace)] if workspace is not None else []
    command = [comfy, "--skip-prompt", "--json", *where, *arguments]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ATEGNATOS_")}
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**environment, **_ENVIRONMENT},
        start_new_session=True,
    )
    out: list[str] = []
    err: list[str] = []
    readers = [
        threading.Thread(target=_read, args=(process.stdout, out, lambda _: None), daemon=True),
        threading.Thread(target=_read, args=(process.stderr, err, say), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        process.wait(timeout=patience)
    except subprocess.TimeoutExpired:
        _end(process)
        raise _failed(
            arguments, "timeout", f"it was still at work after {patience:.0f} seconds and was ended"
        ) from None
    except BaseException:
        _end(process)
        raise
    for reader in readers:
        reader.join(timeout=5.0)
    text = "".join(out)
    envelope = _envelope(text)
    if process.returncode != 0 or (envelope is not None and not envelope.get("ok", True)):
        raise _explained(arguments, envelope, "".join(err) + text)
    return Outcome(envelope.get("data") if envelope is not None else None, text)


def missing(undone: str) -> StudioError:
    """What the absence of comfy-cli is reported as; ``undone`` begins the message."""
    return StudioError(
        COMFY_CLI_MISSING,
        f"{undone}: the program comfy-cli, which does this, is not installed.",
        hint="Install it with 'pipx install comfy-cli' and run this again, or do the steps above"
        " by hand.",
    )


def _read(stream: Any, into: list[str], say: Callable[[str], None]) -> None:
    for line in stream:
        into.append(line)
        if line.strip():
            say(line.rstrip()[:160])


def _end(process: subprocess.Popen[str]) -> None:
    from ategnatos.studio.comfyui import processes

    identity = processes.identify(process.pid)
    if identity is not None:
        processes.end(identity)
    process.wait(timeout=5)


def _envelope(text: str) -> dict[str, Any] | None:
    for line in reversed(text.splitlines()):
        if not line.startswith("{"):
            continue
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and str(found.get("schema", "")).startswith("envelope/"):
            return found
    return None


def _explained(arguments: Sequence[str], envelope: dict[str, Any] | None, text: str) -> StudioError:
    error = (envelope or {}).get("error") or {}
    code, said = str(error.get("code", "")), str(error.get("message", ""))
    everything = f"{code} {said} {text}".lower()
    for mark, means, do in _MEANINGS:
        if mark in everything:
            return _failed(arguments, code, means, do, said or _last(text))
    return _failed(arguments, code, said or _last(text) or "it gave no reason", said=said)


def _failed(
    arguments: Sequence[str], code: str, why: str, do: str = "", said: str = ""
) -> StudioError:
    shown = " ".join(["comfy", *arguments])
    return StudioError(
        COMFY_CLI_FAILED,
        f"'{shown}' failed: {why[:300]}.",
        hint=do or f"Run '{shown}' by hand to see all it says.",
        comfy_code=code,
        said=said[:500],
    )


def _last(text: str) -> str:
    lines = [line.strip(" │╭╰╮╯─\r") for line in text.splitlines()]
    return next((line for line in reversed(lines) if line), "")
