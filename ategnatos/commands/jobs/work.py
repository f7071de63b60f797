"""``ategnatos jobs work`` and ``recover``: carry the line on."""

from __future__ import annotations

import signal
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command

if TYPE_CHECKING:
    from ategnatos.grimoire.jobs.worker import Worker
    from ategnatos.grimoire.project import Project

_MOST_WORKERS = 64


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the room."""
    command(app, "work", example="ategnatos jobs work --until-idle", dry_run=True)(work)
    command(app, "recover", example="ategnatos jobs recover --dry-run", dry_run=True)(recover)


def work(
    call: Call,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=_MOST_WORKERS, help="How many jobs at once.")
    ] = 1,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="End when nothing is left to do.")
    ] = False,
) -> Answer:
    """Carry jobs on, here, until Ctrl-C. Start as many of these as you like, on any machine.

    A worker that dies leaves nothing undone: another takes its job over when its lease runs out.
    """
    from ategnatos.grimoire.jobs import database, saga

    project = call.project()
    if call.dry_run:
        from ategnatos.art.steps import SAGAS
        from ategnatos.commands.jobs.present import facts
        from ategnatos.grimoire.jobs import store

        ready: list[dict[str, Any]] = []
        if database.exists(project):
            with database.connect(project) as db:
                runnable = [job for job in store.jobs(db, sagas=SAGAS) if job.runnable]
                runnable.sort(key=lambda job: (-job.priority, job.id))
                ready = [
                    one for one in (facts(db, job) for job in runnable) if not one["waits_for"]
                ]
        told = [f"{one['job']}  {one['engine']}  {one['asked']}" for one in ready]
        return Answer({"dry_run": True, "ready": ready}, "\n".join(told) or "Nothing to do.")
    ending = threading.Event()
    hands = [_worker(call, project, number, ending) for number in range(workers)]
    done = _all(call, hands, ending, until_idle=until_idle)
    with database.connect(project) as db:
        waiting = [
            row["id"]
            for row in db.execute("SELECT id, saga, state FROM job WHERE runnable=0 ORDER BY id")
            if saga.load(row["saga"]).states[row["state"]].waits_for
        ]
    return Answer(
        {"steps": done, "waiting_for_a_person": [f"j{number}" for number in waiting]},
        f"{done} step{'' if done == 1 else 's'} carried out;"
        f" {len(waiting)} {'job waits' if len(waiting) == 1 else 'jobs wait'} for a person.",
        ("ategnatos status",) if waiting else (),
    )


def recover(call: Call) -> Answer:
    """Put jobs back whose worker is gone, and list what was sent and never heard of again.

    A running worker does the first by itself.
    """
    from ategnatos.art.steps import SAGAS
    from ategnatos.commands.jobs import present
    from ategnatos.grimoire.jobs import claims, database, effects
    from ategnatos.grimoire.jobs.leases import Policy
    from ategnatos.grimoire.jobs.owners import owner_name

    project = call.project()
    if not database.exists(project):
        return Answer({"recovered": [], "failed": [], "unclear": []}, "No jobs yet.")
    with database.connect(project) as db:
        if call.dry_run:
            back, failed = [job.name for job in claims.stale(db)], []
        else:
            found = claims.recover(db, SAGAS, owner_name(), Policy())
            back = [one.job.name for one in found if not one.failed]
            failed = [one.job.name for one in found if one.failed]
        unclear = [present.effect_facts(one) for one in effects.unsettled(db)]
    put = "Would be put" if call.dry_run else "Put"
    lines = [
        f"{put} back into the line: {', '.join(back) or 'none'}",
        *([f"Failed, after losing too many workers: {', '.join(failed)}"] if failed else []),
        *(f"Sent, and its end unknown: {one['key']} ({one['status']})" for one in unclear),
    ]
    return Answer(
        {"dry_run": call.dry_run, "recovered": back, "failed": failed, "unclear": unclear},
        "\n".join(lines),
        ("ategnatos jobs work --until-idle",) if back else (),
    )


def _worker(call: Call, project: Project, number: int, ending: threading.Event) -> Worker:
    from ategnatos.art.steps import SAGAS, Steps
    from ategnatos.engines import load_engine
    from ategnatos.grimoire.jobs.owners import owner_name
    from ategnatos.grimoire.jobs.worker import Worker
    from ategnatos.guard.actor import actor
    from ategnatos.guard.redaction import redact

    steps = Steps(project, engine_of=load_engine, now=lambda: datetime.now(UTC), actor=actor())
    return Worker(
        project,
        SAGAS,
        steps.table(),
        owner=owner_name(number),
        failed=steps.failed,
        redact=redact,
        say=call.say,
        ending=ending,
    )


def _all(call: Call, hands: list[Worker], ending: threading.Event, *, until_idle: bool) -> int:
    """Let every worker work; end them all where one cannot go on, and raise what it met."""
    done: list[int] = []
    broken: list[BaseException] = []

    def carry(hand: Worker) -> None:
        try:
            done.append(hand.work(until_idle=until_idle))
        except BaseException as error:  # noqa: BLE001 - raised below, in the main thread
            broken.append(error)
            ending.set()

    def end(number: int, frame: object) -> None:
        if ending.is_set():
            # Asked twice: now. The lease of what is left runs out.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            sys.exit(130)
        call.say("Ending; what runs is given back to the line. Once more to end at once.")
        ending.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    threads = [threading.Thread(target=carry, args=(one,), daemon=True) for one in hands]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if broken:
        raise broken[0]
    return sum(done)
