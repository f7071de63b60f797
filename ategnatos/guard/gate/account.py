"""What the gate keeps outside every studio, in this account's own folder."""

from __future__ import annotations

import os
import pwd
import stat
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError

KEY_UNSAFE = ErrorCode("key_unsafe", "A file of the gate can be read or changed by others.")

# The longest file that is read: a key is about 600 bytes, pins about 300 bytes a studio.
_LONGEST = 1 << 20


def folder() -> Path:
    """``~/.config/ategnatos``, or below XDG_CONFIG_HOME where that is set; not created here."""
    from platformdirs.unix import Unix

    # The same folder on macOS: one place in the documents, and in a person's memory.
    return Unix("ategnatos", appauthor=False).user_config_path


def home_folder() -> Path:
    """The same by the account's own home, whatever HOME and XDG_CONFIG_HOME say."""
    return Path(pwd.getpwuid(os.getuid()).pw_dir) / ".config" / "ategnatos"


def make_folder() -> Path:
    """The folder, made with mode 0700. Raises StudioError (``key_unsafe``)."""
    place = folder()
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = place.stat()
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
        raise _unsafe(place, found, f"chmod 700 '{place}'")
    return place


def read(path: Path, *, owners: frozenset[int] | None = None, secret: bool) -> bytes | None:
    """A file's bytes; None where there is none.

    It must be a plain file of one of ``owners`` (user ids; default: this account), closed to
    changes by others, and for a ``secret`` closed to their eyes too. Raises StudioError
    (``key_unsafe``).
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StudioError(
            KEY_UNSAFE,
            f"{path} cannot be opened ({error.strerror}); it was not used.",
            hint=f"It should be a plain file of yours: look with 'ls -l {path}'.",
            path=str(path),
        ) from error
    try:
        found = os.fstat(descriptor)
        forbidden = 0o077 if secret else 0o022
        if (
            not stat.S_ISREG(found.st_mode)
            or found.st_uid not in (owners or {os.geteuid()})
            or stat.S_IMODE(found.st_mode) & forbidden
        ):
            raise _unsafe(path, found, f"chmod {'600' if secret else '644'} '{path}'")
        pieces = []
        while piece := os.read(descriptor, _LONGEST):
            pieces.append(piece)
            if sum(map(len, pieces)) > _LONGEST:
                raise _unsafe(path, found, f"ls -l '{path}'")
    finally:
        os.close(descriptor)
    return b"".join(pieces)


def _unsafe(path: Path, found: os.stat_result, mend: str) -> StudioError:
    return StudioError(
        KEY_UNSAFE,
        f"{path} has owner {found.st_uid} and mode {stat.S_IMODE(found.st_mode):03o}; others could"
        " read or change it, so it was not used.",
        hint=f"If it is yours, and you know why it is so: {mend}",
        path=str(path),
        mode=f"{stat.S_IMODE(found.st_mode):03o}",
        owner=found.st_uid,
    )
