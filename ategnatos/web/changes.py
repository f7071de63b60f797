"""What happens in the studio, noticed while it happens, whichever process does it.

The journal is followed by its own bytes, so that a reader who lost the connection gets exactly
what it missed. Work in progress is noticed by the database's file, or by asking the server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire import journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.train.run import record, state

if TYPE_CHECKING:
    from pathlib import Path

    from ategnatos.grimoire.journal import Event
    from ategnatos.grimoire.project import Project

LOOK_SECONDS = 0.2
# A database server is asked, not watched.
ASK_SECONDS = 2.0
# A source that was not read for so long is said to be stale.
STALE_SECONDS = 10.0
# How often the record is asked which runs are at work, besides its own events.
RUNS_SECONDS = 10.0
_MOST_BEHIND = 2000
_PIECE = 1 << 20


@dataclass(slots=True)
class Source:
    """One thing that the page reads, and when it last could."""

    name: str
    read_at: float
    at: str
    problem: str = ""

    def facts(self, now: float) -> dict[str, Any]:
        """For the page: stale, and since when."""
        stale = bool(self.problem) or now - self.read_at > STALE_SECONDS
        return {"name": self.name, "stale": stale, "since": self.at, "problem": self.problem}


@dataclass(eq=False, slots=True)
class Reader:
    """One browser that listens. ``lost`` is set where it was too slow; it comes again."""

    queue: asyncio.Queue[tuple[str, Any]] = field(
        default_factory=lambda: asyncio.Queue(_MOST_BEHIND)
    )
    lost: bool = False


class RunsAtWork:
    """Trainings whose loss moves in files of their own: which of them moved since the last look."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._looked = -RUNS_SECONDS
        self._seen: dict[str, tuple[int, int]] = {}
        self._folders: dict[str, Path] = {}

    def look_again(self) -> None:
        """The record of runs changed."""
        self._looked = -RUNS_SECONDS

    def moved(self) -> list[str]:
        """Ids of runs that wrote something new about how they stand."""
        now = time.monotonic()
        if now - self._looked >= RUNS_SECONDS:
            self._looked = now
            self._folders = self._at_work()
        found = []
        for name, folder in self._folders.items():
            try:
                marks = (folder / state.LIVE).stat()
            except OSError:
                continue
            mark = (marks.st_mtime_ns, marks.st_size)
            if self._seen.get(name, mark) != mark:
                found.append(name)
            self._seen[name] = mark
        return found

    def _at_work(self) -> dict[str, Path]:
        if not (self._project.state / "runs.json").exists():
            return {}
        try:
            every = record.every(self._project)
        except StudioError:
            # A record that cannot be read is told of on the page of runs.
            return {}
        return {one.id: one.folder for one in every if one.state not in record.ENDED}


class Changes:
    """Follows one studio and tells every reader."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.head = 0
        self.work = 0
        self._readers: set[Reader] = set()
        self._offset = 0
        self._mark: object = None
        self._files_seen: tuple[tuple[int, int], ...] = ()
        self._asked = 0.0
        self._runs = RunsAtWork(project)
        now, at = time.monotonic(), _at()
        self.sources = {name: Source(name, now, at) for name in ("journal", "database")}

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow while the block lasts."""
        await asyncio.to_thread(self._catch_up)
        task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Reader]:
        """A reader that is told of everything from now on."""
        reader = Reader()
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    def since(self, number: int) -> list[Event]:
        """The events after that number, from the journal itself.

        Raises StudioError (``journal_corrupt``).
        """
        return [
            event
            for event in journal.read(self.project)
            if (journal.event_number(event.id) or 0) > number
        ]

    def facts(self) -> list[dict[str, Any]]:
        """How fresh each source is."""
        now = time.monotonic()
        return [source.facts(now) for source in self.sources.values()]

    async def _follow(self) -> None:
        while True:
            for event in await asyncio.to_thread(self._new_events):
                self._tell("journal", event)
                if event.kind.startswith("run."):
                    self._runs.look_again()
            if await asyncio.to_thread(self._work_moved):
                self.work += 1
                self._tell("work", self.work)
            for run in await asyncio.to_thread(self._runs.moved):
                self._tell("run", run)
            await asyncio.sleep(LOOK_SECONDS)

    def _tell(self, kind: str, what: Any) -> None:
        for reader in self._readers:
            try:
                reader.queue.put_nowait((kind, what))
            except asyncio.QueueFull:
                reader.lost = True

    def _catch_up(self) -> None:
        for _ in self._new_events():
            pass

    def _new_events(self) -> list[Event]:
        source = self.sources["journal"]
        try:
            raw = self._new_bytes()
        except FileNotFoundError:
            raw = b""
        except OSError as error:
            source.problem = error.strerror or str(error)
            return []
        found = []
        problem = ""
        for line in raw.splitlines():
            event = journal.parse(line)
            if event is None:
                problem = "a line of it is not an event"
                continue
            found.append(event)
            self.head = journal.event_number(event.id) or self.head
        _read(source, problem)
        return found

    def _new_bytes(self) -> bytes:
        """The whole lines since the last look."""
        with self.project.journal_path.open("rb") as file:
            size = file.seek(0, 2)
            if size < self._offset:
                # Brought back from a backup: what it says now is read from its beginning, once.
                self._offset = 0
            file.seek(self._offset)
            raw = file.read()
        whole = raw[: raw.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole

    def _work_moved(self) -> bool:
        source = self.sources["database"]
        now = time.monotonic()
        if database.on_server():
            if now - self._asked < ASK_SECONDS:
                return False
            self._asked = now
        try:
            mark = self._mark_now()
        except (StudioError, OSError) as error:
            source.problem = error.message if isinstance(error, StudioError) else str(error)
            return False
        _read(source, "")
        moved = self._mark is not None and mark != self._mark
        self._mark = mark
        return moved

    def _mark_now(self) -> object:
        """What of the database a page would show otherwise; read only where the file moved.

        Looking moves the file too (SQLite tidies up after the last reader), so that alone is no
        change.
        """
        if not database.on_server() and self._files() == self._files_seen:
            return self._mark
        if not database.exists(self.project):
            return None
        with database.connect(self.project) as db:
            newest = db.execute("SELECT MAX(id), MAX(moved_at) FROM job").fetchone()
            line = db.execute(
                "SELECT id, state, progress, owner FROM job WHERE runnable=1 ORDER BY id LIMIT 50"
            ).fetchall()
        self._files_seen = self._files()
        return tuple(newest), tuple(map(tuple, line))

    def _files(self) -> tuple[tuple[int, int], ...]:
        marks = []
        for name in ("studio.db", "studio.db-wal"):
            try:
                found = (self.project.state / name).stat()
                marks.append((found.st_mtime_ns, found.st_size))
            except FileNotFoundError:
                marks.append((0, 0))
        return tuple(marks)


def _read(source: Source, problem: str) -> None:
    source.problem = problem
    if not problem:
        source.read_at, source.at = time.monotonic(), _at()


def _at() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
