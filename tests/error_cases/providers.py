"""One real way to provoke each error of providers and machines."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

KEY = "no-account-has-this-key"


def _unknown(folder: Path) -> None:
    from ategnatos.providers import load_provider

    load_provider("cloud-of-dreams")


def _unavailable(folder: Path) -> None:
    import sys

    from ategnatos.providers import load_provider

    place = folder / "half-1.0.dist-info"
    place.mkdir()
    (place / "entry_points.txt").write_text("[ategnatos.providers]\nhalf = builtins:object\n")
    sys.path.insert(0, str(folder))
    try:
        load_provider("half")
    finally:
        sys.path.remove(str(folder))


def _silent(folder: Path) -> None:
    from ategnatos.providers.runpod import RunPod

    # Port 9 of this computer: nobody listens there.
    RunPod("http://127.0.0.1:9", lambda: KEY, sleep=lambda seconds: None).ours()


def _refused(folder: Path) -> None:
    from ategnatos.providers.runpod import RunPod
    from tests.providers.clouds.runpod import RunPodCloud

    with RunPodCloud() as cloud:
        RunPod(cloud.address, lambda: KEY).ours()


def _address(folder: Path) -> None:
    from ategnatos.providers.vastai import VastAi

    os.environ["VAST_URL"] = "http://vast.example.com"
    try:
        VastAi(key=lambda: KEY).ours()
    finally:
        del os.environ["VAST_URL"]


CASES: dict[str, Callable[[Path], None]] = {
    "provider_unknown": _unknown,
    "provider_unavailable": _unavailable,
    "provider_silent": _silent,
    "provider_refused": _refused,
    "provider_address": _address,
}
