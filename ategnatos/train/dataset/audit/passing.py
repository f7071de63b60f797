"""One pass over a version's pictures: what is kept still holds, the rest is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.train.dataset import store
from ategnatos.train.dataset.audit import kept
from ategnatos.train.dataset.audit.look import Look
from ategnatos.train.dataset.audit.workers import look_at_all

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.version import Version

_WRITE_EVERY_SECONDS = 1.0
_WRITE_EVERY = 512


@dataclass(frozen=True, slots=True)
class Passed:
    """``looks`` by the name of the picture; ``fresh`` of them were looked at
    now, in ``seconds``.
    """

    looks: dict[str, Look]
    fresh: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``total`` files that must be looked at."""

    done: int
    total: int


def looks(
    project: Project,
    version: Version,
    *,
    full: bool = True,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Passed:
    """A look at every picture of ``version``, each file decoded at most once ever.

    ``full`` False is enough for duplicates. On Ctrl-C what is done is kept, and KeyboardInterrupt
    goes on. Raises StudioError (``write_failed``, ``disk_full``).
    """
    begun = time.monotonic()
    home = store.home(project, version.dataset)
    paths = {one.name: str(store.file_in(home, one.sha256)) for one in version.pictures}
    hashes = {paths[one.name]: one.sha256 for one in version.pictures}
    with kept.opened(project, home) as table:
        known = table.read(hashes, full=full)
        for one in version.pictures:
            # An older version may name what has been set aside since.
            path = paths[one.name]
            if path not in known and kept.stat_of(path) is None:
                paths[one.name] = str(store.quarantine_in(home, one.name, one.sha256))
                hashes[paths[one.name]] = hashes.pop(path, one.sha256)
        # The stat comes before the look: a file that changes meanwhile is looked at again.
        missing = [
            (path, sha, kept.stat_of(path)) for path, sha in hashes.items() if path not in known
        ]
        gone = [path for path, _, stat in missing if stat is None]
        stats = {path: stat for path, _, stat in missing if stat is not None}
        tasks = [(path, sha) for path, sha, stat in missing if stat is not None]
        waiting: list[tuple[str, kept.Stat, Look]] = []
        written = time.monotonic()
        try:
            for path, look in look_at_all(tasks, full=full, workers=workers):
                known[path] = look
                waiting.append((path, stats[path], look))
                if progress is not None:
                    progress(Progress(len(known) - (len(hashes) - len(missing)), len(tasks)))
                if (
                    len(waiting) >= _WRITE_EVERY
                    or time.monotonic() - written > _WRITE_EVERY_SECONDS
                ):
                    table.write(waiting)
                    waiting, written = [], time.monotonic()
        finally:
            table.write(waiting)
    for path in gone:
        known[path] = Look(hashes[path], {}, ("missing", "the file is gone"), full=full)
    found = {name: known[path] for name, path in paths.items()}
    return Passed(found, len(tasks), time.monotonic() - begun)
