"""Which keys this account has seen in which studio: the memory that a studio cannot rewrite.

Three files are read, where they are there: root's (``/etc/ategnatos/pins.json``), the one in
the account's own home, and the one below XDG_CONFIG_HOME. All must agree with the studio, so
that pointing HOME elsewhere hides nothing. Only the last is written.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import write_atomic
from ategnatos.grimoire.project import Project
from ategnatos.guard.gate import account

PINS_DAMAGED = ErrorCode("pins_damaged", "The file of pinned keys cannot be read as one.")

VERSION = "1.0"
FILE = "pins.json"
# Written by root, for a whole machine: the one file here that an account cannot change.
SYSTEM_FILE = Path("/etc/ategnatos/pins.json")


@dataclass(frozen=True, slots=True)
class Pin:
    """What was true when this account last looked.

    ``acts`` and ``head`` are the number of acts and the digest of the last; ``line`` and
    ``line_sha256`` a line of the journal that held a signature, and its hash (0 and "" for none).
    ``root`` is the studio's folder.
    """

    studio: str
    root: str
    acts: int
    head: str
    line: int = 0
    line_sha256: str = ""


def find(project: Project, studio: str | None) -> list[Pin]:
    """Every pin about this studio's id or this folder. Raises StudioError (``pins_damaged``,
    ``key_unsafe``).
    """
    root = os.fspath(project.root)
    return [pin for pin in _all() if pin.root == root or pin.studio == studio]


def remember(pin: Pin) -> None:
    """Write a pin in the place of this account's earlier one of the same studio.

    Raises StudioError (``pins_damaged``, ``key_unsafe``, ``write_failed``, ``disk_full``).
    """
    from filelock import FileLock

    path = account.make_folder() / FILE
    with FileLock(path.with_suffix(".lock"), timeout=30, mode=0o600):
        kept = [one for one in _read(path, secret=True) if one.studio != pin.studio]
        body = {"_schema_version": VERSION, "studios": [asdict(one) for one in [*kept, pin]]}
        write_atomic(path, json.dumps(body, indent=1).encode() + b"\n", 0o600)


def forget(studio: str) -> None:
    """Take this account's pin of a studio out. Raises StudioError as :func:`remember`."""
    from filelock import FileLock

    path = account.make_folder() / FILE
    with FileLock(path.with_suffix(".lock"), timeout=30, mode=0o600):
        kept = [asdict(one) for one in _read(path, secret=True) if one.studio != studio]
        body = {"_schema_version": VERSION, "studios": kept}
        write_atomic(path, json.dumps(body, indent=1).encode() + b"\n", 0o600)


def mark(project: Project, studio: str, line: int, sha256: str) -> None:
    """Remember a journal line that holds a signature: the journal cannot go back behind it."""
    for pin in _read(account.folder() / FILE, secret=True):
        if pin.studio == studio and line > pin.line:
            remember(replace(pin, root=os.fspath(project.root), line=line, line_sha256=sha256))


def _all() -> list[Pin]:
    mine = account.folder() / FILE
    home = account.home_folder() / FILE
    found = _read(SYSTEM_FILE, owners=frozenset({0}), secret=False)
    for path in dict.fromkeys((home, mine)):
        found += _read(path, secret=True)
    return found


def _read(path: Path, *, secret: bool, owners: frozenset[int] | None = None) -> list[Pin]:
    raw = account.read(path, owners=owners, secret=secret)
    if raw is None:
        return []
    try:
        body: dict[str, Any] = json.loads(raw)
        if body["_schema_version"] != VERSION:
            raise ValueError(f"its schema is {body['_schema_version']!r}")
        return [_checked(Pin(**one)) for one in body["studios"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StudioError(
            PINS_DAMAGED,
            f"{path} is not a file of pinned keys ({error}); without it nobody's signature can be"
            " trusted, so nothing was done.",
            hint=f"Bring it back from a backup of your home. If there is none: move {path} away,"
            " compare the fingerprints with the other approvers, then 'ategnatos gate trust'.",
            path=str(path),
        ) from error


def _checked(pin: Pin) -> Pin:
    texts = (pin.studio, pin.root, pin.head, pin.line_sha256)
    numbers = (pin.acts, pin.line)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a text is missing")
    if not all(isinstance(number, int) and number >= 0 for number in numbers):
        raise ValueError("a number is missing")
    return pin
