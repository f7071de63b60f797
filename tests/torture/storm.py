"""The storm: workers are killed and stopped, clocks jump, servers crash; then the books are read.

A script plays the person at the gates and puts failed jobs back. When enough has gone wrong the
weather calms, the line is worked off, and every job, transition and bill is accounted for.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database, moves, saga, store
from ategnatos.grimoire.project import Project
from tests.torture.vendor import Vendor, output
from tests.torture.weather import Weather
from tests.torture.worker import output_path


class Point(NamedTuple):
    """One line of the workers' log. ``moment`` is of the machine's monotonic clock, ``clock`` of
    the one that jumps, by which the store reckons.
    """

    moment: float
    clock: float
    pid: int
    deed: str
    point: str
    job: int


ART = saga.load("art")
ROOT = Path(__file__).parents[2]
KINDS = ("character", "character", "character", "tile")


@dataclass
class Report:
    """What the books say. Everything but ``faults`` and the times must be empty."""

    seed: int
    jobs: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    habits: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    billed_twice: list[str] = field(default_factory=list)
    unpaid: list[str] = field(default_factory=list)
    put_back: list[float] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, repeated or billed twice."""
        return not (self.lost or self.duplicated or self.billed_twice or self.unpaid)

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"seed {self.seed}: {self.jobs} jobs, {sum(self.faults.values())} faults"
            f" in {self.seconds:.0f} s: {dict(self.faults)}",
            f"  died or stopped at: {dict(self.points)}",
            f"  the vendor's habits: {dict(self.habits)}",
            f"  lost {len(self.lost)}, duplicated transitions {len(self.duplicated)},"
            f" billed twice {len(self.billed_twice)}, books that differ {len(self.unpaid)}",
            f"  from a death until the job is in the line again: {_worst(self.put_back)}",
            "  until it is claimed, when its turn has come by priority and age:"
            f" {_worst(self.recoveries)}",
        ]


def _worst(times: list[float]) -> str:
    slow = sorted(times)
    return f"worst {slow[-1]:.2f} s, median {slow[len(slow) // 2]:.2f} s" if slow else "none seen"


def _put_back(db: database.Database, death: Point, claim: Point) -> list[float]:
    """Seconds from a death until somebody put the job back; none where the clock jumped between."""
    jumped = (claim.clock - claim.moment) - (death.clock - death.moment)
    if abs(jumped) > 0.5:
        return []
    times = (event["at"] for event in store.events(db, death.job))
    return [at - death.clock for at in times if death.clock < at <= claim.clock][:1]


