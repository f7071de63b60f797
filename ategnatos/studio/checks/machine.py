"""Checks that need no studio: Python, the system, the command itself, engines, the terminal."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ategnatos.guard.gate import person_present
from ategnatos.studio.checks.finding import Finding, failed, note, well
from ategnatos.studio.engine_states import look_at_all

OLDEST_PYTHON = (3, 11)


def python() -> Iterator[Finding]:
    """Is this Python one that the program supports?"""
    found = f"Python {platform.python_version()} in {sys.prefix}"
    if sys.version_info < OLDEST_PYTHON:
        yield failed(
            "Python",
            found,
            "The program is written for Python 3.11 or newer and may break anywhere.",
            "Install a newer Python, then: pip install ategnatos",
        )
    else:
        yield well("Python", found)


def system() -> Iterator[Finding]:
    """Is this Linux or macOS?"""
    found = f"{platform.system()} {platform.release()}, {platform.machine()}"
    if platform.system() in {"Linux", "Darwin"}:
        yield well("system", found)
    else:
        yield failed(
            "system",
            found,
            "Only Linux and macOS are supported (on Windows: inside WSL).",
            "See https://learn.microsoft.com/windows/wsl/install",
        )


def command() -> Iterator[Finding]:
    """Does a shell, and so a coding agent, find the program by its name?"""
    found = shutil.which("ategnatos")
    if found is None:
        folder = Path(sys.executable).parent
        yield note(
            "command",
            "'ategnatos' is not on PATH.",
            "A coding agent calls it by that name, and its permission rule covers only that name.",
            f'export PATH="{folder}:$PATH"',
        )
    elif Path(found).resolve().parent != Path(sys.executable).parent.resolve() and not _same(found):
        yield note(
            "command",
            f"'ategnatos' on PATH is {found}; this one runs in {sys.prefix}.",
            "Two installations may differ in version; an agent uses the one on PATH.",
            f'export PATH="{Path(sys.executable).parent}:$PATH"',
        )
    else:
        yield well("command", found)


def _same(found: str) -> bool:
    """Whether the program found runs with this Python (a link such as pipx makes)."""
    with Path(found).open("rb") as file:
        first = file.readline(4096).decode(errors="replace")
    return first.startswith("#!") and first[2:].strip().strip("'\"") == sys.executable


def engines() -> Iterator[Finding]:
    """Can each installed engine work now?

    One that has no server running stops nobody while another works; one that is broken, or that
    leaves the studio without any, has to be mended.
    """
    states = look_at_all(closely=True)
    any_works = any(state.ok for state in states)
    for state in states:
        check = f"engine {state.name}"
        if state.ok:
            yield well(check, state.message)
        elif state.label and any_works:
            yield note(
                check, state.message, "No picture can be made with this engine now.", state.hint
            )
        else:
            yield failed(
                check, state.message, "No picture can be made with this engine.", state.hint
            )
    if not states:
        yield failed(
            "engines",
            "No engine is installed.",
            "No picture can be made.",
            "pip install --force-reinstall ategnatos",
        )


def terminal() -> Iterator[Finding]:
    """Could a person give a verdict from here?"""
    if person_present():
        yield well("terminal", "A person can give verdicts from here.")
    else:
        yield note(
            "terminal",
            "No person can be asked from here (no terminal, or an agent's shell).",
            "Approving and rejecting are refused here; everything else works.",
            "Run 'ategnatos art approve' and 'art reject' in your own terminal.",
        )
