"""Gates 3 and 4 on a machine behind a real ssh server: the same, and nothing of it lies here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ategnatos.grimoire.project import Project
from ategnatos.guard.budget import approved
from ategnatos.guard.gate import terminal
from ategnatos.machines.ssh import link, phases
from ategnatos.train import gates
from ategnatos.train.gates.environment import recording, setting_up
from ategnatos.train.machine import machine_of
from ategnatos.train.plan import store
from ategnatos.trainers import known
from tests.conftest import Run
from tests.machines import on_record, sshd
from tests.machines.on_record import NAME
from tests.train.gates import ready

pytestmark = pytest.mark.sshd


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Server]:
    if why := sshd.why_not():
        pytest.skip(why)
    server = sshd.Server(tmp_path_factory.mktemp("s") / "m")
    server.start()
    yield server
    server.end()


@pytest.fixture
def rented(
    studio: Project, far: sshd.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """The studio with one machine on record, which is the server."""
    monkeypatch.setenv("ATEGNATOS_MACHINES", str(tmp_path / "machines"))
    approved.ensure_file(studio)
    on_record.put(studio, ready.NOW)
    on_record.way(tmp_path / "machines", far)
    far.admit()
    return studio


def test_gates_three_and_four_on_a_rented_machine(
    rented: Project, far: sshd.Server, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready.plan(rented)
    at = {"cwd": rented.root}
    machine = ("--machine", NAME, "--json")
    # What this computer can refuse is refused before the machine is asked anything.
    error = run("train", "environment", "owl", *machine, **at).envelope["error"]
    assert (error["code"], error["details"]["gate"]) == ("train_gate", 2)
    monkeypatch.setattr(terminal, "confirm", lambda lines, redo: None)
    assert run("train", "confirm", "owl", **at).code == 0

    there = run("train", "environment", "owl", *machine, **at).data
    assert there["fits"], there["stops"]
    assert there["base"] == str(far.home / "ategnatos")
    tried = run("train", "dry-run", "owl", *machine, **at).data
    assert tried["passed"]
    assert tried["drawn"] == [3, 3]
    assert tried["checkpoint"]["bytes"] > 1000
    log = rented.root / tried["log"]
    assert str(far.home) in log.read_text()
    # What proved itself is gone from there, too.
    assert not list((far.home / "ategnatos").rglob("*.safetensors"))
    kept = store.load(rented, "owl")
    opened = gates.require(rented, kept, "starter", NAME)
    assert opened.environment["label"].startswith("runpod")
    # Nothing of it opens a gate here, and nothing holds when the machine is not reached.
    assert not gates.states(rented, kept, "starter", "local", (3,))[0].open
    far.stop()
    try:
        monkeypatch.setattr(link, "Link", partial(link.Link, waits=()))
        third = gates.states(rented, kept, "starter", NAME, (3,))[0]
    finally:
        far.start()
    assert not third.open
    assert "could not be looked at" in third.why


def test_a_trainer_is_set_up_there_by_a_phase_that_may_run_again(
    rented: Project, far: sshd.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script is the real one; what it would fetch from the network is played."""
    kept = ready.sdxl(rented, tmp_path / "base.safetensors")
    before = recording.check(rented, kept, "kohya", NAME)
    assert not before.fits
    home = before.there.places.trainer("kohya")
    script = setting_up.script(before, home)
    assert "git clone --recurse-submodules https://github.com/kohya-ss/sd-scripts" in script
    assert f"checkout -q {known.trainer('kohya').commit}" in script
    assert "openai/clip-vit-large-patch14" in script
    ran = machine_of(rented, NAME).run(["sh", "-n"], input=script.encode())
    assert ran.ok, ran.errors
    # What a plan calls its models stays a name.
    odd = "a/b'; touch ~/taken; echo '$(touch ~/taken)"
    needs = replace(before.there.needs, what={odd: "base model"})
    said = setting_up.script(replace(before, there=replace(before.there, needs=needs)), home)
    lines = [line for line in said.splitlines() if "a/b" in line]
    assert len(lines) == 2
    quoted = "\n".join(["python() { :; }", lines[0], lines[1].replace(f"{home}/venv/bin/", "")])
    ran = machine_of(rented, NAME).run(["sh"], input=quoted.encode())
    assert ran.output == f"== base model: {odd}\n"
    assert not (far.home / "taken").exists()

    # Played: what would be fetched.
    marks = "echo '== one'\nmkdir -p ~/ategnatos/made\ntouch ~/ategnatos/made/it\n"
    monkeypatch.setattr(setting_up, "script", lambda found, home: marks)
    monkeypatch.setattr(phases, "LOOK_SECONDS", 0.1)
    for _ in range(2):
        said: list[str] = []
        setting_up.set_up(rented, before, say=said.append)
        assert "  one" in said
    assert (far.home / "ategnatos" / "made" / "it").exists()
    # The plan's own file came along.
    assert (far.home / "ategnatos" / "models" / "base.safetensors").is_file()
