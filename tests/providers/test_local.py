"""This computer as a provider: real processes, begun once under a name and really ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ategnatos.guard.budget.teardown import Outcome, Presence
from ategnatos.providers import Provider
from ategnatos.providers import local as module
from ategnatos.providers.local import Local
from ategnatos.providers.values import Created, Intent, Kind, Refused, State, Wanted
from tests.waiting import wait_until


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Local]:
    provider = Local(tmp_path / "machines")
    yield provider
    for one in provider.ours():
        provider.terminate(one.id)


def intent(provider: Local, start: str = "", number: int = 1) -> Intent:
    (offer,) = provider.offers(Wanted(disk_gb=1))
    return Intent(f"ateg-local-a{number}", "local", offer, "", disk_gb=1, start=start)


def made(provider: Local, start: str = "", number: int = 1) -> str:
    answer = provider.create(intent(provider, start, number))
    assert isinstance(answer, Created)
    return answer.id


def test_it_is_a_provider_whose_one_offer_costs_nothing(provider: Local) -> None:
    assert isinstance(provider, Provider)
    (offer,) = provider.offers(Wanted(disk_gb=1))
    assert offer.price == 0
    assert not provider.terms().bills
    assert provider.offers(Wanted(bid=True)) == []
    assert provider.offers(Wanted(gpu="RTX 9999 of tomorrow")) == []
    (full,) = provider.offers(Wanted(disk_gb=10**9))
    assert not full.available


def test_a_machine_is_a_group_of_processes_that_ends_as_a_whole(
    provider: Local, tmp_path: Path
) -> None:
    child = tmp_path / "child"
    name = made(provider, f"sleep 600 & echo $! > {child}; wait")
    wait_until(lambda: child.exists() and child.read_text().strip())
    one = provider.get(name)
    assert one is not None
    assert one.state is State.RUNNING
    assert provider.observe(name).presence is Presence.PRESENT
    assert [other.id for other in provider.ours()] == [name]
    assert provider.terminate(name).outcome is Outcome.ACCEPTED
    wait_until(lambda: provider.observe(name).presence is Presence.ABSENT)
    pid = int(child.read_text())
    wait_until(lambda: not _runs(pid))
    assert provider.terminate(name).outcome is Outcome.ALREADY_GONE
    assert provider.terminate(name).outcome is Outcome.ALREADY_GONE


def test_one_name_is_one_machine(provider: Local) -> None:
    made(provider)
    again = provider.create(intent(provider))
    assert isinstance(again, Refused)
    assert again.kind is Kind.REQUEST
    assert len(provider.find("ateg-local-a1")) == 1


def test_one_that_will_not_go_politely_is_killed_when_asked_later(
    provider: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = tmp_path / "ready"
    name = made(provider, f"trap '' TERM; touch {ready}; while :; do sleep 0.1; done")
    wait_until(ready.exists)
    assert provider.terminate(name).said == "asked to end"
    one = provider.get(name)
    assert one is not None
    assert one.state is State.STOPPING
    monkeypatch.setattr(module, "_POLITE_SECONDS", 0.0)
    assert provider.terminate(name).said == "killed"
    wait_until(lambda: provider.observe(name).presence is Presence.ABSENT)


def test_a_machine_whose_process_ended_by_itself_is_gone(provider: Local) -> None:
    name = made(provider, "exit 3")
    wait_until(lambda: provider.observe(name).presence is Presence.ABSENT)


def test_a_number_that_another_process_has_now_is_not_ended(provider: Local) -> None:
    name = made(provider)
    path = provider.folder / f"{name}.json"
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        old = path.read_text()
        entry = json.loads(old)
        path.write_text(json.dumps({**entry, "pid": stranger.pid}))
        assert provider.terminate(name).outcome is Outcome.ALREADY_GONE
        assert stranger.poll() is None
        path.write_text(old)
    finally:
        stranger.kill()
        stranger.wait()


def test_one_whose_maker_died_before_it_was_named_is_found_by_its_mark(provider: Local) -> None:
    name = made(provider)
    path = provider.folder / f"{name}.json"
    path.write_text("")

    def found() -> bool:
        one = provider.get(name)
        return one is not None and one.state is State.RUNNING

    # The kernel shows what a process was started with a moment after it has begun.
    wait_until(found)
    assert provider.terminate(name).outcome is Outcome.ACCEPTED
    wait_until(lambda: not provider.ours())


def test_a_file_that_never_named_a_process_is_removed_in_time(provider: Local) -> None:
    provider.folder.mkdir(parents=True)
    path = provider.folder / "ateg-dead-a1.json"
    path.write_text("")
    one = provider.get("ateg-dead-a1")
    assert one is not None
    assert one.state is State.UNKNOWN
    assert provider.terminate("ateg-dead-a1").outcome is Outcome.REFUSED
    long_ago = path.stat().st_mtime - 1000
    os.utime(path, (long_ago, long_ago))
    assert provider.terminate("ateg-dead-a1").outcome is Outcome.ALREADY_GONE
    assert not path.exists()


def test_what_it_has_no_place_for_is_refused(provider: Local) -> None:
    from dataclasses import replace

    asked = intent(provider)
    for changed in (
        replace(asked, bid=Decimal(1)),
        replace(asked, image="an/image"),
        replace(asked, label="../escape"),
        replace(asked, disk_gb=10**9),
    ):
        assert isinstance(provider.create(changed), Refused)
    assert provider.ours() == []
    assert provider.get("../escape") is None


def test_it_bills_nothing_and_leaves_nothing(provider: Local) -> None:
    name = made(provider)
    assert provider.billing_proof(name, datetime.now(UTC)).billed == 0
    assert provider.leftovers() == []
    assert provider.admit(name, "").outcome is Outcome.ACCEPTED
    assert provider.ssh(name) == ()


def _runs(pid: int) -> bool:
    from ategnatos.guard.locks import process

    return process.of(pid) is not None
