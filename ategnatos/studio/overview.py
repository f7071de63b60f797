"""How things stand, gathered for one page: read only, quick, and never stopped by damage.

Documents are read as plain JSON here: a status that took the time to validate them would be
asked less often. ``ategnatos doctor`` is the one that judges.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ategnatos._version import __version__
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.files import sha256_bytes
from ategnatos.grimoire.spend.amounts import plain
from ategnatos.studio import pack_record
from ategnatos.studio.engine_states import EngineState, look_at_all
from ategnatos.studio.reading import bytes_or_none

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.database import Database
    from ategnatos.grimoire.jobs.store import Job
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.requests import ReviewRequest
    from ategnatos.studio.spending import Standing

GIB = 1 << 30

# Jobs of one kind that the page holds; more are counted only.
MOST_LINES = 50
# Approvals that the page judges, the newest: a signature takes its time to check.
MOST_JUDGED = 300

# What the studio document may say of a rented machine that no longer costs anything. Anything
# else, the unknown included, is taken to be billing still.
STOPPED = frozenset({"terminated", "stopped", "deleted"})


@dataclass(slots=True)
class JobLine:
    """One job on the page.

    ``at_work`` tells a job in progress from one that waits; ``why`` says what it waits for, and
    ``progress`` how far it is (``done``, ``total``, ``message``).
    """

    job: str
    prompt: str
    engine: str
    state: str
    since: str
    pictures: int = 0
    at_work: bool = False
    why: str = ""
    progress: dict[str, Any] | None = None


@dataclass(slots=True)
class Overview:
    """The whole page. ``problems`` are findings in words; ``per_hour_usd`` sums known prices;
    ``money`` is None where it could not be read. ``waiting``, ``running`` and ``failed`` hold the
    newest of each, at most ``MOST_LINES``; how many there are in all stands beside. ``approvals``
    says what the newest ``MOST_JUDGED`` approvals are worth.
    """

    root: str
    program: str
    pack: str
    machine: dict[str, Any] = field(default_factory=dict)
    engines: tuple[EngineState, ...] = ()
    waiting: list[JobLine] = field(default_factory=list)
    running: list[JobLine] = field(default_factory=list)
    failed: list[JobLine] = field(default_factory=list)
    waiting_in_all: int = 0
    pictures_waiting: int = 0
    running_in_all: int = 0
    failed_in_all: int = 0
    jobs: int = 0
    approved: int = 0
    approvals: dict[str, int] = field(default_factory=dict)
    requests: list[dict[str, str]] = field(default_factory=list)
    not_exported: list[str] = field(default_factory=list)
    exports: int = 0
    bills: list[dict[str, Any]] = field(default_factory=list)
    per_hour_usd: str = "0"
    price_unknown: int = 0
    money: Standing | None = None
    drift: list[dict[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def look(project: Project) -> Overview:
    """Read how the studio stands. What cannot be read becomes one of ``problems``."""
    record = pack_record.read(project)
    page = Overview(str(project.root), __version__, record.version)
    studio = _document(project, "studio", page)
    page.machine = _machine(project, studio)
    page.engines = look_at_all(closely=False)
    _money(project, page)
    _bills(studio, page)
    assets = _document(project, "assets", page).get("assets", [])
    try:
        _jobs(project, assets if isinstance(assets, list) else [], page)
        _drift(project, page)
    except StudioError as error:
        page.problems.append(error.message)
    page.problems = list(dict.fromkeys(page.problems))
    return page


def _document(project: Project, name: str, page: Overview) -> dict[str, Any]:
    try:
        raw = bytes_or_none(project.state / f"{name}.json")
        if raw is None:
            page.problems.append(f"The document {name!r} is missing.")
            return {}
        found = json.loads(raw)
    except StudioError as error:
        page.problems.append(error.message)
        return {}
    except (ValueError, RecursionError) as error:
        page.problems.append(f"The document {name!r} cannot be read: {error}.")
        return {}
    return found if isinstance(found, dict) else {}


def _machine(project: Project, studio: dict[str, Any]) -> dict[str, Any]:
    disk = os.statvfs(project.root)
    environment = studio.get("environment")
    environment = environment if isinstance(environment, dict) else {}
    return {
        "system": os.uname().sysname,
        "architecture": os.uname().machine,
        "cores": os.cpu_count() or 0,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB, 1),
        "disk_free_gib": round(disk.f_bavail * disk.f_frsize / GIB, 1),
        # As doctor last saw it: probing a GPU takes longer than the rest of this page.
        "gpu": str(environment.get("primary") or ""),
        "cuda": str(environment.get("cuda") or ""),
    }


def _money(project: Project, page: Overview) -> None:
    from ategnatos.studio import spending

    try:
        page.money = spending.look(project, datetime.now(UTC))
    except StudioError as error:
        page.problems.append(error.message)


def _bills(studio: dict[str, Any], page: Overview) -> None:
    total = Decimal(0)
    rented = () if page.money is None else page.money.rentals
    timed = {rental.resource for rental, _ in rented}
    for rental, _ in rented:
        total += Decimal(plain(rental.rate))
        page.bills.append(
            {
                "id": rental.resource,
                "provider": rental.provider,
                "gpu": "",
                "status": rental.state,
                "started": rental.started_at,
                "cost_per_hour": plain(rental.rate),
            }
        )
    instances = studio.get("active_instances")
    for one in instances if isinstance(instances, list) else []:
        if not isinstance(one, dict) or str(one.get("status", "")).lower() in STOPPED:
            continue
        if str(one.get("id", "")) in timed:
            continue
        page.bills.append(
            {key: str(one.get(key, "")) for key in ("id", "provider", "gpu", "status", "started")}
            | {"cost_per_hour": str(one.get("cost_per_hour", one.get("cost_hr", "")))}
        )
        try:
            price = Decimal(page.bills[-1]["cost_per_hour"].lstrip("$"))
        except InvalidOperation:
            price = Decimal("NaN")
        if price.is_finite():
            total += price
        else:
            page.price_unknown += 1
    page.per_hour_usd = str(total)


def _jobs(project: Project, assets: list[Any], page: Overview) -> None:
    from ategnatos.grimoire.jobs import database, overviews, store

    if not database.exists(project):
        return
    waits_for_person = {(name, state) for name in _sagas() for state in _of_person(name)}
    with database.connect(project) as connection:
        counted = overviews.counts(connection)
        waiting = overviews.newest(connection, waits_for_person, MOST_LINES)
        failed = overviews.newest(connection, {(None, store.FAILED)}, MOST_LINES)
        running = overviews.runnable(connection, MOST_LINES)
        undecided = overviews.undecided(connection, [job.id for job in (*waiting, *failed)])
        approved = overviews.approved(connection)
        now = connection.now()
        waits = _waits(connection, running)
        page.requests = [asdict(one) for one in _requests(project, connection)]
        page.pictures_waiting = overviews.pictures_waiting(connection, waits_for_person)
    page.jobs = sum(counted.states.values())
    page.waiting_in_all = sum(counted.states.get(one, 0) for one in waits_for_person)
    page.failed_in_all = sum(n for (_, state), n in counted.states.items() if state == store.FAILED)
    page.running_in_all = counted.runnable
    page.waiting = _lines(waiting, undecided)
    page.failed = _lines(failed, undecided)
    page.running = _lines(running, {})
    by_name = {job.name: job for job in running}
    for line in page.running:
        line.at_work = by_name[line.job].held(now)
        line.progress = by_name[line.job].progress
        line.why = "" if line.at_work else waits[line.job]
    _verdicts(project, approved, page)
    shipped = {
        f"{one.get('job')}#{one.get('candidate')}" for one in assets if isinstance(one, dict)
    }
    page.approved = len(approved)
    page.exports = len(assets)
    page.not_exported = [name for name, _ in approved if name not in shipped]


def _sagas() -> list[str]:
    from ategnatos.grimoire.jobs import saga

    return saga.names()


def _of_person(name: str) -> list[str]:
    """The states of a saga that wait for a person."""
    from ategnatos.grimoire.jobs import saga

    return [
        state.name for state in saga.load(name).states.values() if state.waits_for == saga.PERSON
    ]


def _waits(connection: Database, runnable: list[Job]) -> dict[str, str]:
    """What each job in the line waits for, by its name."""
    if not runnable:
        return {}
    from ategnatos.grimoire.jobs import claims

    return {job.name: claims.waits_for(connection, job) for job in runnable}


def _verdicts(project: Project, approved: list[tuple[str, str]], page: Overview) -> None:
    """What the newest approvals (candidate, SHA-256) are worth."""
    newest = approved[-MOST_JUDGED:]
    if not newest:
        return
    from ategnatos.guard.gate import book

    given, problem = book.for_display(project, [reference for reference, _ in newest])
    if problem:
        page.problems.append(problem)
    for reference, sha256 in newest:
        standing, _ = given.on_record(reference, sha256, "approved")
        page.approvals[standing.value] = page.approvals.get(standing.value, 0) + 1


def _requests(project: Project, connection: Database) -> list[ReviewRequest]:
    """Which candidates without a verdict somebody wants looked at."""
    from ategnatos.grimoire.jobs import overviews
    from ategnatos.guard.gate import requests

    voiced = requests.voiced(project)
    open_ones = overviews.without_verdict(connection, {one.candidate for one in voiced})
    return [one for one in voiced if one.candidate in open_ones]


def _lines(jobs: Iterable[Job], undecided: Mapping[int, int]) -> list[JobLine]:
    return [
        JobLine(
            job.name,
            job.asked,
            job.engine,
            job.state,
            job.updated_at,
            undecided.get(job.id, 0),
        )
        for job in jobs
    ]


def _drift(project: Project, page: Overview) -> None:
    from ategnatos.grimoire.schemas import WITHOUT_PAGE, names
    from ategnatos.grimoire.views import LAYOUT, is_edited, is_handwritten, path_of, split
    from ategnatos.grimoire.views import read as read_view

    for name in names():
        raw = bytes_or_none(project.state / f"{name}.json")
        if raw is None or name in WITHOUT_PAGE:
            continue
        view = path_of(project, name)
        content = read_view(view)
        why = ""
        if content is None:
            why = "its page is missing"
        elif is_handwritten(content):
            why = "its page was written by hand"
        elif is_edited(content):
            why = "its page was edited by hand"
        else:
            header, _ = split(content)
            now = (sha256_bytes(raw)[:16], LAYOUT)
            if header is not None and (header.json_hash, header.layout) != now:
                why = "its page is older than the record"
        if why:
            page.drift.append({"document": name, "page": f"grimoire/{view.name}", "why": why})
