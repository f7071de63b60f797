"""The net on the machine: it ends itself in time, with its own key, and knows no other."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ategnatos.machines.ssh import dead_man, phases
from ategnatos.machines.ssh.link import Link
from tests.machines.sshd import Server
from tests.waiting import wait_until

pytestmark = pytest.mark.sshd

ACCOUNT_KEY = "rpa_ACCOUNTKEY0123456789ABCDEFGHIJ"
OWN_KEY = "machine-own-key-0123456789"
END = 'printf "%s %s\\n" "$CONTAINER_ID" "$CONTAINER_API_KEY" >> "$HOME/ended"'


class Host(Link):
    """A machine whose first process was given an environment, and whose GPU does what we say."""

    def shell(self, line: str, **given: object) -> object:  # type: ignore[override]
        own = 'export ATEGNATOS_FIRST_ENVIRONMENT="$HOME/first" PATH="$HOME/bin:$PATH"; '
        return Link.shell(self, own + line, **given)  # type: ignore[arg-type]


@pytest.fixture
def host(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.setenv("RUNPOD_API_KEY", ACCOUNT_KEY)
    (server.home / "ended").unlink(missing_ok=True)
    (server.home / "first").write_bytes(
        f"PATH=/bin\0CONTAINER_API_KEY={OWN_KEY}\0CONTAINER_ID=1234\0".encode()
    )
    (server.home / "bin").mkdir(exist_ok=True)
    use(server, 90)
    yield Host(server.address(), waits=())
    server.link().shell(f'kill "$(cat ~/{dead_man.FOLDER}/pid)"; rm -rf ~/{dead_man.FOLDER}')


def use(server: Server, percent: int) -> None:
    smi = server.home / "bin" / "nvidia-smi"
    smi.write_text(f"#!/bin/sh\necho {percent}\n")
    smi.chmod(0o755)


def put(path: Path, text: str) -> None:
    """Write a file as the script does: whoever reads it finds all of it."""
    part = path.with_name(f"{path.name}.test")
    part.write_text(text)
    part.replace(path)


def ended(server: Server) -> Path:
    return server.home / "ended"


def test_a_machine_in_time_is_let_be(host: Host, server: Server) -> None:
    dead_man.begin(host, dead_man.Limits(cap=60, idle=0, silent=0), self_end=END, every=0.3)
    heard = dead_man.hear(host)
    assert (heard.alive, heard.due) == (True, "")
    assert not ended(server).exists()


def test_a_machine_ends_itself_at_its_cap_with_the_key_of_its_first_process(
    host: Host, server: Server
) -> None:
    dead_man.begin(host, dead_man.Limits(cap=0), self_end=END, every=0.3)
    wait_until(ended(server).exists)
    assert ended(server).read_text().splitlines()[0] == f"1234 {OWN_KEY}"
    assert dead_man.hear(host).due == "cap"


def test_it_asks_again_until_it_is_gone(host: Host, server: Server) -> None:
    dead_man.begin(host, dead_man.Limits(cap=0), self_end=f"{END}; exit 1", every=0.3)
    wait_until(lambda: ended(server).exists() and len(ended(server).read_text().split("\n")) > 2)


def test_one_that_idles_is_due_and_one_that_works_is_not(host: Host, server: Server) -> None:
    dead_man.begin(host, dead_man.Limits(cap=60, idle=1), self_end="", every=0.3)
    assert dead_man.hear(host).idle_seconds < 30
    folder = server.home / dead_man.FOLDER
    use(server, 0)
    long_ago = int(Path("/proc/uptime").read_text().split(".")[0]) - 600

    def due() -> str:
        put(folder / "worked", f"{long_ago}\n")
        return dead_man.hear(host).due

    # A phase that runs is work, whatever the GPU does meanwhile.
    phases.start(host, "data", 'while [ ! -e "$HOME/enough" ]; do sleep 0.1; done')
    wait_until(lambda: phases.read(host, ["data"])[0].state == "running")
    begun = (folder / "worked").read_text()
    wait_until(lambda: (folder / "worked").read_text() != begun)
    assert dead_man.hear(host).due == ""
    (server.home / "enough").touch()
    wait_until(lambda: phases.read(host, ["data"])[0].state == "done")
    wait_until(lambda: due() == "idle")


def training(server: Server, script: str) -> Path:
    """A try as its keeper leaves it: a process in a group of its own, and what names it."""
    run = server.home / "ategnatos-runs" / "studio" / "owl-1"
    (run / "attempts" / "1").mkdir(parents=True)
    (run / "output").mkdir()
    process = subprocess.Popen(["sh", "-c", script], cwd=run, start_new_session=True)
    stat = Path(f"/proc/{process.pid}/stat").read_text()
    born = stat.rpartition(") ")[2].split()[19]
    (run / "attempts" / "1" / "pid").write_text(f"{process.pid} {born}\n")
    return run


def test_a_training_is_work_is_told_before_the_end_and_its_results_are_waited_for(
    host: Host, server: Server
) -> None:
    use(server, 0)
    run = training(
        server, 'trap "echo saved > output/weights; exit" TERM; while :; do sleep 0.05; done'
    )
    folder = server.home / dead_man.FOLDER
    try:
        dead_man.begin(host, dead_man.Limits(cap=60, idle=1, silent=1), self_end=END, every=0.3)
        long_ago = int(Path("/proc/uptime").read_text().split(".")[0]) - 600

        def age(name: str) -> None:
            put(folder / name, f"{long_ago}\n")

        # It trains, so that nobody asks is no reason; and that the card rests is none.
        age("heard")
        age("worked")
        wait_until(lambda: (folder / "worked").read_text() != f"{long_ago}\n")
        age("heard")
        looks = (folder / "worked").read_text()
        wait_until(lambda: (folder / "worked").read_text() != looks)
        assert not (folder / "due").exists()

        # Its time is over: the training is told, saves, and then the machine ends.
        dead_man.begin(host, dead_man.Limits(cap=0, idle=0, silent=0), self_end=END, every=0.3)
        wait_until(ended(server).exists)
        assert (run / "output" / "weights").read_text() == "saved\n"

        # One that is over its time goes on ending the machine, whatever is written anew.
        host.run(["sh", "-c", f"kill $(cat {dead_man.FOLDER}/pid)"])
        # Nothing works any more. What was saved is not home yet, so idleness alone ends nothing.
        idled = server.home / "idled"
        idle = 'touch "$HOME/idled"'
        (run / "brought").touch()
        os.utime(run / "brought", (1, 1))
        dead_man.begin(host, dead_man.Limits(cap=60, idle=1, silent=0), self_end=idle, every=0.3)
        age("worked")
        assert dead_man.hear(host).due == ""
        assert not idled.exists()
        (run / "brought").touch()
        wait_until(lambda: age("worked") or idled.exists())
    finally:
        shutil.rmtree(run.parents[1])


def test_one_that_nobody_asks_for_is_due(host: Host, server: Server) -> None:
    dead_man.begin(host, dead_man.Limits(cap=60, idle=0, silent=1), self_end=END, every=0.3)
    folder = server.home / dead_man.FOLDER
    long_ago = int(Path("/proc/uptime").read_text().split(".")[0]) - 600
    put(folder / "heard", f"{long_ago}\n")
    wait_until(ended(server).exists)
    assert (folder / "due").read_text() == "silent\n"


def test_no_key_of_the_account_is_anywhere_on_the_machine(host: Host, server: Server) -> None:
    dead_man.begin(host, dead_man.Limits(cap=0), self_end=END, every=0.3)
    phases.start(host, "setup", "env")
    host.run(["env"])
    wait_until(ended(server).exists)
    found = [one for one in server.home.rglob("*") if one.is_file()]
    assert any(OWN_KEY in one.read_text(errors="replace") for one in found)
    assert not [one for one in found if ACCOUNT_KEY in one.read_text(errors="replace")]
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert ACCOUNT_KEY not in process.read_bytes().decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
    told = host.run(["env"]).text
    assert ACCOUNT_KEY not in told
