"""The desktop's keyring, asked through a program of its own and never waited for too long.

A machine without a desktop has none: that is seen without starting anything. A keyring that
fails or hangs is a problem to report, never a reason to stop: the file is looked at next.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Long enough for a person to unlock the keyring in the window that it may show.
ANSWER_SECONDS = 15.0
SECONDS_VARIABLE = "ATEGNATOS_KEYRING_SECONDS"


@dataclass(frozen=True, slots=True)
class Answer:
    """``values`` by key. ``absent`` or ``problem`` say why there are none, as half a sentence."""

    values: dict[str, str] = field(default_factory=dict)
    backend: str = ""
    absent: str = ""
    problem: str = ""

    @property
    def works(self) -> bool:
        """Whether a keyring answered."""
        return not self.absent and not self.problem


def read(keys: Iterable[str]) -> Answer:
    """The values that the keyring has of ``keys``. Raises nothing."""
    return _ask({"get": list(keys)})


def write(key: str, value: str) -> Answer:
    """Store ``value``; the answer says whether it was. Raises nothing."""
    return _ask({"set": key, "value": value})


def delete(key: str) -> Answer:
    """Take ``key`` out, if it is there. Raises nothing."""
    return _ask({"delete": key})


def why_absent() -> str:
    """Why there can be no keyring here, without starting anything; empty where there may be one."""
    named = os.environ.get("PYTHON_KEYRING_BACKEND", "")
    if named:
        return "it is switched off" if named.endswith((".null.Keyring", ".fail.Keyring")) else ""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    if sys.platform == "darwin" or (home / "python_keyring" / "keyringrc.cfg").is_file():
        return ""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if os.environ.get("DBUS_SESSION_BUS_ADDRESS") or (runtime and Path(runtime, "bus").exists()):
        return ""
    return "this machine has no desktop session"


def _ask(order: dict[str, Any]) -> Answer:
    if absent := why_absent():
        return Answer(absent=absent)
    seconds = _seconds()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "ategnatos.guard.secrets.keyring_child"],
            input=json.dumps(order).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            # Without a terminal of its own it cannot stop to ask a question there.
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(problem=f"it did not answer within {seconds:g} seconds")
    except OSError as error:
        return Answer(problem=f"it could not be asked ({error.strerror})")
    try:
        found = json.loads(done.stdout)
        values = {key: value for key, value in found.get("values", {}).items() if value}
        return Answer(
            values, found.get("backend", ""), found.get("absent", ""), found.get("problem", "")
        )
    except (ValueError, AttributeError):
        return Answer(problem=f"it ended with exit code {done.returncode} and no answer")


def _seconds() -> float:
    try:
        return max(0.1, min(float(os.environ[SECONDS_VARIABLE]), 600.0))
    except (KeyError, ValueError):
        return ANSWER_SECONDS
