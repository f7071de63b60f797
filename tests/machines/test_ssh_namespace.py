"""A machine in a network of its own, whose cable is pulled: nothing tells us, packets just go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.machines.ssh import call, phases
from ategnatos.machines.ssh.link import Link
from tests.machines import sshd
from tests.machines.cable import FAR, Cable
from tests.waiting import wait_until

pytestmark = pytest.mark.sshd


@pytest.fixture
def cable() -> Iterator[Cable]:
    cable = Cable(os.getpid() % 100_000)
    try:
        if not cable.lay():
            pytest.skip("no network namespace can be made here (it needs root)")
        yield cable
    finally:
        cable.remove()


@pytest.fixture
def far(
    cable: Cable, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[sshd.Server]:
    if why := sshd.why_not():
        pytest.skip(why)
    monkeypatch.setattr(call, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(call, "ALIVE_SECONDS", 1)
    monkeypatch.setattr(call, "ALIVE_TIMES", 2)
    within = ("ip", "netns", "exec", cable.name)
    server = sshd.Server(tmp_path_factory.mktemp("n") / "m", address=FAR, prefix=within)
    server.start()
    yield server
    server.end()


def test_work_goes_on_while_the_cable_is_out_and_is_found_again(
    cable: Cable, far: sshd.Server
) -> None:
    gate = far.home / "gate"
    os.mkfifo(gate)
    script = f'echo before; read w < "{gate}"; echo after'
    assert phases.start(far.link(), "train", script).state == "running"
    cable.pull()

    with pytest.raises(StudioError) as error:
        Link(far.address(), waits=(0.0,)).run(["true"])
    assert error.value.details["started"] is False

    gate.write_text("on\n")
    done = far.home / phases.FOLDER / "train.done"
    wait_until(done.exists)
    cable.plug()

    def looked() -> bool:
        # A cable just plugged in may lose the first packets.
        try:
            return phases.read(far.link(), ["train"])[0].state == "done"
        except StudioError:
            return False

    wait_until(looked)
    said = b"".join(piece for piece, _ in phases.follow(far.link(), "train"))
    assert said == b"before\nafter\n"


def test_a_command_under_way_when_the_cable_goes_is_lost_and_not_run_again(
    cable: Cable, far: sshd.Server, tmp_path: Path
) -> None:
    import threading

    ran = tmp_path / "ran"
    caught: list[StudioError] = []

    def work() -> None:
        try:
            far.link().run(["sh", "-c", 'echo x >> "$1"; exec sleep 30', "-", str(ran)])
        except StudioError as error:
            caught.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    wait_until(ran.exists)
    cable.pull()
    worker.join(60)
    assert caught[0].details["started"] is None
    assert ran.read_text() == "x\n"
