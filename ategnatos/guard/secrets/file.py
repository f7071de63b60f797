"""``~/.config/ategnatos/secrets``: one KEY=value a line, for the eyes of its owner alone.

Read as text, never run: no expansion, no commands. A file that others can read, or that somebody
else owns, is refused rather than used.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained, write_atomic

SECRETS_FILE_OPEN = ErrorCode("secrets_file_open", "Others can read the file of secrets.")
SECRETS_FILE_OWNER = ErrorCode("secrets_file_owner", "The file of secrets is somebody else's.")
SECRETS_FILE_INVALID = ErrorCode("secrets_file_invalid", "The file of secrets cannot be read.")

LARGEST = 64 * 1024
_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]{0,63})\s*=\s*(.*)", re.ASCII)
_HEAD = "# Secrets of Ategnatos: KEY=value, one a line. Keep this file to yourself (chmod 600).\n"


def path() -> Path:
    """Where the file is; it need not exist. The same place on macOS."""
    from platformdirs.unix import Unix

    return Unix("ategnatos", appauthor=False).user_config_path / "secrets"


def read() -> dict[str, str]:
    """Every entry; nothing where there is no file.

    Raises StudioError (``secrets_file_open``, ``secrets_file_owner``, ``secrets_file_invalid``).
    """
    return {key: value for _, key, value in _entries(_text()) if key}


def write(key: str, value: str | None) -> None:
    """Set ``key``, or take it out with None; every other line stays as it is.

    Raises StudioError as :func:`read`, and ``write_failed`` or ``disk_full``.
    """
    place = path()
    with explained(place, "No secret was stored."), _alone(place.parent):
        text = _text()
        lines = [line for line, found, _ in _entries(text) if found != key]
        if value is not None:
            lines.append(f"{key}={_quoted(value)}\n")
        if lines == [] and not text:
            return
        body = "".join(lines) if text else _HEAD + "".join(lines)
        write_atomic(Path(os.path.realpath(place)), body.encode(), 0o600)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Only one process at a time changes the file."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _text() -> str:
    place = path()
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        raise _invalid(place, f"it cannot be opened ({error.strerror})") from error
    try:
        facts = os.fstat(descriptor)
        _check(place, facts)
        raw = os.read(descriptor, LARGEST + 1)
    finally:
        os.close(descriptor)
    if len(raw) > LARGEST:
        raise _invalid(place, f"it is larger than {LARGEST // 1024} KiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid(place, "it is no UTF-8 text") from error
    return text if not text or text.endswith("\n") else text + "\n"


def _check(place: Path, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise _invalid(place, "it is no plain file")
    if facts.st_uid != os.geteuid():
        raise StudioError(
            SECRETS_FILE_OWNER,
            f"{place} belongs to another account (user id {facts.st_uid}), who could read and"
            " change it; it was not used.",
            hint=f"If its contents are yours: sudo chown {os.geteuid()} '{place}'",
            owner=facts.st_uid,
        )
    mode = stat.S_IMODE(facts.st_mode)
    if mode & 0o077:
        raise StudioError(
            SECRETS_FILE_OPEN,
            f"Other accounts can open {place} (its mode is {mode:03o}, and must be 600); it was"
            " not used.",
            hint=f"Run: chmod 600 '{place}'. If others use this machine, replace the keys too.",
            mode=f"{mode:03o}",
        )


def _entries(text: str) -> Iterator[tuple[str, str, str]]:
    """Each line with its newline, its key (empty for a comment) and its value."""
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            yield line, "", ""
            continue
        match = _LINE.fullmatch(bare)
        if match is None:
            # The line itself is not repeated: it may be a secret without its name.
            raise _invalid(path(), f"line {number} is not KEY=value")
        value = match.group(2)
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        yield line, match.group(1), value


def _quoted(value: str) -> str:
    """``value`` so that :func:`_entries` reads it back as it is."""
    quotes = value[:1] in {'"', "'"} or value != value.strip()
    return f'"{value}"' if quotes else value


def _invalid(place: Path, why: str) -> StudioError:
    return StudioError(
        SECRETS_FILE_INVALID,
        f"{place} was not used: {why}.",
        hint="Write one KEY=value a line, like HF_TOKEN=hf_...; lines with # are comments.",
    )
