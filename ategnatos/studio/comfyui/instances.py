"""What this program started: one small file a port, beside its log, on this machine alone.

They lie in the user's state folder and not in a studio: a port and a GPU belong to the machine,
and two studios must see the same server.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ategnatos.grimoire.files import explained, write_atomic
from ategnatos.studio.comfyui.processes import Identity

ENVIRONMENT = "ATEGNATOS_STATE_DIR"


@dataclass(frozen=True, slots=True)
class Instance:
    """A server that this program started. ``started_at`` is ISO-8601; ``seconds`` is how long it
    took until it answered (0.0: it has not yet). ``tmux`` is its session, "" without one.
    """

    port: int
    pid: int
    started: float
    started_at: str
    folder: str
    command: tuple[str, ...]
    tmux: str = ""
    seconds: float = 0.0

    @property
    def identity(self) -> Identity:
        """Its process."""
        return Identity(self.pid, self.started)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"


def home() -> Path:
    """The folder of records and logs, made where it is not there (for this user alone)."""
    from platformdirs.unix import Unix

    named = os.environ.get(ENVIRONMENT)
    folder = Path(named) if named else Unix("ategnatos", appauthor=False).user_state_path
    folder = folder / "comfyui"
    with explained(folder, "Nothing was started."):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def log_path(port: int) -> Path:
    """The log of the server on ``port``."""
    return home() / f"{port}.log"


def read(port: int) -> Instance | None:
    """What was started on ``port``; None where nothing is on record, or it cannot be read."""
    try:
        said = json.loads((home() / f"{port}.json").read_bytes())
        return Instance(**{**said, "command": tuple(said["command"])})
    except (OSError, ValueError, TypeError, KeyError):
        # A record that cannot be read proves nothing; the port itself is asked anyway.
        return None


def everything() -> list[Instance]:
    """Every server on record, by port."""
    ports = sorted(int(p.stem) for p in home().glob("*.json") if p.stem.isdecimal())
    return [found for port in ports if (found := read(port)) is not None]


def write(instance: Instance) -> None:
    """Put an instance on record. Raises StudioError (``write_failed``, ``disk_full``)."""
    data = json.dumps(asdict(instance), indent=1).encode()
    write_atomic(home() / f"{instance.port}.json", data, mode=0o600)


def usual_start(port: int) -> float:
    """Seconds until a server on ``port`` answered when it was last started; 0.0: not known."""
    try:
        return float((home() / f"{port}.took").read_text("ascii"))
    except (OSError, ValueError):
        return 0.0


def remember_start(port: int, seconds: float) -> None:
    """Keep how long a start took, beyond the life of its record."""
    write_atomic(home() / f"{port}.took", f"{seconds:.2f}".encode(), mode=0o600)


def forget(port: int) -> None:
    """Take it off the record; its log stays."""
    (home() / f"{port}.json").unlink(missing_ok=True)


@contextmanager
def hold(port: int, *, who: str, wait: float = 1.0) -> Iterator[None]:
    """Be the only one who uses the server on ``port``, in all studios of this account.

    Raises StudioError (``resource_held``, with who holds it).
    """
    from ategnatos.guard.locks import resource

    with resource(f"comfyui:127.0.0.1:{port}", who=who, timeout=wait):
        yield