class Storm:
    """One storm over one studio. ``crash`` ends and restarts the database server;
    ``set_server_clock`` moves its clock.
    """

    def __init__(
        self,
        project: Project,
        seed: int,
        *,
        kills: int,
        workers: int = 4,
        at_once: int = 8,
        lease: float = 2.0,
        crash: object = None,
        crashes: int = 0,
        set_server_clock: object = None,
        patience: float = 600.0,
    ) -> None:
        self._project = project
        self._dice = random.Random(seed)
        self._kills = kills
        self._lease = lease
        self._crash = crash
        self._crashes = crashes
        self._set_server_clock = set_server_clock
        self._patience = patience
        self._count = workers
        self._at_once = at_once
        self._serial = 0
        self._vendor = Vendor(seed)
        self._weather = Weather(project.root / "weather")
        self._skew = 0.0
        self._workers: dict[int, subprocess.Popen[bytes]] = {}
        self._wake: dict[int, float] = {}
        self._over = threading.Event()
        self.report = Report(seed)

    def run(self) -> Report:
        """Let it blow, calm it, and read the books."""
        began = time.monotonic()
        self._project.outputs.mkdir(parents=True, exist_ok=True)
        with database.connect(self._project) as db:
            db.execute("CREATE TABLE purse (key TEXT PRIMARY KEY, status TEXT NOT NULL)")
        self._weather.write(0.0, 0.05, 0.012)
        waker = threading.Thread(target=self._wake_the_stopped, daemon=True)
        waker.start()
        try:
            while not self._blown_out():
                if time.monotonic() - began > self._patience:
                    break
                self._tick(storm=True)
            self._weather.write(self._skew, 0.0, 0.0)
            while not self._all_done():
                if time.monotonic() - began > 2 * self._patience:
                    break
                self._tick(storm=False)
        finally:
            self._over.set()
            waker.join()
            for one in self._workers.values():
                one.kill()
                one.wait()
            self._vendor.close()
        self.report.seconds = time.monotonic() - began
        self._read_the_books()
        return self.report

    def _tick(self, *, storm: bool) -> None:
        self._tend_workers()
        try:
            with database.connect(self._project, clock=self._weather.clock) as db:
                self._play_the_person(db, more=storm)
        except StudioError as error:
            if error.code not in database.PASSING:
                raise
        if storm:
            self._strike()
        time.sleep(0.02)

    def _wake_the_stopped(self) -> None:
        """In a thread of its own: who is stopped may hold the lock that the storm waits for."""
        while not self._over.wait(0.05):
            now = time.monotonic()
            for serial, process in list(self._workers.items()):
                with suppress(ChildProcessError):
                    flags = os.WSTOPPED | os.WNOHANG | os.WNOWAIT
                    if os.waitid(os.P_PID, process.pid, flags) is None:
                        continue
                    # Longer than its lease: somebody else has the job when it wakes.
                    nap = self._lease + self._dice.uniform(0.3, 1.2)
                    if now > self._wake.setdefault(serial, now + nap):
                        del self._wake[serial]
                        # Taken note of, so that the next stop is told from this one.
                        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOHANG)
                        process.send_signal(signal.SIGCONT)

    def _tend_workers(self) -> None:
        for serial, process in list(self._workers.items()):
            if process.poll() is not None:
                del self._workers[serial]
                self._wake.pop(serial, None)
        while len(self._workers) < self._count:
            self._serial += 1
            self._workers[self._serial] = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "tests.torture.worker",
                    str(self._project.root),
                    str(self._vendor.port),
                    str(self.report.seed * 10_000 + self._serial),
                    str(self._lease),
                ],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
            )

    def _play_the_person(self, db: database.Database, *, more: bool) -> None:
        waiting = 0
        for job in store.jobs(db):
            if ART.ends(job.state) and job.state != ART.failed:
                continue
            waiting += 1
            if job.state == ART.failed:
                moves.retry(db, job.id, who="person", rules=ART)
            elif ART.states[job.state].waits_for:
                word = "rejected" if self._dice.random() < 0.15 else "on"
                on = {"awaiting_concept_approval": "rotation_generating"}.get(job.state, "approved")
                with database.writing(db):
                    fresh = store.get(db, job.id)
                    after = on if word == "on" else word
                    moves.person_moves(db, fresh, ART, after, who="person", why=None)
        while more and waiting < self._at_once:
            waiting += 1
            self.report.jobs += 1
            store.record(
                db,
                kind=self._dice.choice(KINDS),
                engine="vendor",
                recipe_id="torture",
                base="b",
                take=self.report.jobs,
                binding=f"{self.report.jobs:016x}",
                asked=f"thing {self.report.jobs}",
                request={},
                now="",
                saga=ART,
                priority=self._dice.choice((0, 0, 10)),
            )

    def _strike(self) -> None:
        """Something from outside, at no point in particular."""
        roll = self._dice.random()
        # A process that was just born knows nothing yet: those are not worth a fault.
        alive = [s for s in self._workers if s not in self._wake]
        victim = self._workers[self._dice.choice(alive)] if alive else None
        if roll < 0.010 and victim is not None:
            self.report.faults["kill -9 from outside"] += 1
            victim.kill()
        elif roll < 0.014 and victim is not None:
            self.report.faults["SIGSTOP from outside"] += 1
            victim.send_signal(signal.SIGSTOP)
        elif roll < 0.020:
            self._jump()
        elif roll < 0.024 and callable(self._crash) and self._crashes > 0:
            self._crashes -= 1
            self.report.faults["server crash"] += 1
            self._crash()

    def _jump(self) -> None:
        if database.on_server() and self._set_server_clock is None:
            return
        self.report.faults["clock jump"] += 1
        self._skew += self._dice.choice((-3600.0, -5.0, -1.0, 1.0, 5.0, 3600.0, 86_400.0 * 40))
        self._skew = max(-86_400.0, self._skew)
        _, kill, stop = self._weather.read()
        self._weather.write(self._skew, kill, stop)
        if callable(self._set_server_clock):
            self._set_server_clock(self._skew)

    def _points(self) -> list[Point]:
        path = self._project.root / "points.log"
        if not path.exists():
            return []
        found = []
        for line in path.read_text().splitlines():
            moment, clock, pid, deed, point, job = line.split("\t")
            found.append(Point(float(moment), float(clock), int(pid), deed, point, int(job)))
        return found

    def _blown_out(self) -> bool:
        outside = sum(self.report.faults.values())
        inside = sum(one.deed in ("kill", "stop") for one in self._points())
        return outside + inside >= self._kills and self._crashes <= 0

    def _all_done(self) -> bool:
        try:
            with database.connect(self._project, clock=self._weather.clock) as db:
                return all(
                    ART.ends(job.state) and job.state != ART.failed for job in store.jobs(db)
                )
        except StudioError as error:
            if error.code not in database.PASSING:
                raise
            return False

    def _read_the_books(self) -> None:
        report = self.report
        report.habits = self._vendor.seen
        points = self._points()
        deaths: list[tuple[Point, Point]] = []
        for place, one in enumerate(points):
            if one.deed == "claimed":
                continue
            report.faults["kill -9" if one.deed == "kill" else "SIGSTOP"] += 1
            report.points[one.point] += 1
            if one.deed == "kill" and one.point not in ("moved", "gave up"):
                after = (
                    (one, later)
                    for later in points[place + 1 :]
                    if later.job == one.job and later.pid != one.pid
                )
                deaths += islice(after, 1)
        report.recoveries = [later.moment - one.moment for one, later in deaths]
        with database.connect(self._project) as db:
            jobs = store.jobs(db)
            purse = {row["key"]: row["status"] for row in db.execute("SELECT * FROM purse")}
            for job in jobs:
                self._read_one(db, job)
            report.put_back = [
                seconds for one, later in deaths for seconds in _put_back(db, one, later)
            ]
        if len(jobs) != report.jobs:
            report.lost.append(f"{report.jobs - len(jobs)} rows")
        for key, count in self._vendor.bills.items():
            if count > 1:
                report.billed_twice.append(f"{key}: {count} times")
            if purse.get(key) != "settled":
                report.unpaid.append(f"{key} was billed and is {purse.get(key)}")
        for key, status in purse.items():
            if status == "reserved" or (status == "settled" and self._vendor.bills[key] != 1):
                report.unpaid.append(f"{key} is {status}, billed {self._vendor.bills[key]} times")
        by_effect: Counter[str] = Counter()
        for key, count in self._vendor.bills.items():
            by_effect[key.rpartition(":")[0]] += count
        report.billed_twice += [f"{name}: {n}" for name, n in by_effect.items() if n > 1]

    def _read_one(self, db: database.Database, job: store.Job) -> None:
        report = self.report
        if not ART.ends(job.state) or job.state == ART.failed:
            report.lost.append(f"{job.name} is {job.state}: {job.error}")
        before, fence, began = None, -1, None
        visits: Counter[tuple[str, str]] = Counter()
        for event in store.events(db, job.id):
            if event["from_state"] != before:
                report.duplicated.append(f"{job.name}: {event} after {before}")
            if event["fence"] < fence:
                report.duplicated.append(f"{job.name}: fence {event['fence']} after {fence}")
            if event["to_state"] != before and event["who"] != "person":
                visits[(str(event["from_state"]), event["to_state"])] += 1
            before, fence = event["to_state"], event["fence"]
            began = began or event["at"]
        for (source, after), count in visits.items():
            if count > 1 and after not in (ART.failed,):
                report.duplicated.append(f"{job.name}: {source} -> {after} {count} times")
        if before != job.state:
            report.duplicated.append(f"{job.name} is {job.state}, its record says {before}")
        if job.state == "approved":
            path = output_path(self._project, job.name, "rotation")
            keys = [k for k in self._vendor.bills if k.startswith(f"{job.name}:rotation:")]
            if not path.exists() or path.read_bytes() not in [output(k) for k in keys]:
                report.lost.append(f"{job.name}: its output is gone")
