"""Download a model file: resumed where it was cut, checked while it comes, in place at once.

Bytes go into ``NAME.part`` beside the goal; ``NAME.part.json`` says which version of which
address they are. Only a file whose size, hash and header are right takes the name, by one link
that replaces nothing. Repeated here by hand and not by a library: a GET may be repeated for as
long as it makes progress, which is no count of attempts.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import explained, sync_folder, write_all
from ategnatos.guard.values.tensor_header import read_header
from ategnatos.studio.models import refusals, remote, wrong_content
from ategnatos.studio.models.part import Part, Wanted, put_in_place
from ategnatos.studio.models.scan import hash_file

if TYPE_CHECKING:
    from ategnatos.guard.values.urls import Url
    from ategnatos.studio.models.sources import Credentials

# Left free beside the file: a full disk breaks more than a download.
RESERVE_BYTES = 512 << 20
# Attempts in a row that bring next to nothing.
FRUITLESS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 20.0
# Fewer bytes than this in one patience, or in one attempt, is a connection that pretends to live.
_LEAST_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Got:
    """``fresh`` False: it was there. ``resumed``: bytes that came before this call."""

    path: Path
    size: int
    sha256: str
    fresh: bool
    resumed: int = 0


@dataclass(frozen=True, slots=True)
class Manner:
    """How to download. ``patience`` is for each silence, ``wait`` for another download of the
    same file, both in seconds. ``progress`` is told bytes done and in all (None: not known).
    """

    credentials: Credentials
    patience: float = 60.0
    wait: float = 6 * 3600.0
    pause: float = _FIRST_PAUSE
    reserve: int = RESERVE_BYTES
    progress: Callable[[int, int | None], None] = lambda done, whole: None
    say: Callable[[str], None] = lambda text: None


def download(wanted: Wanted, manner: Manner) -> Got:
    """Get the file. A second call for the same file waits for the first and finds it there.

    Raises StudioError: ``model_exists``, ``no_space``, ``download_not_model`` (removed),
    ``download_damaged`` (removed), ``download_cut`` (kept for the next call),
    ``download_refused``, ``redirect_refused``, ``download_busy``, ``write_failed``.
    """
    with explained(wanted.path, "Nothing was put in place."):
        wanted.path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(wanted.path, manner):
        if wanted.path.exists():
            return _there(wanted)
        part = Part(wanted)
        resumed = part.size
        digest = _repeat(wanted, manner, part)
        return _finish(wanted, part, digest, resumed)


def name_of(url: Url, credentials: Credentials, *, patience: float = 30.0) -> str:
    """What the server calls the file; its body is not read.

    Raises StudioError (``download_refused``, ``redirect_refused``, ``download_cut``).
    """
    import httpx

    try:
        with remote.get(url, credentials=credentials, patience=patience) as reply:
            return reply.name
    except httpx.HTTPError as error:
        raise refusals.unreachable(url, f"{type(error).__name__}: {error}") from error


def _repeat(wanted: Wanted, manner: Manner, part: Part) -> str:
    """Attempts until the file is whole; its SHA-256."""
    import httpx

    fruitless, pause = 0, manner.pause
    while True:
        before = part.size
        try:
            with explained(part.path, "What came so far is kept."):
                digest, why = _attempt(wanted, manner, part)
            if digest:
                return digest
        except httpx.HTTPError as error:
            why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        fruitless = 0 if part.size - before >= _LEAST_BYTES else fruitless + 1
        if fruitless >= FRUITLESS:
            raise refusals.cut(wanted, part, why)
        pause = manner.pause if fruitless == 0 else min(pause * 2, _LONGEST_PAUSE)
        manner.say(f"The connection broke at {part.size:,} bytes ({why}); going on")
        time.sleep(pause)


def _attempt(wanted: Wanted, manner: Manner, part: Part) -> tuple[str, str]:
    """One request: the hash of the whole, or "" and why it is not whole."""
    start = part.size if part.validator else 0
    with remote.get(
        wanted.url,
        credentials=manner.credentials,
        patience=manner.patience,
        start=start,
        validator=part.validator,
    ) as reply:
        if reply.status == 416 and reply.size == start:
            return hash_file(part.path), ""
        if reply.status == 206 and (reply.start != start or reply.validator != part.validator):
            # Another version than ours, or other bytes than were asked for.
            part.clear()
            return "", "the file changed on the server, so it begins anew"
        if reply.status not in {200, 206}:
            if reply.status == 416:
                part.clear()
            return "", f"the server answered {reply.status}"
        if reply.status == 200 and start:
            part.clear()
        _check_reply(wanted, part, reply)
        _check_space(wanted, manner, part)
        digest = _receive(wanted, manner, part, reply)
        return digest, "" if digest else "the server sent less than it had promised"


def _check_reply(wanted: Wanted, part: Part, reply: remote.Reply) -> None:
    if reply.content_type in {"text/html", "application/xhtml+xml"}:
        part.clear()
        raise refusals.not_model(wanted, "a web page (most often a login page)")
    if wanted.size is not None and reply.size is not None and reply.size != wanted.size:
        part.clear()
        raise refusals.damaged(wanted, f"it has {reply.size:,} bytes and not {wanted.size:,}")
    part.whole = reply.size if reply.size is not None else part.whole
    if part.sha256 and reply.sha256 and part.sha256 != reply.sha256:
        part.clear()
        raise refusals.damaged(wanted, f"the site states the hash {reply.sha256[:12]}... for it")
    part.sha256 = part.sha256 or reply.sha256
    part.remember(reply.validator)


def _check_space(wanted: Wanted, manner: Manner, part: Part) -> None:
    import shutil

    need = (part.whole or wanted.about_bytes) - part.size
    free = shutil.disk_usage(part.path.parent).free
    if need + manner.reserve <= free:
        return
    raise StudioError(
        refusals.NO_SPACE,
        f"{wanted.path.name} needs {need:,} bytes more and {free:,} are free in"
        f" {part.path.parent} (of which {manner.reserve:,} are left alone). Nothing was"
        " downloaded.",
        hint="Free space there ('ategnatos clean' shows what is safe to delete), or choose"
        " another folder with --models.",
        need=need,
        free=free,
    )


def _receive(wanted: Wanted, manner: Manner, part: Part, reply: remote.Reply) -> str:
    """Take the body in; the hash of the whole, "" where it ended early."""
    digest = hashlib.sha256()
    done = part.size if reply.status == 206 else 0
    if done:
        with part.path.open("rb") as file:
            while piece := file.read(1 << 22):
                digest.update(piece)
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_APPEND if done else os.O_TRUNC)
    descriptor = os.open(part.path, flags, 0o644)
    try:
        head, judged = b"", done > 0
        for piece in _lively(reply.pieces(), manner.patience):
            if not judged:
                head += piece[: wrong_content.HEAD_BYTES]
                judged = len(head) >= wrong_content.HEAD_BYTES
                if judged:
                    _judge(wanted, part, head)
            done += len(piece)
            if part.whole is not None and done > part.whole:
                part.clear()
                raise refusals.damaged(wanted, f"more than its {part.whole:,} bytes came")
            write_all(descriptor, piece)
            digest.update(piece)
            manner.progress(done, part.whole)
        if not judged:
            _judge(wanted, part, head)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    whole = part.whole is None or done == part.whole
    return digest.hexdigest() if whole else ""


def _lively(pieces: Iterator[bytes], patience: float) -> Iterator[bytes]:
    """``pieces``, unless they come so slowly that nothing is coming. Raises httpx.ReadTimeout."""
    import httpx

    since, count = time.monotonic(), 0
    for piece in pieces:
        yield piece
        count += len(piece)
        if time.monotonic() - since > patience:
            if count < _LEAST_BYTES:
                raise httpx.ReadTimeout(f"only {count} bytes in {patience:.0f} seconds")
            since, count = time.monotonic(), 0


def _judge(wanted: Wanted, part: Part, head: bytes) -> None:
    what = wrong_content.what_is_it(head, suffix=wanted.path.suffix.lower())
    if what:
        part.clear()
        raise refusals.not_model(wanted, what)


def _finish(wanted: Wanted, part: Part, digest: str, resumed: int) -> Got:
    """Check the whole, and give it its name. Raises as :func:`download`."""
    size = part.size
    why = ""
    if part.sha256 and digest != part.sha256:
        why = f"its hash is {digest[:12]}... and not {part.sha256[:12]}..."
    elif wanted.size is not None and size != wanted.size:
        why = f"it has {size:,} bytes and not {wanted.size:,}"
    elif wanted.about_bytes and not 0.9 < size / wanted.about_bytes < 1.1:
        why = f"it has {size:,} bytes, and about {wanted.about_bytes:,} were expected"
    elif wanted.path.suffix.lower() in {".safetensors", ".sft"}:
        try:
            read_header(part.path)
        except StudioError as error:
            why = error.message
    if why:
        part.clear()
        raise refusals.damaged(wanted, why)
    with explained(wanted.path, f"The whole file lies in {part.path}."):
        put_in_place(part.path, wanted.path)
        part.note.unlink(missing_ok=True)
        sync_folder(wanted.path.parent)
    return Got(wanted.path, size, digest, fresh=True, resumed=resumed)


def _there(wanted: Wanted) -> Got:
    digest, size = hash_file(wanted.path), wanted.path.stat().st_size
    other = (wanted.sha256 and digest != wanted.sha256.lower()) or (
        wanted.size is not None and size != wanted.size
    )
    if other:
        raise StudioError(
            refusals.MODEL_EXISTS,
            f"{wanted.path} is there already and is another file (hash {digest[:12]}...). Nothing"
            " was downloaded.",
            hint="Choose another name with --name, or move the old file away.",
            path=str(wanted.path),
            sha256=digest,
        )
    return Got(wanted.path, size, digest, fresh=False)


@contextmanager
def _alone(path: Path, manner: Manner) -> Iterator[None]:
    """One download of a file at a time. Raises StudioError (``download_busy``)."""
    from filelock import FileLock, Timeout

    from ategnatos.studio.comfyui.instances import home

    key = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:16]
    lock = FileLock(home() / f"download-{key}.lock", poll_interval=0.05)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            manner.say(f"Another command downloads {path.name}; waiting for it")
            lock.acquire(timeout=manner.wait)
    except Timeout:
        raise StudioError(
            refusals.DOWNLOAD_BUSY,
            f"Another command has been downloading {path.name} for {manner.wait:.0f} seconds;"
            " nothing was downloaded here.",
            hint="Wait for it, then run this again: it finds the file.",
            path=str(path),
        ) from None
    try:
        yield
    finally:
        lock.release()
