"""The big stop button asks, then tells the provider itself; nothing is called gone early."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ategnatos.commands.studio import provider_end
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import rentals
from ategnatos.web import endings
from tests.providers.clouds.cloud import Cloud, Fault
from tests.web.renting import cloud, machine
from tests.web.serving import Inside, inside
from tests.web.test_agreeing import person

__all__ = ["cloud", "machine"]


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
def test_a_training_that_is_not_home_yet_is_said_before_its_machine_is_ended(
    project: Project, cloud: Cloud, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept(*given: object) -> None:
        raise StudioError(provider_end.RESULTS_THERE, "owl-1 trains there.", hint="Stop it.")

    monkeypatch.setattr(provider_end, "keep_results", kept)
    with inside(project) as page, person(page) as client:
        refused = client.post("/money/end", json={"machine": machine})
        assert refused.json()["error"]["code"] == "results_there"
        assert len(cloud.alive()) == 1
        client.post("/money/end", json={"machine": machine, "anyway": True})
        until(page, "gone")
    assert cloud.alive() == []


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
