"""The journal's two files as bytes: where it ends, what a crash left there, and its head.

``journal.head`` holds the number and hash of the last line. It is written after the line is on
the disk and is never synced: after a crash it may lag behind the journal, which is harmless,
but it can never be ahead of an untouched one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ategnatos.grimoire.files import sync_file, sync_folder, write_all
from ategnatos.grimoire.project import MARKER, Project

_PIECE = 1 << 16
# Twenty digits, a space, 64 hex digits, a newline.
_HEAD_LENGTH = 86


@dataclass(frozen=True, slots=True)
class Head:
    """What the journal's last line was when it was written."""

    number: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Tail:
    """How the journal ends.

    ``last_line`` has no newline and is empty for an empty journal. ``end`` is the byte offset
    after the last whole line; ``torn`` are the bytes beyond it.
    """

    last_line: bytes
    end: int
    torn: bytes
    head: Head | None


def read_tail(project: Project, descriptor: int) -> Tail:
    """Read backwards from the end as far as needed. Raises OSError."""
    start = os.fstat(descriptor).st_size
    buffer = b""
    while start > 0 and buffer.count(b"\n") < 2:
        length = min(_PIECE, start)
        start -= length
        buffer = os.pread(descriptor, length, start) + buffer
    newline = buffer.rfind(b"\n")
    whole = buffer[:newline] if newline >= 0 else b""
    return Tail(
        last_line=whole[whole.rfind(b"\n") + 1 :],
        end=start + newline + 1,
        torn=buffer[newline + 1 :],
        head=read_head(project),
    )


def read_head(project: Project) -> Head | None:
    """The recorded head, or None where there is none or a power cut spoilt it."""
    try:
        descriptor = os.open(_head_path(project), os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        text = os.read(descriptor, _HEAD_LENGTH).decode("ascii")
    except UnicodeDecodeError:
        return None
    finally:
        os.close(descriptor)
    number, _, rest = text.partition(" ")
    digest = rest[:64]
    if not number.isdigit() or len(digest) != 64:
        return None
    return Head(int(number), digest)


def write_head(project: Project, number: int, sha256: str, *, created: bool = False) -> None:
    """Remember the last line; ``created`` also makes the journal's name itself durable.

    Written in place in one piece of constant length: a crash leaves the old text or the new.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(_head_path(project), flags, 0o644)
    try:
        os.pwrite(descriptor, f"{number:020d} {sha256}\n".encode("ascii"), 0)
    finally:
        os.close(descriptor)
    if created:
        sync_folder(project.state)


def set_torn_aside(project: Project, descriptor: int, tail: Tail, now: datetime) -> dict[str, Any]:
    """Move an unfinished last line to a file of its own; return the facts of the repair.

    The bytes are on the disk under their new name before they leave the journal.
    """
    aside = project.state / f"journal.torn-{now.strftime('%Y%m%dT%H%M%S%fZ')}"
    copy = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    try:
        write_all(copy, tail.torn)
        sync_file(copy)
    finally:
        os.close(copy)
    sync_folder(project.state)
    os.ftruncate(descriptor, tail.end)
    sync_file(descriptor)
    return {"bytes": len(tail.torn), "kept_in": aside.name}


def _head_path(project: Project) -> str:
    # The hot path keeps to strings: making a Path takes as long as writing the line.
    return f"{project.root}/{MARKER}/journal.head"
