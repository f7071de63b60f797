"""How to provoke every error code of money: the ledger, the budget, the rentals."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import ledger, rentals
from ategnatos.grimoire.spend.amounts import USD
from ategnatos.grimoire.spend.records import Entry
from ategnatos.guard.budget import approved, config, policy
from ategnatos.studio import rentals as room

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def studio(folder: Path) -> Project:
    return Project.create(folder / "studio")


def spend_unknown(folder: Path) -> None:
    with database.connect(studio(folder)) as db, database.writing(db):
        ledger.settle(db, "never", None, now=NOW)


def budget_refused(folder: Path) -> None:
    with database.connect(studio(folder)) as db, database.writing(db):
        one = Entry("k", "a test", {USD: 26_000_000})
        policy.reserve(db, config.Config(), one, now=NOW)


def rental_running(folder: Path) -> None:
    project, caps = studio(folder), config.Config()
    for _ in range(2):
        wanted = room.Plan("runpod", "pod-1", 400_000, 60)
        room.start(project, caps, wanted, wanted.entry(NOW), actor="user:test", now=NOW)


def rental_unknown(folder: Path) -> None:
    with database.connect(studio(folder)) as db:
        rentals.get_live(db, "runpod", "pod-1")


def rental_rate(folder: Path) -> None:
    room.plan(studio(folder), config.Config(), "runpod:pod-1", rate=None, minutes=None)


def rental_name(folder: Path) -> None:
    room.parse_name("pod-1")


def still_billing(folder: Path) -> None:
    from tests.studio.fake_provider import Cloud

    project, wanted = studio(folder), room.Plan("fake", "pod-1", 400_000, 60)
    room.start(project, config.Config(), wanted, wanted.entry(NOW), actor="user:test", now=NOW)
    with Cloud() as cloud:
        cloud.machines.add("pod-1")
        room.stop_by_word(project, "fake:pod-1", cloud.find, now=NOW)


def budget_missing(folder: Path) -> None:
    config.read(studio(folder))


def budget_invalid(folder: Path) -> None:
    config.parse(b'{"max_total_cost": "lots"}')


def budget_not_approved(folder: Path) -> None:
    project = studio(folder)
    approved.ensure_file(project)
    path = config.path_of(project)
    path.write_bytes(path.read_bytes().replace(b"50.00", b"5000.00"))
    approved.load(project)


def person_must_act(folder: Path) -> None:
    from ategnatos.commands.contract import Call
    from ategnatos.commands.studio.budget_timer import stop

    project, wanted = studio(folder), room.Plan("nobody", "pod-1", 400_000, 60)
    room.start(project, config.Config(), wanted, wanted.entry(NOW), actor="user:test", now=NOW)
    answer = stop(Call("stop", project_option=project.root), "nobody:pod-1")
    assert answer.failed is not None
    raise answer.failed


def _bought(folder: Path, *moods: str) -> None:
    from ategnatos.art import generate, order
    from ategnatos.engines import Request
    from tests.engines.toll import Toll, Vendor

    project = studio(folder)
    approved.ensure_file(project)
    with Vendor() as vendor:
        engine = Toll(vendor.port)
        planned = order.plan(engine, Request("a square", 0), explicit_seed=None)
        for mood in moods:
            vendor.mood = mood
            with suppress(StudioError) if mood != moods[-1] else nullcontext():
                generate.carry_out(project, engine, planned, now=lambda: NOW, actor="user:test")


def bill_unclear(folder: Path) -> None:
    _bought(folder, "lost", "fair")


def not_unclear(folder: Path) -> None:
    from ategnatos.studio import resolving

    _bought(folder, "fair")
    project = Project(folder / "studio")
    with database.connect(project) as db:
        key = db.execute("SELECT key FROM spend").fetchone()[0]
    resolving.resolve(project, key, None, redo="", now=NOW)


def price_unsound(folder: Path) -> None:
    from decimal import Decimal

    from ategnatos.art import billing
    from ategnatos.engines import PriceEstimate

    billing.amounts_of(PriceEstimate(Decimal(-1), "a gift"))


CASES: dict[str, Callable[[Path], None]] = {
    "spend_unknown": spend_unknown,
    "budget_refused": budget_refused,
    "rental_running": rental_running,
    "rental_unknown": rental_unknown,
    "rental_rate": rental_rate,
    "rental_name": rental_name,
    "still_billing": still_billing,
    "person_must_act": person_must_act,
    "bill_unclear": bill_unclear,
    "not_unclear": not_unclear,
    "price_unsound": price_unsound,
    "budget_missing": budget_missing,
    "budget_invalid": budget_invalid,
    "budget_not_approved": budget_not_approved,
}
