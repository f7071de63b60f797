"""Two hosts, one database: each in a network of its own, whose cable to the rest can be pulled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.jobs import database, saga, store
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import machines, rentals
from tests import postgres
from tests.machines.cable import Cable
from tests.machines.wire import Wire
from tests.providers.clouds.cloud import Fault
from tests.providers.clouds.runpod import RunPodCloud
from tests.waiting import wait_until

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[2]


@dataclass
class Host:
    """A host: its network, its copy of the studio, its own state folder."""

    cable: Cable
    project: Project
    environment: dict[str, str]
    wires: list[Wire] = field(default_factory=list)
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def reaches(self, port: int) -> str:
        """An address by which it reaches a port of ours."""
        wire = Wire(port, host=self.cable.ours)
        self.wires.append(wire)
        return f"{self.cable.ours}:{wire.port}"

    def begin(self, verb: str, *words: object) -> subprocess.Popen[str]:
        """Start the program there; back when it runs."""
        line = ["ip", "netns", "exec", self.cable.name, sys.executable, "-m"]
        line += ["tests.machines.host_program", verb, str(self.project.root), *map(str, words)]
        process = subprocess.Popen(
            line, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, text=True
        )
        self.running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        return process

    def end(self) -> None:
        """Kill what runs there, and take its network away."""
        for one in self.running:
            one.kill()
            one.wait()
            if one.stdout is not None:
                one.stdout.close()
        for wire in self.wires:
            wire.close()
        self.cable.remove()


class Till:
    """A vendor that bills each order, and while ``mute`` answers none. ``bills`` by key."""

    def __init__(self) -> None:
        self.bills: Counter[str] = Counter()
        self.speaks = threading.Event()
        till = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                till.bills[self.path] += 1
                till.speaks.wait()
                self.answer(200)

            def do_GET(self) -> None:
                self.answer(200 if till.bills[self.path] else 404)

            def answer(self, status: int) -> None:
                with suppress(OSError):  # who asked may be gone: that is what this is about
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Answer whoever waits, and stop."""
        self.speaks.set()
        self._server.shutdown()
        self._server.server_close()


