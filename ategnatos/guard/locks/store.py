"""Where the truth about holders lies: one small file a resource, changed under the system's lock.

In ``~/.local/state/ategnatos/locks``, not in a studio: a GPU and a ComfyUI server are shared by
every studio of an account, and two studios must not each believe that they have it. Not in
/tmp, where others could put links in the way. ``ATEGNATOS_LOCKS`` names another folder: one on a
disk that several machines share, or that several accounts may write.

Two files a resource: the facts, replaced whole and synced, which keep the last token when
nobody holds; and the gate, locked by flock for the millisecond of a change, never deleted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import explained, read_bytes, write_atomic
from ategnatos.guard.locks.holder import Holder, read_holder
from ategnatos.guard.locks.process import Process

LOCK_DAMAGED = ErrorCode("lock_damaged", "The facts about a lock cannot be read.")
LOCK_BUSY = ErrorCode("lock_busy", "The facts about a lock are being changed for too long.")

FOLDER_VARIABLE = "ATEGNATOS_LOCKS"
_GATE_SECONDS = 10.0
_POLL_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a resource: the last token given, and who holds it."""

    token: int = 0
    holder: Holder | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """The folder of all locks. ``folder`` need not exist yet."""

    folder: Path

    @classmethod
    def of_account(cls) -> Store:
        """The store that every studio of this account shares."""
        if named := os.environ.get(FOLDER_VARIABLE):
            return cls(Path(named).expanduser().absolute())
        from platformdirs.unix import Unix

        return cls(Unix("ategnatos", appauthor=False).user_state_path / "locks")

    def look(self, resource: str) -> Facts:
        """The facts as they stand. Raises StudioError (``lock_damaged``)."""
        return self._read(self._path(resource))

    def everything(self) -> list[Facts]:
        """The facts of every resource that was ever locked, by name."""
        paths = sorted(self.folder.glob("*.json")) if self.folder.is_dir() else []
        return [self._read(path) for path in paths]

    def take(self, wanted: Holder, now: datetime) -> tuple[Holder | None, Holder | None]:
        """Hold ``wanted.resource`` if nobody does.

        Returns the holding with its token and None, or None and the other who holds it. A
        holder that is gone is replaced; it is then returned beside the holding. Raises
        StudioError (``lock_damaged``, ``lock_busy``, ``write_failed``, ``disk_full``).
        """
        with self._changing(wanted.resource) as path:
            facts = self._read(path)
            if facts.holder is not None and not facts.holder.gone(now):
                return None, facts.holder
            held = replace(wanted, token=facts.token + 1)
            self._write(path, Facts(held.token, held))
            return held, facts.holder

    def renew(self, resource: str, token: int, now: datetime, lease: float | None = None) -> bool:
        """Say that the holder of ``token`` lives; False where it holds no more."""
        with self._changing(resource) as path:
            facts = self._read(path)
            if facts.holder is None or facts.token != token:
                return False
            holder = replace(facts.holder, renewed=now, lease=lease or facts.holder.lease)
            self._write(path, Facts(token, holder))
            return True

    def hand_over(
        self, resource: str, token: int, process: Process | None, now: datetime
    ) -> Holder | None:
        """Let the holding of ``token`` last as long as another process does; its new facts, or
        None where it had ended already.
        """
        with self._changing(resource) as path:
            facts = self._read(path)
            if facts.holder is None or facts.token != token:
                return None
            holder = replace(facts.holder, process=process, renewed=now)
            self._write(path, Facts(token, holder))
            return holder

    def give_back(self, resource: str, token: int) -> bool:
        """End the holding of ``token``; False where it had ended already."""
        with self._changing(resource) as path:
            facts = self._read(path)
            if facts.holder is None or facts.token != token:
                return False
            self._write(path, Facts(facts.token))
            return True

    @contextmanager
    def _changing(self, resource: str) -> Iterator[Path]:
        from filelock import FileLock, Timeout

        path = self._path(resource)
        with explained(path, "Nobody's lock was changed."):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Where others may write the folder, they must be able to open the gate too.
            shared = bool(self.folder.stat().st_mode & 0o022)
            gate = FileLock(
                path.with_suffix(".gate"),
                timeout=_GATE_SECONDS,
                poll_interval=_POLL_SECONDS,
                mode=0o666 if shared else 0o600,
            )
            try:
                gate.acquire()
            except Timeout:
                raise StudioError(
                    LOCK_BUSY,
                    f"The facts about {resource} have been in the hands of another process for"
                    f" {_GATE_SECONDS:g} seconds. Nothing was changed.",
                    hint=f"Try again; if it stays so, 'lsof {gate.lock_file}' names the process.",
                ) from None
        try:
            yield path
        finally:
            gate.release()

    def _path(self, resource: str) -> Path:
        # The name for people, the hash for two names that differ in what a file name cannot say.
        readable = re.sub(r"[^A-Za-z0-9._-]+", "_", resource)[:80]
        digest = hashlib.sha256(resource.encode()).hexdigest()[:12]
        return self.folder / f"{readable}-{digest}.json"

    def _read(self, path: Path) -> Facts:
        try:
            found = json.loads(read_bytes(path))
            holder = found["holder"]
            return Facts(int(found["token"]), None if holder is None else read_holder(holder))
        except FileNotFoundError:
            return Facts()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StudioError(
                LOCK_DAMAGED,
                f"{path} does not say who holds what ({error}); for safety it counts as held."
                " Nothing was taken.",
                hint="Make sure that nobody works with that resource, then delete the file.",
                path=str(path),
            ) from error

    def _write(self, path: Path, facts: Facts) -> None:
        holder = None if facts.holder is None else facts.holder.facts()
        text = json.dumps({"token": facts.token, "holder": holder}, indent=1, ensure_ascii=True)
        write_atomic(path, text.encode() + b"\n")
