"""A machine that bills, of a provider that is played, rented as the command rents it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import rentals
from ategnatos.guard.budget import approved
from ategnatos.providers.values import Wanted
from ategnatos.studio import reaper, watchdog
from ategnatos.studio.renting import create, ending
from ategnatos.studio.renting.plan import Plan
from tests.providers.clouds.cloud import KEY, Cloud
from tests.providers.clouds.runpod import RunPodCloud
from tests.providers.clouds.vastai import VastCloud

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
    return rented(project, cloud.provider, minutes=60, actor="user:test")


def rented(project: Project, named: str, *, minutes: int, actor: str) -> str:
    """Rent of a provider whose cloud is already played; the machine's name."""
    provider, why = reaper.provider_of(named)
    assert provider is not None, why
    offer = next(one for one in provider.offers(Wanted()) if one.available)
    create.rent(
        project,
        approved.load(project),
        provider,
        Plan(offer, minutes, "r7f3c2", 1),
        actor=actor,
        clock=lambda: datetime.now(UTC),
        sleep=time.sleep,
        say=lambda text: None,
    )
    with database.connect(project) as db:
        (one,) = rentals.live(db)
    return one.name
