"""The program ``sky``: where it is, how it is run. Its usage statistics are switched off."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError

SKY_MISSING = ErrorCode("sky_missing", "The program sky (SkyPilot) is not installed.")
SKY_TASK = ErrorCode("sky_task", "SkyPilot does not take the task.")

# The version whose options, answers and task format this was written for.
VERSION = "0.14.1"

_ENVIRONMENT = {"SKYPILOT_DISABLE_USAGE_COLLECTION": "1", "NO_COLOR": "1", "TERM": "dumb"}
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_MOST_LINES = 20_000
_CHECK = "import sys, sky; sky.Task.from_yaml(sys.argv[1])"
_CHECK_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Done:
    """One run of it. ``text`` is all that it printed. Status -1: it took too long and was ended."""

    status: int
    text: str

    @property
    def last(self) -> str:
        """Its last words."""
        lines = [line for line in self.text.splitlines() if line.strip()]
        return lines[-1] if lines else ""


Run = Callable[[Sequence[str], float, Callable[[str], None]], Done]


def own_folder() -> Path:
    """The environment that ``studio provider sky install`` makes."""
    from platformdirs.unix import Unix

    named = os.environ.get("ATEGNATOS_SKY", "")
    return Path(named) if named else Unix("ategnatos", appauthor=False).user_data_path / "sky"


def found() -> Path | None:
    """The program: on PATH, or in the environment of its own."""
    on_path = shutil.which("sky")
    if on_path is not None:
        return Path(on_path)
    own = own_folder() / "bin" / "sky"
    return own if os.access(own, os.X_OK) else None


def used() -> bool:
    """Whether this account has ever launched something of ours through it.

    Whoever has SkyPilot for other work is not to have its server started by our rounds.
    """
    return _mark().exists()


def mark_used() -> None:
    """Remember that from now on clusters of ours may be there."""
    _mark().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _mark().touch()


def _mark() -> Path:
    from platformdirs.unix import Unix

    named = os.environ.get("ATEGNATOS_MACHINES", "")
    state = Unix("ategnatos", appauthor=False).user_state_path
    return (Path(named) if named else state / "machines") / "sky-was-used"


def need() -> Path:
    """The program. Raises StudioError (``sky_missing``)."""
    place = found()
    if place is None:
        raise StudioError(
            SKY_MISSING,
            "SkyPilot is not installed here, so no cloud was asked.",
            hint="ategnatos studio provider sky install",
        )
    return place


def run(arguments: Sequence[str], seconds: float, say: Callable[[str], None]) -> Done:
    """Run ``sky ARGUMENTS`` to its end, at most ``seconds``; each line it prints is said.

    Raises StudioError (``sky_missing``).
    """
    return _finished([str(need()), *arguments], seconds, say)


def check(task: Path) -> None:
    """Have SkyPilot itself read the task. Raises StudioError (``sky_missing``, ``sky_task``)."""
    python = need().resolve().with_name("python")
    done = _finished([str(python), "-c", _CHECK, str(task)], _CHECK_SECONDS, lambda line: None)
    if done.status != 0:
        raise StudioError(
            SKY_TASK,
            f"SkyPilot does not take {task}: {done.last[:500]} Nothing was launched.",
            hint="Mend the file, or have it made anew: ategnatos studio provider sky task --help",
            task=str(task),
        )


def _finished(line: list[str], seconds: float, say: Callable[[str], None]) -> Done:
    process = subprocess.Popen(
        line,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **_ENVIRONMENT},
        text=True,
        errors="replace",
        start_new_session=True,
    )
    late = threading.Event()

    def end() -> None:
        late.set()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)

    clock = threading.Timer(seconds, end)
    clock.start()
    lines: list[str] = []
    try:
        assert process.stdout is not None
        with process.stdout:
            for raw in process.stdout:
                text = _ESCAPES.sub("", raw).rstrip("\r\n")
                if len(lines) < _MOST_LINES:
                    lines.append(text)
                if text.strip():
                    say(text)
        status = process.wait()
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
        raise
    finally:
        clock.cancel()
    return Done(-1 if late.is_set() else status, "\n".join(lines))
