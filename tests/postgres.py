"""A real Postgres server of our own, for a test or a benchmark: started, crashed, ended."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

# initdb refuses to run as root; Debian's package makes this user.
_SERVER_USER = "postgres"


def programs() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``: on PATH, or where Debian puts them."""
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).resolve().parent
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    return places[-1] if places else None


def why_not() -> str:
    """Why no server can be started here, or nothing."""
    if programs() is None:
        return "needs a Postgres server: apt-get install postgresql"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "needs psycopg: pip install 'ategnatos[postgres]'"
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        return "Postgres does not run as root, and there is no runuser"
    return ""


def faketime_library() -> Path | None:
    """The library that moves a program's clock, where Debian or Homebrew puts it."""
    places = (
        *Path("/usr/lib").glob("*/faketime/libfaketime.so.1"),
        Path("/opt/homebrew/lib/faketime/libfaketime.1.dylib"),
    )
    return next((place for place in places if place.exists()), None)


class Server:
    """One server in a temporary folder, on a free port of the loopback interface.

    ``skewable`` starts it under libfaketime, where that is installed, so that
    :meth:`set_clock` can move its clock.
    """

    def __init__(self, *, skewable: bool = False) -> None:
        found = programs()
        assert found is not None
        self._bin = found
        library = faketime_library()
        self.skewable = skewable and library is not None
        self._clock: tuple[str, ...] = ()
        self.folder = Path(tempfile.mkdtemp(prefix="ategnatos-pg-"))
        self.data = self.folder / "data"
        if os.geteuid() == 0:
            shutil.chown(self.folder, _SERVER_USER)
        self.folder.chmod(0o755)
        if self.skewable:
            self.set_clock(0.0)
            self._clock = (
                "env",
                f"LD_PRELOAD={library}",
                f"FAKETIME_TIMESTAMP_FILE={self.folder / 'clock'}",
                "FAKETIME_CACHE_DURATION=1",
                "FAKETIME_DONT_FAKE_MONOTONIC=1",
            )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", "studio", "-E", "UTF8", "-N")
        (self.data / "postgresql.auto.conf").write_text(
            f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nmax_connections = 60\n"
            f"unix_socket_directories = '{self.folder}'\nshared_buffers = '16MB'\n"
            "log_min_messages = fatal\n"
        )
        self.start()

    @property
    def url(self) -> str:
        """The server's first database."""
        return f"postgresql://studio@127.0.0.1:{self.port}/postgres"

    def fresh(self, name: str) -> str:
        """The URL of a new, empty database."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        return f"postgresql://studio@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start it and wait until it answers; after a crash it recovers first."""
        log = str(self.folder / "log")
        start = ("-D", str(self.data), "-l", log, "-w", "-t", "60", "start")
        self._run("pg_ctl", *start, before=self._clock)

    def set_clock(self, skew: float) -> None:
        """Let the server's clock be ``skew`` seconds from the real one, within a second."""
        (self.folder / "clock").write_text(f"{skew:+.0f}\n")

    def crash(self) -> None:
        """End it at once, without a checkpoint: what a power cut leaves."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        """End it and delete its folder."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(
        self, program: str, *arguments: str, check: bool = True, before: tuple[str, ...] = ()
    ) -> None:
        command = [*before, str(self._bin / program), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", _SERVER_USER, "--", *command]
        done = subprocess.run(
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=120,
        )
        if check and done.returncode:
            log = self.folder / "log"
            said = log.read_text() if log.exists() else done.stdout
            raise RuntimeError(f"{program} failed with {done.returncode}: {said!r}")
