"""An unfinished download: its bytes, and which version of which address they are."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ategnatos.guard.values.urls import Url


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to get and where to put it. ``size`` in bytes and ``sha256`` as 64 hex digits are
    checked where they are given; ``about_bytes`` within a tenth.
    """

    url: Url
    path: Path
    size: int | None = None
    sha256: str = ""
    about_bytes: int = 0


class Part:
    """The unfinished file and what is known of its whole."""

    def __init__(self, wanted: Wanted) -> None:
        self.path = wanted.path.with_name(wanted.path.name + ".part")
        self.note = wanted.path.with_name(wanted.path.name + ".part.json")
        self.url = str(wanted.url)
        self.whole: int | None = wanted.size
        self.sha256 = wanted.sha256.lower()
        self.validator = ""
        said = self._read()
        if said.get("url") == self.url and said.get("validator") and self.path.exists():
            self.validator = str(said["validator"])
        else:
            self.clear()

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size if self.path.exists() else 0

    def remember(self, validator: str) -> None:
        """Write down which version these bytes are of; without a validator none can be resumed."""
        self.validator = validator
        note = {"url": self.url, "validator": validator}
        self.note.write_text(json.dumps(note), "utf-8")

    def clear(self) -> None:
        """Forget all bytes."""
        self.validator = ""
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def _read(self) -> dict[str, object]:
        try:
            found = json.loads(self.note.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def put_in_place(source: Path, goal: Path) -> None:
    """Rename without replacing. Raises OSError (FileExistsError where the name is taken)."""
    try:
        os.link(source, goal)
    except FileExistsError:
        raise
    except OSError:
        # exFAT and some network file systems know no links.
        if goal.exists():
            raise FileExistsError(goal) from None
        source.rename(goal)
        return
    source.unlink()
