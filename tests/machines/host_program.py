"""What runs on one of two hosts: ``python -m tests.machines.host_program VERB STUDIO ADDRESS ...``

``work`` carries jobs on against a vendor, ``rent`` orders a machine from a provider, ``reap`` is a
reaper whose clock may be ahead. Each prints one word when it begins and one JSON line at its end.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import saga
from ategnatos.grimoire.jobs.effects import Absent, Effect, Outcome, Reconciled, Row
from ategnatos.grimoire.jobs.leases import Policy
from ategnatos.grimoire.jobs.run import Done, Run
from ategnatos.grimoire.jobs.worker import Worker
from ategnatos.grimoire.project import Project
from ategnatos.guard.budget.config import Config
from ategnatos.providers.runpod import RunPod
from ategnatos.providers.values import Wanted
from ategnatos.studio import reaper
from ategnatos.studio.renting import create
from ategnatos.studio.renting.plan import Plan
from tests.providers.clouds.cloud import KEY

LEASE_SECONDS = 2.0


def work(project: Project, address: str, owner: str) -> None:
    """A worker until it is killed; its one step orders from the vendor, and is billed."""
    host, _, port = address.partition(":")

    def asked(verb: str, key: str) -> tuple[int, bytes]:
        connection = HTTPConnection(host, int(port), timeout=20)
        connection.request(verb, "/" + quote(key, safe=""), b"")
        reply = connection.getresponse()
        return reply.status, reply.read()

    def concept(run: Run) -> Done:
        def send(key: str, last_look: Callable[[], None]) -> Outcome:
            last_look()
            status, _ = asked("POST", key)
            if status != 200:
                raise ConnectionError(f"the vendor answered {status}")
            return Outcome(key, {"usd": Decimal("0.01")}, {})

        def reconcile(row: Row) -> Reconciled:
            status, _ = asked("GET", row.key)
            return Outcome(row.key, {"usd": Decimal("0.01")}) if status == 200 else Absent()

        effect = Effect("concept", send, lambda: None, reconcile, visible_within=0.5)
        run.effect(effect)
        return Done(data={"by": owner})

    Worker(
        project,
        {"art": saga.load("art")},
        dict.fromkeys(("concept", "rotation", "persist"), concept),
        owner=owner,
        policy=Policy(lease=LEASE_SECONDS, backoff=(0.1,), poll=0.05, send_window=1.0),
    ).work()


def rent(project: Project, address: str, minutes: str) -> dict[str, Any]:
    """Order one machine and say what came of it."""
    provider = provider_at(address)
    offer = next(one for one in provider.offers(Wanted(disk_gb=20)) if one.available)
    plan = Plan(offer, int(minutes), project.root.name.rjust(8, "r")[-8:], 1, 20)
    try:
        rented = create.rent(
            project,
            Config(),
            provider,
            plan,
            actor="user:test",
            clock=lambda: datetime.now(UTC),
            sleep=lambda seconds: time.sleep(min(seconds, 0.2)),
        )
    except StudioError as error:
        return {"error": error.code.code, "label": plan.label}
    return {"label": rented.label, "machine": rented.rental.name}


def reap(project: Project, address: str, ahead: str, rounds: str) -> dict[str, Any]:
    """Rounds of a reaper whose clock is ``ahead`` seconds ahead; each half a minute on."""
    provider = provider_at(address)
    reasons: dict[str, str] = {}
    kinds: list[str] = []
    for number in range(int(rounds)):
        offset = timedelta(seconds=float(ahead) + 31 * number)

        def clock(offset: timedelta = offset) -> datetime:
            return datetime.now(UTC) + offset

        done = reaper.reap(project, ["runpod"], lambda name: (provider, ""), clock=clock)
        reasons |= done.reasons
        kinds += [one.kind for one in done.findings]
    return {"reasons": reasons, "kinds": kinds}


def provider_at(address: str) -> RunPod:
    """The adapter, told to ask that address, and to wait briefly for what is lost."""
    limits = dict.fromkeys(("create", "list", "get", "terminate", "offers", "billing"), 2.0)
    return RunPod(f"http://{address}", lambda: KEY, limits=limits, sleep=lambda seconds: None)


if __name__ == "__main__":
    verb, root, *given = sys.argv[1:]
    print("begun", flush=True)
    verbs: dict[str, Callable[..., Any]] = {"work": work, "rent": rent, "reap": reap}
    print(json.dumps(verbs[verb](Project(Path(root)), *given)), flush=True)
