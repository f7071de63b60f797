"""Which colours pictures are made of, measured in the background for the gallery's search.

Measured on the small picture, which is then there too when somebody scrolls to it. A picture that
was measured is never measured again: its bytes do not change.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, picture_rows
from ategnatos.web import thumbnails

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project

# A colour that covers less is an accent and no palette.
_SHARE = 0.12
_AT_ONCE = 64


def names() -> list[str]:
    """Every colour that a picture can be said to have."""
    from ategnatos.knowledge.taste import knowledge

    return [*knowledge().palette.hues, "brown", "black", "gray", "white"]


class Colours:
    """Measures what nobody measured, one picture after the other, while the page runs."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def begin(self) -> None:
        """Go on where it stopped, if anything is left to do."""
        with self._lock:
            if self._ended.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._work, daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Stop after the picture that is being measured."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(10)

    def wait(self, seconds: float) -> bool:
        """Wait until all is measured; whether it is."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)
        return thread is None or not thread.is_alive()

    def _work(self) -> None:
        while not self._ended.is_set():
            try:
                with database.connect(self._project) as db:
                    some = picture_rows.unmeasured(db, _AT_ONCE)
                    found = {}
                    for path, sha256 in some:
                        began = time.monotonic()
                        found[sha256] = self._measured(path, sha256)
                        # As long a rest as the work took. A low priority would not do: this thread
                        # would keep the interpreter to itself while the system lets it wait.
                        if self._ended.wait(time.monotonic() - began):
                            break
                    picture_rows.keep_colours(db, found)
            except StudioError:
                # A database that cannot be written just now: the next visit goes on.
                return
            if not some:
                return

    def _measured(self, path: str, sha256: str) -> tuple[str, ...]:
        from ategnatos.knowledge.taste import knowledge
        from ategnatos.pictures.palette import measure

        try:
            small = thumbnails.thumbnail(self._project.root / path, sha256, ahead=True)
            palette = None if small is None else measure(small, knowledge().palette)
        except (StudioError, OSError):
            # Its file is gone, changed or no picture: it has no colours, and is said so once.
            palette = None
        if palette is None:
            return ()
        shares = sorted(palette.shares.items(), key=lambda one: (-one[1], one[0]))
        return tuple(name for name, share in shares if share >= _SHARE)
