"""One worker of the storm: real steps over HTTP, and death at any point.

``python -m tests.torture.worker STUDIO PORT SEED LEASE``
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_file, write_atomic
from ategnatos.grimoire.jobs import saga
from ategnatos.grimoire.jobs.database import Database
from ategnatos.grimoire.jobs.effects import Absent, Effect, Outcome, Reconciled, RefusedError, Row
from ategnatos.grimoire.jobs.leases import Policy
from ategnatos.grimoire.jobs.owners import owner_name
from ategnatos.grimoire.jobs.run import Done, Run
from ategnatos.grimoire.jobs.worker import Worker
from ategnatos.grimoire.project import Project
from tests.torture.vendor import SLOW_TO_SHOW, output
from tests.torture.weather import Weather

REFUSED = ErrorCode("torture_refused", "The vendor said no.")
PRICE = Decimal("0.01")


def policy(lease: float) -> Policy:
    """Impatient, so that much can go wrong in little time."""
    return Policy(
        lease=lease,
        backoff=(0.05, 0.1, 0.2),
        breaker_seconds=0.5,
        poll=0.05,
        send_window=0.4,
    )


def output_path(project: Project, job: str, name: str) -> Path:
    """Where the output of an effect lies."""
    return project.outputs / f"{job}-{name}.bin"


class Steps:
    """The step functions of the saga ``art`` against the vendor."""

    def __init__(self, project: Project, port: int) -> None:
        self._project = project
        self._port = port

    def concept(self, run: Run) -> Done:
        """The cheap picture."""
        return self._billed(run, "concept")

    def rotation(self, run: Run) -> Done:
        """The dear ones."""
        return self._billed(run, "rotation")

    def persist(self, run: Run) -> Done:
        """Hash what was made."""
        path = output_path(self._project, run.job.name, "rotation")
        return Done(data={"sha256": sha256_file(path)})

    def _billed(self, run: Run, name: str) -> Done:
        path = output_path(self._project, run.job.name, name)

        def send(key: str, last_look: object) -> Outcome:
            connection = HTTPConnection("127.0.0.1", self._port, timeout=5)
            connection.connect()
            run.point("connected")
            last_look()  # type: ignore[operator]
            connection.request("POST", "/" + quote(key, safe=""), b"make it")
            run.point("request sent")
            reply = connection.getresponse()
            body = reply.read()
            connection.close()
            run.point("reply read")
            if reply.status == 402:
                raise RefusedError(StudioError(REFUSED, "No.", hint="Ask again."))
            if reply.status != 200:
                raise ConnectionError(f"the vendor answered {reply.status}")
            write_atomic(path, body)
            return Outcome(key, {"usd": PRICE}, {"bytes": len(body)})

        def present() -> Outcome | None:
            return Outcome(None, {"usd": PRICE}) if path.exists() else None

        def reconcile(row: Row) -> Reconciled:
            connection = HTTPConnection("127.0.0.1", self._port, timeout=5)
            connection.request("GET", "/" + quote(row.key, safe=""))
            reply = connection.getresponse()
            body = reply.read()
            connection.close()
            if reply.status == 404:
                return Absent()
            assert body == output(row.key)
            write_atomic(path, body)
            return Outcome(row.key, {"usd": PRICE})

        effect = Effect(
            name,
            send,
            present,
            reconcile,
            # Late by as much, and as much again for a machine that is short of breath.
            visible_within=SLOW_TO_SHOW + 0.4,
            reserve=reserve,
            settle=lambda db, key, cost: _close(db, key, "settled"),
            release=lambda db, key, why: _close(db, key, "released"),
        )
        run.effect(effect)
        return Done(data={name: path.name})


def reserve(db: Database, key: str) -> dict[str, Decimal]:
    """The till's other side: a row in the transaction of the intent."""
    db.execute("INSERT INTO purse (key, status) VALUES (?, 'reserved')", (key,))
    return {"usd": PRICE}


def _close(db: Database, key: str, status: str) -> None:
    changed = db.execute(
        "UPDATE purse SET status=? WHERE key=? AND status='reserved'", (status, key)
    ).rowcount
    assert changed == 1, f"{key} was closed twice"


def main() -> None:
    """Work until killed."""
    project = Project(Path(sys.argv[1]))
    port, seed, lease = int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    weather = Weather(project.root / "weather")
    dice = random.Random(seed)
    log = os.open(project.root / "points.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def at(point: str, job: int) -> None:
        _, kill, stop = weather.read()
        roll = dice.random()
        moment = time.clock_gettime(time.CLOCK_MONOTONIC)
        deed = "kill" if roll < kill else "stop" if roll < kill + stop else ""
        if deed or point == "claimed":
            said = (moment, weather.clock(), os.getpid(), deed or point, point, job)
            os.write(log, ("\t".join(map(str, said)) + "\n").encode())
        if deed:
            os.kill(os.getpid(), signal.SIGKILL if deed == "kill" else signal.SIGSTOP)

    steps = Steps(project, port)
    Worker(
        project,
        {"art": saga.load("art")},
        {"concept": steps.concept, "rotation": steps.rotation, "persist": steps.persist},
        # Every other one may not be declared dead: its lease has to run out.
        owner=owner_name(seed) if seed % 2 else f"far:{os.getpid()}:{seed}",
        policy=policy(lease),
        clock=weather.clock,
        at=at,
    ).work()


if __name__ == "__main__":
    main()
