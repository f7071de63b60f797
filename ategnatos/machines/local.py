"""This computer as a machine: the same four verbs, with no wire between."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from ategnatos.grimoire.errors import StudioError
from ategnatos.machines import (
    MACHINE_COPY,
    MACHINE_TIMEOUT,
    MACHINE_UNREACHABLE,
    MachineFacts,
    Ran,
    probe,
)

_FACTS_SECONDS = 30.0


class LocalMachine:
    """This computer. ``home`` is where relative paths start; default: the home folder."""

    name = "local"

    def __init__(self, home: Path | None = None) -> None:
        self._home = home or Path.home()

    def run(
        self,
        command: Sequence[str],
        *,
        folder: str = "",
        env: Mapping[str, str] | None = None,
        input: bytes = b"",
        timeout: float | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> Ran:
        """As :meth:`Machine.run`; on a time-out everything that the command started is ended."""
        try:
            process = subprocess.Popen(
                list(command),
                cwd=self._home / folder,
                env={**os.environ, **(env or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError, IndexError) as error:
            raise StudioError(
                MACHINE_UNREACHABLE,
                f"{command[0] if command else 'The empty command'} cannot be started here"
                f" ({error}). Nothing ran.",
                hint="Look whether the program is installed and the folder is there.",
                machine=self.name,
                started=False,
            ) from error
        return _followed(process, input, timeout, on_line, self.name)

    def push(self, source: Path, target: str) -> None:
        """As :meth:`Machine.push`."""
        _copied(source, self._home / target)

    def pull(self, source: str, target: Path) -> None:
        """As :meth:`Machine.pull`."""
        _copied(self._home / source, target)

    def facts(self) -> MachineFacts:
        """As :meth:`Machine.facts`."""
        ran = self.run(["sh", "-s"], input=probe.SCRIPT.encode(), timeout=_FACTS_SECONDS)
        return probe.read(ran.output)


def _followed(
    process: subprocess.Popen[bytes],
    given: bytes,
    timeout: float | None,
    on_line: Callable[[str], None] | None,
    name: str,
) -> Ran:
    output: list[str] = []
    errors: list[str] = []
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill(process)

    clock = threading.Timer(timeout, end) if timeout is not None else None
    threads = [
        threading.Thread(target=_write, args=(process.stdin, given), daemon=True),
        threading.Thread(target=_collect, args=(process.stderr, errors), daemon=True),
    ]
    for one in (*threads, *([clock] if clock is not None else [])):
        one.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            text = line.decode("utf-8", "replace")
            output.append(text)
            if on_line is not None:
                on_line(text.rstrip("\r\n"))
        status = process.wait()
    except BaseException:
        _kill(process)
        process.wait()
        raise
    finally:
        if clock is not None:
            clock.cancel()
        for one in threads:
            one.join(timeout=5)
    if late.is_set():
        raise StudioError(
            MACHINE_TIMEOUT,
            f"The command on {name} ran longer than {timeout:g} seconds and was ended.",
            hint="Give it more time, or look on the machine at what it waits for.",
            machine=name,
            output="".join(output)[-2000:],
        )
    return Ran(status, "".join(output), "".join(errors))


def _write(pipe: IO[bytes] | None, given: bytes) -> None:
    assert pipe is not None
    try:
        with pipe:
            pipe.write(given)
    except (BrokenPipeError, OSError):
        return  # a command need not read what it is given


def _collect(pipe: IO[bytes] | None, into: list[str]) -> None:
    assert pipe is not None
    with pipe:
        into += [line.decode("utf-8", "replace") for line in pipe]


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()


def _copied(source: Path, target: Path) -> None:
    """A file, or what is in a folder; each file appears under its name once it is whole."""
    try:
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            for one in sorted(source.iterdir()):
                _copied(one, target / one.name)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise IsADirectoryError(f"{target} is a folder")
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
        try:
            shutil.copy2(source, name)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StudioError(
            MACHINE_COPY,
            f"{source} could not be copied to {target} ({error.strerror or error}). What was"
            " copied whole before stays.",
            hint="Look at the path, the rights and the free space, and run it again.",
            source=str(source),
        ) from error
