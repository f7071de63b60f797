"""A studio that rents from a provider which does not exist, in a time that the test turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ategnatos.grimoire.jobs import database
from ategnatos.grimoire.project import Project
from ategnatos.grimoire.spend import machines, rentals
from ategnatos.grimoire.spend.machines import Ordered
from ategnatos.grimoire.spend.records import Rental
from ategnatos.guard.budget.config import Config
from ategnatos.providers import Provider
from ategnatos.providers.adapter import Adapter
from ategnatos.providers.lambda_cloud import LambdaCloud
from ategnatos.providers.runpod import RunPod
from ategnatos.providers.values import Wanted
from ategnatos.providers.vastai import VastAi
from ategnatos.studio.renting import create
from ategnatos.studio.renting.plan import Plan
from tests.providers.clouds.cloud import KEY, Cloud
from tests.providers.clouds.lambda_cloud import LambdaCloudServer
from tests.providers.clouds.runpod import RunPodCloud
from tests.providers.clouds.vastai import VastCloud
from tests.providers.clouds.wireless import Wireless

PAIRS: dict[str, tuple[type[Cloud], type[Adapter]]] = {
    "runpod": (RunPodCloud, RunPod),
    "vastai": (VastCloud, VastAi),
    "lambda_cloud": (LambdaCloudServer, LambdaCloud),
}


@dataclass
class House:
    """Everything a rental touches."""

    project: Project
    name: str
    seconds: float = 1_795_000_000.0
    config: Config = field(default_factory=Config)
    said: list[str] = field(default_factory=list)
    on_sleep: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        make, adapter = PAIRS[self.name]
        self.cloud: Cloud = make(lambda: self.seconds, check=False)
        built = adapter(
            "http://127.0.0.1:1",
            lambda: KEY,
            sleep=self.sleep,
            pace=lambda method, path: None,
            transport=Wireless(self.cloud),
        )
        assert isinstance(built, Provider)
        self.provider: Provider = built

    def clock(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.on_sleep()

    def provider_of(self, name: str) -> tuple[Provider | None, str]:
        return (self.provider, "") if name == self.name else (None, f"no provider {name!r}")

    def plan(self, run: str = "r7f3c2", minutes: int = 120, attempt: int = 1) -> Plan:
        offer = next(one for one in self.provider.offers(Wanted()) if one.available)
        return Plan(offer, minutes, run, attempt)

    def rent(self, plan: Plan | None = None) -> create.Rented:
        return create.rent(
            self.project,
            self.config,
            self.provider,
            plan or self.plan(),
            actor="user:test",
            clock=self.clock,
            sleep=self.sleep,
            say=self.said.append,
        )

    def orders(self) -> list[Ordered]:
        with database.connect(self.project) as db:
            return machines.in_states(
                db, "intent", "sent", "made", "refused", "missing", "never", "dropped", "ended"
            )

    def live(self) -> list[Rental]:
        with database.connect(self.project) as db:
            return rentals.live(db)

    def money(self) -> list[tuple[str, int]]:
        """Status and counted millionths of every reservation, in order."""
        with database.connect(self.project) as db:
            rows = db.execute("SELECT status, counts FROM spend ORDER BY reserved_at, key")
            return [(str(row[0]), int(row[1])) for row in rows.fetchall()]


@pytest.fixture(params=sorted(PAIRS))
def house(
    request: pytest.FixtureRequest,
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> House:
    monkeypatch.setenv("ATEGNATOS_MACHINES", str(tmp_path / "machines"))
    return House(project, request.param)
