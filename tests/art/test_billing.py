"""A billed order: reserved before it is sent, settled by the bill, never sent twice by itself."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ategnatos.art import billing, generate, steps
from ategnatos.art import order as orders
from ategnatos.engines import ENGINE_UNAVAILABLE, LoraUse, PriceEstimate, Request
from ategnatos.grimoire import locks
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.jobs.worker import Worker
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import report
from ategnatos.guard.budget import approved, config, policy
from ategnatos.guard.budget.config import Config, UnitCaps
from ategnatos.studio import resolving
from tests.engines.toll import VENDOR_UNCLEAR, Toll, Vendor

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with Vendor() as open_now:
        yield open_now


@pytest.fixture
def studio(project: Project) -> Project:
    approved.ensure_file(project)
    return project


def make(project: Project, engine: Any, prompt: str = "a square", count: int = 2) -> Any:
    order = orders.plan(engine, Request(prompt, 0, count=count), explicit_seed=None)
    return generate.carry_out(project, engine, order, now=lambda: NOON, actor="user:test")


def rows(project: Project) -> list[tuple[str, str, int]]:
    with database.connect(project) as db:
        found = db.execute("SELECT unit, status, counts FROM spend ORDER BY key, unit").fetchall()
    return [(row[0], row[1], row[2]) for row in found]


def refused(project: Project, engine: Any, **more: Any) -> StudioError:
    with pytest.raises(StudioError) as error:
        make(project, engine, **more)
    return error.value


def test_a_fair_bill_is_settled_and_reported_by_everything(studio: Project, vendor: Vendor) -> None:
    made = make(studio, Toll(vendor.port))
    assert rows(studio) == [("usd", "settled", 1_000_000)]
    with database.connect(studio) as db:
        for by, name in [
            ("day", "2026-11-21"),
            ("engine", "toll"),
            ("job", made.job.name),
            ("project", studio.root.name),
            ("lora", ""),
        ]:
            (group,) = report.grouped(db, by)
            assert (group.name, group.settled) == (name, 1_000_000)


def test_the_same_order_again_is_not_billed_again(studio: Project, vendor: Vendor) -> None:
    make(studio, Toll(vendor.port))
    make(studio, Toll(vendor.port))
    assert (vendor.calls, len(rows(studio))) == (1, 1)


def test_a_missing_picture_of_a_billed_engine_is_bought_again_and_counted(
    studio: Project, vendor: Vendor
) -> None:
    made = make(studio, Toll(vendor.port))
    (studio.root / made.candidates[0].path).unlink()
    make(studio, Toll(vendor.port))
    assert rows(studio) == [("usd", "settled", 1_000_000)] * 2
    assert len(vendor.till) == 2


def test_past_a_cap_nothing_is_sent(studio: Project, vendor: Vendor) -> None:
    error = refused(studio, Toll(vendor.port, each=Decimal("5.01")))
    assert error.code is policy.BUDGET_REFUSED
    assert error.details["caps"][0]["field"] == "max_job_cost"
    assert (vendor.calls, rows(studio)) == (0, [])
    make(studio, Toll(vendor.port, each=Decimal("5.00")))


def test_without_an_approved_budget_nothing_is_sent(studio: Project, vendor: Vendor) -> None:
    path = config.path_of(studio)
    path.write_bytes(path.read_bytes().replace(b"25.00", b"2500.00"))
    assert refused(studio, Toll(vendor.port)).code is approved.BUDGET_NOT_APPROVED
    path.unlink()
    assert refused(studio, Toll(vendor.port)).code is config.BUDGET_MISSING
    assert vendor.calls == 0


def test_a_no_before_billing_gives_the_money_back(studio: Project, vendor: Vendor) -> None:
    vendor.mood = "no"
    assert refused(studio, Toll(vendor.port)).code is ENGINE_UNAVAILABLE
    assert rows(studio) == [("usd", "released", 0)]
    vendor.mood = "fair"
    make(studio, Toll(vendor.port))
    assert sorted(rows(studio)) == [("usd", "released", 0), ("usd", "settled", 1_000_000)]


@pytest.mark.parametrize("mood", ["lost", "created"])
def test_an_unknown_end_keeps_the_money_and_is_not_sent_again(
    studio: Project, vendor: Vendor, mood: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.mood = mood
    assert refused(studio, Toll(vendor.port)).code is VENDOR_UNCLEAR
    assert rows(studio) == [("usd", "unknown", 1_000_000)]
    vendor.mood = "fair"
    error = refused(studio, Toll(vendor.port))
    assert error.code is billing.BILL_UNCLEAR
    assert vendor.calls == 1
    (key,) = error.details["keys"]
    monkeypatch.setattr("ategnatos.guard.gate.terminal.confirm", lambda *_, **__: None)
    resolving.resolve(studio, key, {"usd": 900_000}, redo="", now=NOON)
    assert rows(studio) == [("usd", "settled", 900_000)]
    make(studio, Toll(vendor.port))
    assert vendor.calls == 2


def test_a_process_killed_in_the_call_leaves_it_unclear(studio: Project, vendor: Vendor) -> None:
    engine = Toll(vendor.port)
    child = os.fork()
    if child == 0:
        engine.painter.before_paint = lambda: os.kill(os.getpid(), signal.SIGKILL)
        make(studio, engine)
    os.waitpid(child, 0)
    assert rows(studio) == [("usd", "reserved", 1_000_000)]
    assert refused(studio, Toll(vendor.port)).code is billing.BILL_UNCLEAR
    assert rows(studio) == [("usd", "unknown", 1_000_000)]
    assert vendor.calls == 1


def test_a_dear_bill_is_recorded_as_it_is_and_said(studio: Project, vendor: Vendor) -> None:
    vendor.mood = "dear"
    made = make(studio, Toll(vendor.port))
    assert rows(studio) == [("usd", "settled", 2_000_000)]
    assert any("1.00 USD more than the price" in text for text in made.job.warnings)


def test_a_vendor_that_names_no_price_is_settled_at_the_estimate(
    studio: Project, vendor: Vendor
) -> None:
    vendor.mood = "mute"
    make(studio, Toll(vendor.port))
    with database.connect(studio) as db:
        (group,) = report.totals(db)
    assert (group.settled, group.estimated) == (1_000_000, 1_000_000)


def test_units_are_a_ledger_of_their_own(studio: Project, vendor: Vendor) -> None:
    engine = Toll(vendor.port, each=Decimal(20), ledger="generations")
    assert "Nobody has allowed" in refused(studio, engine).message
    caps = Config(units={"generations": UnitCaps(50_000_000, None)})
    config.path_of(studio).write_bytes(config.text_of(caps))
    assert refused(studio, engine).code is approved.BUDGET_NOT_APPROVED
    assert vendor.calls == 0


def test_pictures_that_never_came_were_billed_all_the_same(studio: Project, vendor: Vendor) -> None:
    engine = Toll(vendor.port)
    engine.painter.forget_one = True
    assert refused(studio, engine).code is steps.ENGINE_BROKE
    assert rows(studio) == [("usd", "settled", 1_000_000)]


def test_a_price_that_is_none_is_refused(studio: Project, vendor: Vendor) -> None:
    class Odd(Toll):
        def estimate(self, request: Request) -> PriceEstimate:
            return PriceEstimate(Decimal("NaN"), "a joke")

    assert refused(studio, Odd(vendor.port)).code is billing.PRICE_UNSOUND


def test_the_loras_of_an_order_are_its_tags(studio: Project, vendor: Vendor) -> None:
    engine = Toll(vendor.port)
    order = orders.plan(engine, Request("a square", 0), explicit_seed=None)
    used = Request("a square", 0, loras=(LoraUse("inky", "inky.safetensors"),))
    entry = billing.entry_of(studio, engine, orders.replace(order, request=used), job="j1", tries=0)
    assert ("lora", "inky") in entry.tags


def test_the_command_says_the_price_first_and_bills_only_with_confirm(
    studio: Project, vendor: Vendor, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ategnatos.engines.load_engine", lambda *_: Toll(vendor.port))
    words = ("art", "generate", "a square", "--engine", "toll", "-n", "1", "--json")
    ran = run(*words, cwd=studio.root)
    assert ran.envelope["error"]["code"] == "price_not_confirmed"
    assert "0.50 USD" in ran.envelope["error"]["message"]
    assert vendor.calls == 0
    assert run(*words, "--dry-run", cwd=studio.root).data["price_usd"] == "0.50"
    assert run(*words, "--confirm", cwd=studio.root).data["awaiting_person"]
    data = run("studio", "budget", "report", "--by", "engine", "--json", cwd=studio.root).data
    assert data["groups"][0]["settled"] == "0.50"
    money = run("status", "--json", cwd=studio.root).data["budget"]
    assert money["caps"][1]["used"] == "0.50"


def test_a_queued_job_past_the_days_cap_waits_for_midnight_utc(
    studio: Project, vendor: Vendor
) -> None:
    """The daily ceiling stops the claiming, and fails nobody."""
    engine = Toll(vendor.port, each=Decimal("4.90"))
    for number in range(3):
        order = orders.plan(engine, Request(f"square {number}", 0, count=2), explicit_seed=None)
        generate.enqueue(studio, "toll", order, now=lambda: NOON, actor="user:test")
    work = steps.Steps(studio, engine_of=lambda _: engine, now=lambda: NOON, actor="user:test")
    worker = Worker(
        studio, steps.SAGAS, work.table(), clock=lambda: NOON.timestamp(), failed=work.failed
    )
    assert worker.work(until_idle=True) == 3
    assert [status for _, status, _ in rows(studio)] == ["settled", "settled"]
    with database.connect(studio) as db:
        states = db.execute("SELECT state, not_before FROM job ORDER BY id").fetchall()
    assert [row["state"] for row in states] == ["awaiting_review"] * 2 + ["generating"]
    midnight = NOON.replace(hour=0).timestamp() + 24 * 3600
    assert states[2]["not_before"] == pytest.approx(midnight, abs=1)


def test_a_journal_in_somebody_elses_hands_stops_no_job_for_good(
    studio: Project, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Money is written there before it is sent; a stopped process may hold it for long."""
    monkeypatch.setattr("ategnatos.grimoire.locks.WAIT_SECONDS", 0.2)
    engine = Toll(vendor.port)
    order = orders.plan(engine, Request("a square", 0, count=2), explicit_seed=None)
    generate.enqueue(studio, "toll", order, now=lambda: NOON, actor="user:test")
    work = steps.Steps(studio, engine_of=lambda _: engine, now=lambda: NOON, actor="user:test")
    waits = threading.Event()

    def say(text: str) -> None:
        if "Trying again" in text:
            waits.set()

    ahead = [0.0]
    worker = Worker(
        studio,
        steps.SAGAS,
        work.table(),
        clock=lambda: NOON.timestamp() + ahead[0],
        failed=work.failed,
        say=say,
    )
    done: list[int] = []
    thread = threading.Thread(target=lambda: done.append(worker.work(until_idle=True)))
    with locks.hold(studio, "journal"):
        thread.start()
        assert waits.wait(60)
        assert vendor.calls == 0
    ahead[0] = 3600.0  # its lease of then has run out
    thread.join(60)
    assert done
    assert vendor.calls == 1
    assert rows(studio) == [("usd", "settled", 1_000_000)]


def test_an_override_needs_its_reason_and_a_signature(
    studio: Project, vendor: Vendor, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "ategnatos.engines.load_engine", lambda *_: Toll(vendor.port, each=Decimal(30))
    )
    words = ("art", "generate", "a square", "-n", "1", "--confirm", "--json")
    assert run(*words, cwd=studio.root).envelope["error"]["code"] == "budget_refused"
    ran = run(*words, "--override", cwd=studio.root)
    assert ran.envelope["error"]["code"] == "usage"
    ran = run(*words, "--override", "--because", "a deadline", cwd=studio.root)
    assert ran.envelope["error"]["code"] == "signature_needed"
    assert (vendor.calls, rows(studio)) == (0, [])
