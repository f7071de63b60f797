"""The big stop button asks, then tells the provider itself; nothing is called gone early."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import rentals
from ategnatos.guard.budget import approved
from ategnatos.providers.values import Wanted
from ategnatos.studio import reaper, watchdog
from ategnatos.studio.renting import create, ending
from ategnatos.studio.renting.plan import Plan
from ategnatos.web import endings
from tests.providers.clouds.cloud import KEY, Cloud, Fault
from tests.providers.clouds.runpod import RunPodCloud
from tests.providers.clouds.vastai import VastCloud
from tests.web.serving import Inside, inside
from tests.web.test_agreeing import person

CLOUDS: dict[str, tuple[type[Cloud], str, str]] = {
    "runpod": (RunPodCloud, "RUNPOD_API_KEY", "RUNPOD_API_BASE_URL"),
    "vastai": (VastCloud, "VAST_API_KEY", "VAST_URL"),
}


@pytest.fixture(params=sorted(CLOUDS))
def cloud(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Cloud]:
    make, key, address = CLOUDS[request.param]
    with make(time.time, check=False) as cloud:
        monkeypatch.setenv(key, KEY)
        monkeypatch.setenv(address, cloud.address)
        monkeypatch.setenv("ATEGNATOS_MACHINES", str(tmp_path / "machines"))
        monkeypatch.setattr(ending, "ABSENCE_SECONDS", 0.2)
        monkeypatch.setattr(watchdog, "ABSENCE_SECONDS", 0.1)
        monkeypatch.setattr(ending, "LOOK_SECONDS", 0.1)
        yield cloud


@pytest.fixture
def machine(project: Project, cloud: Cloud) -> str:
    """A machine that bills, rented as the command rents it."""
    approved.ensure_file(project)
    provider, why = reaper.provider_of(cloud.provider)
    assert provider is not None, why
    offer = next(one for one in provider.offers(Wanted()) if one.available)
    create.rent(
        project,
        approved.load(project),
        provider,
        Plan(offer, 60, "r7f3c2", 1),
        actor="user:test",
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
        say=lambda text: None,
    )
    with database.connect(project) as db:
        (one,) = rentals.live(db)
    return one.name


def until(page: Inside, state: str) -> dict[str, Any]:
    """Wait until the only end that was begun is in that state."""
    kept: endings.Endings = page.app.state.endings
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        (one,) = kept.all()
        if one.state == state:
            return one.facts()
        time.sleep(0.02)
    raise AssertionError(f"never {state}: {kept.all()}")


def test_the_provider_ends_it_and_the_page_says_so_after_two_looks(
    project: Project, cloud: Cloud, machine: str
) -> None:
    with inside(project) as page, person(page) as client:
        assert f'data-end="{machine}"' in client.get("/money").text
        assert len(cloud.alive()) == 1
        begun = client.post("/money/end", json={"machine": machine})
        assert (begun.status_code, begun.json()["machine"]) == (202, machine)
        until(page, "gone")
        assert cloud.alive() == []
        shown = client.get("/money?panel").text
        assert f'data-ended="{machine}"' in shown
        assert f'data-end="{machine}"' not in shown
        again = client.post("/money/end", json={"machine": machine})
        assert again.json()["error"]["code"] == "which_machine"
    with database.connect(project) as db:
        assert rentals.live(db) == []


@pytest.mark.parametrize("cloud", ["runpod"], indirect=True)
def test_an_end_that_is_refused_is_said_to_bill_and_can_be_asked_again(
    project: Project, cloud: Cloud, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endings, "PATIENCE_SECONDS", 0.5)
    cloud.inject("terminate", *[Fault.REFUSE] * 200)
    with inside(project) as page, person(page) as client:
        assert client.post("/money/end", json={"machine": machine}).status_code == 202
        told = until(page, "bills")
        assert "may go on billing" in told["said"]
        assert len(cloud.alive()) == 1
        shown = client.get("/money?panel").text
        assert f'data-end="{machine}"' in shown
        assert "may go on billing" in shown


@pytest.mark.chromium
@pytest.mark.parametrize("cloud", ["runpod"], indirect=True)
def test_the_button_asks_before_anything_is_sent(
    project: Project, cloud: Cloud, machine: str, browser: Any
) -> None:
    with inside(project) as page:
        browser.goto(page.link)
        browser.goto(f"{page.address}/money")
        browser.get_by_role("button", name="Stop", exact=True).click()
        browser.wait_for_selector("#ending[open]")
        assert machine in browser.inner_text("#ending-title")
        browser.get_by_role("button", name="Back").click()
        browser.wait_for_selector("#ending:not([open])", state="attached")
        assert len(cloud.alive()) == 1
        browser.get_by_role("button", name="Stop", exact=True).click()
        browser.get_by_role("button", name="End it now").click()
        browser.wait_for_selector(f'[data-ended="{machine}"]')
        assert cloud.alive() == []