def told(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What the program said at its end."""
    assert process.stdout is not None
    said: dict[str, Any] = json.loads(process.stdout.readline())
    assert process.wait(60) == 0
    return said


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    if why := postgres.why_not():
        pytest.skip(why)
    started = postgres.Server()
    yield started
    started.remove()


@pytest.fixture
def hosts(
    server: postgres.Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[tuple[Host, Host]]:
    """Two hosts, and the database that both reach; here it is reached without a cable."""
    number = os.getpid() % 50_000 * 2
    cables = [
        Cable(number, "198.51.100.1", "198.51.100.2"),
        Cable(number + 1, "198.51.100.5", "198.51.100.6"),
    ]
    made: list[Host] = []
    try:
        for cable in cables:
            if not cable.lay():
                pytest.skip("no network namespace can be made here (it needs root)")
        url = server.fresh(f"two{abs(hash(request.node.nodeid)):x}")
        monkeypatch.setenv("ATEGNATOS_DATABASE_URL", url)
        first = Project.create(tmp_path / "first")
        # The database belongs to the studio that opens it first; the other host has a copy of it.
        with database.connect(first):
            pass
        shutil.copytree(first.root, tmp_path / "second")
        for cable, name in zip(cables, ("first", "second"), strict=True):
            environment = {**os.environ, "ATEGNATOS_MACHINES": str(tmp_path / f"{name}-machines")}
            host = Host(cable, Project(tmp_path / name), environment)
            made.append(host)
            there = host.reaches(server.port)
            # A session ends by itself after 20 s without a cable; how long it is out here depends
            # on how busy this machine is.
            lasting = url.replace(f"127.0.0.1:{server.port}", there) + "?tcp_user_timeout=300000"
            host.environment["ATEGNATOS_DATABASE_URL"] = lasting
        yield made[0], made[1]
    finally:
        for host in made:
            host.end()
        for cable in cables:
            cable.remove()


def test_a_host_cut_off_in_the_middle_of_a_job_is_replaced_and_nothing_is_doubled(
    hosts: tuple[Host, Host],
) -> None:
    first, second = hosts
    till = Till()

    def ask_for(number: int) -> int:
        with database.connect(first.project) as db:
            job, _ = store.record(
                db,
                kind="character",
                engine="vendor",
                recipe_id="two",
                base="b",
                take=number,
                binding=f"{number:016x}",
                asked="an owl",
                request={},
                now="",
                saga=saga.load("art"),
                priority=0,
            )
        return job.id

    def states(*jobs: int) -> list[str]:
        with database.connect(first.project) as db:
            return [store.get(db, one).state for one in jobs]

    waits = "awaiting_concept_approval"
    try:
        job = ask_for(1)
        first.begin("work", first.reaches(till.port), "host:first")
        wait_until(lambda: sum(till.bills.values()) == 1)
        # It has been ordered, nobody has answered, and now nobody can.
        first.cable.pull()
        other = second.begin("work", second.reaches(till.port), "host:second")
        wait_until(lambda: states(job) == [waits])
        other.kill()
        other.wait()

        # The first comes back, gets its late answer, and may not use it. It works on: the next
        # job is its, for there is nobody else.
        first.cable.plug()
        till.speaks.set()
        after = ask_for(2)
        wait_until(lambda: states(job, after) == [waits, waits])
        assert sorted(till.bills.values()) == [1, 1]
        with database.connect(first.project) as db:
            came = [json.dumps(one, default=str) for one in store.events(db, job)]
        assert sum(waits in one for one in came) == 1
    finally:
        till.close()


def test_a_machine_ordered_by_a_host_that_vanishes_is_found_counted_and_ended_by_the_other(
    hosts: tuple[Host, Host],
) -> None:
    first, second = hosts
    with RunPodCloud(time.time, check=False) as cloud:
        port = int(cloud.address.rpartition(":")[2])
        cloud.inject("create", Fault.SLOW_AFTER)
        ordering = first.begin("rent", first.reaches(port), 30)
        wait_until(lambda: cloud.creates() == 1)
        first.cable.pull()

        there = second.reaches(port)
        found = told(second.begin("reap", there, 0, 1))
        assert found["reasons"] == {}
        with database.connect(second.project) as db:
            (rental,) = rentals.live(db)
            (order,) = machines.in_states(db, machines.MADE)
        assert order.resource == rental.resource

        # The first comes back, finds its own order settled, and orders nothing more.
        first.cable.plug()
        said = told(ordering)
        assert said["machine"] == rental.name
        assert cloud.creates() == 1
        with database.connect(first.project) as db:
            assert [one.id for one in rentals.live(db)] == [rental.id]

        # Its time is over, and the host that ordered it is gone: both reapers look at once.
        both = [
            host.begin("reap", address, 3600, 4)
            for host, address in ((first, first.reaches(port)), (second, there))
        ]
        told_by = [told(one) for one in both]
        assert cloud.alive() == []
        assert "ended" in told_by[0]["kinds"] + told_by[1]["kinds"]
        with database.connect(first.project) as db:
            assert rentals.live(db) == []
            row = db.execute("SELECT COUNT(*) AS n FROM rental").fetchone()
            settled = db.execute("SELECT status FROM spend").fetchall()
        assert row["n"] == 1
        assert [one["status"] for one in settled] == ["settled"]


def test_a_machine_without_a_timer_is_taken_in_once_by_two_reapers(
    hosts: tuple[Host, Host],
) -> None:
    first, second = hosts
    with RunPodCloud(time.time, check=False) as cloud:
        port = int(cloud.address.rpartition(":")[2])
        told(first.begin("rent", first.reaches(port), 30))
        with database.connect(first.project) as db, database.writing(db):
            db.execute("DELETE FROM rental")
        both = [one.begin("reap", one.reaches(port), 300, 4) for one in hosts]
        reasons = [why for one in both for why in told(one)["reasons"].values()]
        assert "no record says that it runs" in reasons
        assert cloud.alive() == []
        with database.connect(second.project) as db:
            assert rentals.live(db) == []
            row = db.execute("SELECT COUNT(*) AS n FROM rental").fetchone()
        assert row["n"] == 1
