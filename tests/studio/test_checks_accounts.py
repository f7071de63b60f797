"""The doctor looks at each account: does its key work, does its money last, who watches?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import rentals
from ategnatos.studio.checks import providers
from ategnatos.studio.checks.finding import Finding, Outcome
from tests.providers.clouds.cloud import KEY
from tests.providers.clouds.vastai import VastCloud


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[VastCloud]:
    with VastCloud(time.time, check=False) as cloud:
        monkeypatch.setenv("VAST_URL", cloud.address)
        monkeypatch.setenv("VAST_API_KEY", KEY)
        # No other program of the account decides what is found.
        monkeypatch.setenv("PATH", str(tmp_path))
        yield cloud


def rent(project: Project, rate_usd: float) -> None:
    with database.connect(project) as db, database.writing(db):
        rentals.start(
            db,
            provider="vastai",
            resource="1",
            rate=int(rate_usd * 1_000_000),
            minutes=60,
            spend_key="k",
            now=datetime.now(UTC),
        )


def found(project: Project) -> dict[str, Finding]:
    return {one.check: one for one in providers.accounts(project)}


def test_accounts_without_a_key_here_are_not_asked(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert found(project) == {}


def test_a_key_that_works_is_well_and_the_provider_s_own_limit_is_told(
    project: Project, cloud: VastCloud
) -> None:
    (seen,) = found(project).values()
    assert (seen.check, seen.outcome) == ("account vastai", Outcome.OK)
    assert "25" in seen.found
    assert "Its own limit:" in seen.found


def test_a_key_that_is_refused_is_a_failure_that_says_what_it_means(
    project: Project, cloud: VastCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAST_API_KEY", "another-key-0123456789")
    assert found(project)["account vastai"].outcome is Outcome.FAILED
    rent(project, 0.5)
    seen = found(project)["account vastai"]
    assert "cannot be ended from here" in seen.means


@pytest.mark.parametrize(("rate", "outcome"), [(12.0, Outcome.OK), (13.0, Outcome.NOTE)])
def test_less_than_two_hours_of_money_is_a_warning(
    project: Project, cloud: VastCloud, rate: float, outcome: Outcome
) -> None:
    rent(project, rate)
    seen = found(project)["account vastai"]
    assert seen.outcome is outcome
    assert ("less than 2 hours" in seen.found) is (outcome is Outcome.NOTE)


def test_machines_without_a_reaper_that_looks_are_a_failure(
    project: Project, cloud: VastCloud
) -> None:
    rent(project, 0.5)
    assert "never looked" in found(project)["reaper"].found
    for ago, outcome in ((10, Outcome.FAILED), (1, Outcome.OK)):
        with database.connect(project) as db, database.writing(db):
            rentals.note_sweep(db, now=datetime.now(UTC) - timedelta(minutes=ago))
        assert found(project)["reaper"].outcome is outcome
