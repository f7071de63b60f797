"""A studio in a fresh folder, used through the program alone, as a person uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.real.held import NotHeldError, hold
from tests.terminal import at_a_terminal

PROGRAM = (sys.executable, "-m", "ategnatos")
# Steps of real models on a processor take their time; this is for a machine that is also shared.
PATIENCE = 1800.0


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed: its exit status and its one JSON object."""

    code: int
    data: dict[str, Any]
    error: dict[str, Any]
    text: str


class Studio:
    """The studio, its own account (keys, locks) and the environment of its commands."""

    def __init__(self, base: Path, environment: Mapping[str, str]) -> None:
        self.base = base
        self.root = base / "studio"
        self.environment = {
            **os.environ,
            "XDG_CONFIG_HOME": str(base / ".config"),
            "XDG_STATE_HOME": str(base / ".state"),
            **environment,
        }

    def do(self, *words: str, patience: float = PATIENCE) -> Said:
        """Run ``ategnatos WORDS --json``; it must end with 0. Raises NotHeldError."""
        said = self.ask(*words, patience=patience)
        hold(said.code == 0, f"'ategnatos {' '.join(words)}' ended with {said.code}: {said.text}")
        return said

    def ask(self, *words: str, patience: float = PATIENCE) -> Said:
        """Run ``ategnatos WORDS --json``, whatever it ends with. Raises NotHeldError."""
        cwd = self.root if self.root.is_dir() else self.base
        try:
            done = subprocess.run(
                [*PROGRAM, *words, "--json"],
                cwd=cwd,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=patience,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NotHeldError(f"'ategnatos {' '.join(words)}' ran for {patience:.0f} s") from error
        try:
            found = json.loads(done.stdout)
        except ValueError:
            raise NotHeldError(
                f"'ategnatos {' '.join(words)}' ({done.returncode}) printed no JSON:"
                f" {(done.stdout + done.stderr)[-2000:]}"
            ) from None
        error = found.get("error") or {}
        text = json.dumps(error, ensure_ascii=False) if error else done.stderr[-1000:]
        return Said(done.returncode, found.get("data") or {}, error, text)

    def answer(self, *words: str, answers: tuple[str, ...]) -> str:
        """Run it as a person at a terminal who types ``answers``; what was on the screen."""
        cwd = self.root if self.root.is_dir() else self.base
        done = at_a_terminal(words, cwd=cwd, answers=answers, program=PROGRAM, **self.environment)
        hold(done.code == 0, f"'ategnatos {' '.join(words)}' ended with {done.code}: {done.out}")
        return done.out

    def status(self, name: str) -> dict[str, Any]:
        """``train status`` of a run or a plan."""
        return self.do("train", "status", name).data

    def wait(
        self, name: str, until: Callable[[dict[str, Any]], object], what: str
    ) -> dict[str, Any]:
        """Ask for the status until ``until`` says so. Raises NotHeldError after the patience, and
        where the run ends before.
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            seen = self.status(name)
            if until(seen):
                return seen
            over = seen["state"] in ("finished", "stopped", "failed", "diverged", "lost")
            hold(not over, f"the run {seen['says']} before {what}: {seen['why']}")
            time.sleep(2.0)
        raise NotHeldError(f"within {PATIENCE:.0f} s not: {what}")
