"""One module and one entry point make a provider: one from outside passes the same contract."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ategnatos.providers import Provider, installed_providers, load_provider
from ategnatos.providers.values import State
from tests.providers.clouds.cloud import KEY, Cloud
from tests.providers.clouds.toys import ToyCloud
from tests.providers.contract import ProviderContract, Turned

TOY = Path(__file__).parent / "toy"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The toy as pip would leave it: a module on the path, and its entry points beside it."""
    site = tmp_path / "site"
    declared = site / "cloud_of_toys-1.0.dist-info"
    declared.mkdir(parents=True)
    shutil.copy(TOY / "cloud_of_toys.py", site)
    shutil.copy(TOY / "entry_points.txt", declared)
    (declared / "METADATA").write_text("Metadata-Version: 2.1\nName: cloud-of-toys\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(site)
    yield
    sys.modules.pop("cloud_of_toys", None)


@pytest.mark.usefixtures("installed")
class TestToys(ProviderContract):
    states = {"building": State.PENDING, "ready": State.RUNNING, "broken": State.STOPPING}  # noqa: RUF012

    def make_cloud(self, clock: Turned) -> Cloud:
        return ToyCloud(clock)

    def make_provider(self, cloud: Cloud, limits: Mapping[str, float]) -> Provider:
        toys = load_provider("toys")
        toys.address = cloud.address.removeprefix("http://")  # type: ignore[attr-defined]
        toys.key = KEY  # type: ignore[attr-defined]
        toys.patience = limits["create"]  # type: ignore[attr-defined]
        return toys

    def test_it_is_found_beside_ours(self):
        assert "toys" in installed_providers()
        assert {"local", "runpod", "vastai", "lambda_cloud"} <= set(installed_providers())


def test_it_is_gone_when_its_package_is():
    assert "toys" not in installed_providers()
