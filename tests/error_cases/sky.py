"""One real refusal for every error code of SkyPilot, which is played."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from ategnatos.commands.contract import Call
from ategnatos.commands.studio import provider_sky
from ategnatos.providers.sky import program, task


def _without(folder: Path) -> dict[str, str]:
    return {"PATH": str(folder), "ATEGNATOS_SKY": str(folder / "none")}


def _missing(folder: Path) -> None:
    with patch.dict(os.environ, _without(folder)):
        program.need()


def _task(folder: Path) -> None:
    task.bounds("resources: {accelerators: L4}")


def _install(folder: Path) -> None:
    failed = subprocess.CompletedProcess([], 1, b"", b"No matching distribution found")
    with (
        patch.dict(os.environ, _without(folder)),
        patch.object(subprocess, "run", return_value=failed),
    ):
        provider_sky.install(Call("test", json=True))


def _failed(folder: Path) -> None:
    (folder / "sky").write_text("#!/bin/sh\necho 'Cluster does not exist'\nexit 1\n")
    (folder / "sky").chmod(0o755)
    with patch.dict(os.environ, {"PATH": f"{folder}:{os.environ['PATH']}"}):
        failed = provider_sky.logs(Call("test", json=True), "nothing").failed
    assert failed is not None
    raise failed


CASES: dict[str, Callable[[Path], None]] = {
    "sky_missing": _missing,
    "sky_task": _task,
    "sky_install": _install,
    "sky_failed": _failed,
}
