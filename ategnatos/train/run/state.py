"""``training-state.json``: how a run stands, for whoever has its folder and nothing else.

Written whole before the trainer starts and at each event; ``live.json`` beside it holds what
changes with every look (step, loss, memory) and may be lost.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ategnatos.grimoire.files import explained, write_atomic

FILE = "training-state.json"
LIVE = "live.json"
WANTED = "wanted.json"


def read(folder: Path) -> dict[str, Any]:
    """What stands there; {} where there is none or it cannot be read."""
    return _object(folder / FILE)


def live(folder: Path) -> dict[str, Any]:
    """What the last look saw; {} before the first."""
    return _object(folder / LIVE)


def change(folder: Path, **values: Any) -> dict[str, Any]:
    """Set values and write it whole. Raises StudioError (``disk_full``, ``write_failed``)."""
    # What is there and cannot be read just now must not be written over: it names the tries.
    with explained(folder / FILE, "The state of the run is as it was."):
        made = {**_parsed(_bytes(folder / FILE)), **values}
    _write(folder / FILE, made)
    return made


def put_live(folder: Path, values: dict[str, Any]) -> None:
    """Write what a look saw."""
    _write(folder / LIVE, values)


def want_stop(folder: Path, who: str, *, after: str | None = None) -> None:
    """Have whoever follows the run, now or next, stop it; ``after``: once there is a newer save
    than the one of that name ("": any). A file of its own: the others belong to who follows.
    """
    _write(folder / WANTED, {"stop": who} if after is None else {"stop": who, "after": after})


def wish(folder: Path) -> dict[str, Any]:
    """What :func:`want_stop` wrote; {} where nobody wants it stopped."""
    return _object(folder / WANTED)


def stop_heeded(folder: Path) -> None:
    """The wish is fulfilled, or taken back."""
    (folder / WANTED).unlink(missing_ok=True)


def _write(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(values, indent=1, ensure_ascii=False, sort_keys=True, default=str)
    write_atomic(path, text.encode() + b"\n")


def _object(path: Path) -> dict[str, Any]:
    try:
        return _parsed(_bytes(path))
    except OSError:
        return {}


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
