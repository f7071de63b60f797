"""A provider that is played, whose machines are a real sshd on loopback: fixtures to import."""

from __future__ import annotations

import getpass
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.project import Project
from ategnatos.guard.budget import approved
from ategnatos.machines.ssh import dead_man
from ategnatos.studio import watchdog
from ategnatos.studio.renting import ending
from tests.machines import sshd
from tests.providers.clouds.cloud import KEY, Rented
from tests.providers.clouds.runpod import RunPodCloud

OFFER = "runpod:RTX-4090-x1-secure"


class Played(RunPodCloud):
    """RunPod, whose machines are an sshd on loopback."""

    server: sshd.Server

    def _made(self, body: dict[str, Any]) -> Rented:
        self.server.admit(body["env"]["PUBLIC_KEY"])
        return super()._made(body)

    def _pod(self, one: Rented) -> dict[str, Any]:
        pod = super()._pod(one)
        if (pod.get("ssh") or {}).get("direct"):
            pod["ssh"]["direct"].update(
                host="127.0.0.1", port=self.server.port, username=getpass.getuser()
            )
        return pod


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Server]:
    if why := sshd.why_not():
        pytest.skip(why)
    server = sshd.Server(tmp_path_factory.mktemp("s") / "m")
    # Nothing is ever installed on the computer that the tests run on.
    (server.home / "bin").mkdir()
    installer = server.home / "bin" / "apt-get"
    installer.write_text('#!/bin/sh\necho "$@" >> "$HOME/apt"\n')
    installer.chmod(0o755)
    server.start()
    yield server
    pid = server.home / dead_man.FOLDER / "pid"
    if pid.exists():
        with suppress(ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGTERM)
    server.end()


@pytest.fixture
def cloud(server: sshd.Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Played]:
    with Played(time.time, check=False) as cloud:
        cloud.server = server
        monkeypatch.setenv("RUNPOD_API_KEY", KEY)
        monkeypatch.setenv("RUNPOD_API_BASE_URL", cloud.address)
        monkeypatch.setattr(ending, "ABSENCE_SECONDS", 0.2)
        monkeypatch.setattr(watchdog, "ABSENCE_SECONDS", 0.1)
        yield cloud


@pytest.fixture
def studio(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    approved.ensure_file(project)
    monkeypatch.chdir(project.root)
    return project.root
