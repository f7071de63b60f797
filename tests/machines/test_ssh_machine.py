"""The Machine protocol over ssh: commands, files with hostile names, facts, a tunnel."""

from __future__ import annotations

import os
import signal
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.request import urlopen

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.machines import MACHINE_COPY, MACHINE_UNREACHABLE, Machine
from ategnatos.machines.ssh.forward import forward
from ategnatos.machines.ssh.machine import SshMachine
from ategnatos.studio.comfyui import tunnel
from tests.machines.hello import Hello
from tests.machines.sshd import Server, free_port
from tests.machines.wire import Wire

pytestmark = pytest.mark.sshd

NAMES = ["plain", "with space", "-rf", "$(touch pwned)", "a;b", "quote'\"", "ü—", "a:b", "*", "%h"]


@pytest.fixture
def machine(server: Server) -> SshMachine:
    return SshMachine("runpod:pod-1", server.link())


def test_it_is_a_machine(machine: SshMachine) -> None:
    assert isinstance(machine, Machine)


def test_a_command_has_its_folder_its_variables_its_input_and_its_lines(
    machine: SshMachine, server: Server
) -> None:
    (server.home / "a folder").mkdir(exist_ok=True)
    lines: list[str] = []
    ran = machine.run(
        ["sh", "-c", 'pwd; echo "$WORD"; cat; printf tail'],
        folder="a folder",
        env={"WORD": "$(id) 'x'"},
        input=b"in\n",
        on_line=lines.append,
    )
    assert lines == [str(server.home / "a folder"), "$(id) 'x'", "in", "tail"]
    assert (ran.ok, ran.output.splitlines()) == (True, lines)


def test_the_name_of_a_variable_is_no_way_in(machine: SshMachine, server: Server) -> None:
    with pytest.raises(StudioError):
        machine.run(["true"], env={"X=1 touch pwned;": "1"})
    assert not (server.home / "pwned").exists()


def test_files_of_any_name_go_there_and_come_back(
    machine: SshMachine, server: Server, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    for name in NAMES:
        (source / "in" / name).mkdir(parents=True)
        (source / "in" / name / name).write_text(name)
    machine.push(source, "up/-o deep $(touch pwned)")
    machine.pull("up/-o deep $(touch pwned)", tmp_path / "back")
    for name in NAMES:
        assert (tmp_path / "back" / "in" / name / name).read_text() == name
    one = source / "in" / "-rf" / "-rf"
    machine.push(one, "-rf.txt")
    machine.pull("-rf.txt", tmp_path / "-one")
    assert (tmp_path / "-one").read_text() == "-rf"
    assert not list(server.home.rglob("pwned"))
    assert not Path("pwned").exists()


def test_a_copy_whose_line_is_cut_goes_on_and_ends_whole(
    server: Server, wire: Wire, tmp_path: Path
) -> None:
    data = os.urandom(3 << 20)
    (tmp_path / "big").write_bytes(data)
    (server.home / "big there").write_bytes(data)
    machine = SshMachine("m", server.link(wire.port))
    wire.cut_after = 1 << 20
    machine.pull("big there", tmp_path / "big back")
    assert wire.cuts == 1
    assert (tmp_path / "big back").read_bytes() == data
    timer = threading.Timer(0.4, wire.cut)
    timer.start()
    machine.push(tmp_path / "big", "pushed")
    timer.join()
    assert (server.home / "pushed").read_bytes() == data


def test_a_machine_cannot_make_us_follow_its_links(
    machine: SshMachine, server: Server, tmp_path: Path
) -> None:
    folder = server.home / "links"
    folder.mkdir(exist_ok=True)
    (folder / "plain").write_text("x")
    for name, to in (("passwd", "/etc/passwd"), ("up", "..")):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(to)
    machine.pull("links", tmp_path / "got")
    assert [one.name for one in (tmp_path / "got").iterdir()] == ["plain"]


@pytest.mark.parametrize("what", ["not there", "in a socket's place"])
def test_what_cannot_be_copied_is_said(
    machine: SshMachine, server: Server, tmp_path: Path, what: str
) -> None:
    with pytest.raises(StudioError) as error:
        machine.pull("no such file", tmp_path / "x")
    assert error.value.code is MACHINE_COPY
    with pytest.raises(StudioError) as error:
        machine.push(tmp_path / "nothing", "x")
    assert error.value.code is MACHINE_COPY
    assert not (tmp_path / "x").exists()


def test_a_machine_says_what_it_is(machine: SshMachine, server: Server) -> None:
    found = machine.facts()
    assert found.cores == os.cpu_count()
    assert (found.home, found.host) == (str(server.home), os.uname().nodename)
    assert found.memory > 1 << 28
    assert found.disk_free > 0
    assert "rsync" in found.programs


def test_a_machines_gpus_are_read_and_a_driver_that_fails_is_said(
    machine: SshMachine, server: Server
) -> None:
    tool = server.home / "nvidia-smi"
    tool.write_text(
        '#!/bin/sh\ncase "$*" in *query-gpu*) echo \'0, NVIDIA GeForce RTX 4090, 24564, 24000,'
        " 550.54.14';; *) echo '| CUDA Version: 12.4 |';; esac\n"
    )
    tool.chmod(0o755)
    link = machine.link
    facts = SshMachine("m", _with_path(link, server))
    (gpu,) = facts.facts().gpus
    assert (gpu.name, gpu.memory_mib, gpu.driver, gpu.cuda) == (
        "NVIDIA GeForce RTX 4090",
        24564,
        "550.54.14",
        "12.4",
    )
    tool.write_text("#!/bin/sh\necho 'Driver/library version mismatch'; exit 18\n")
    assert "mismatch" in facts.facts().problem
    tool.unlink()


def _with_path(link: object, server: Server) -> object:
    from ategnatos.machines.ssh.link import Link

    assert isinstance(link, Link)

    class Pathed(Link):
        def shell(self, line: str, **given: object) -> object:  # type: ignore[override]
            return Link.shell(self, f"PATH=$HOME:$PATH {line}", **given)  # type: ignore[arg-type]

    return Pathed(link.address, waits=())


def test_a_tunnel_leads_to_the_machines_own_port_and_is_known_for_one(server: Server) -> None:
    far = ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    thread = threading.Thread(target=far.serve_forever, args=(0.02,))
    thread.start()
    near = free_port()
    process = 0
    try:
        process = forward(server.address(), near=near, far=int(far.server_address[1]))
        with urlopen(f"http://127.0.0.1:{near}/", timeout=30) as answer:
            assert answer.read() == b"hello"
        found = tunnel.at(near)
        assert found is not None
        assert (found.pid, found.destination) == (process, "127.0.0.1")
        with pytest.raises(StudioError) as error:
            forward(server.address(), near=near, far=1)
        assert error.value.code.code == "tunnel_port"
    finally:
        if process:
            os.kill(process, signal.SIGTERM)
            os.waitpid(process, 0)
        far.shutdown()
        thread.join()
        far.server_close()


def test_a_tunnel_to_nobody_is_refused(server: Server) -> None:
    with pytest.raises(StudioError) as error:
        forward(server.address(free_port()), near=free_port(), far=8188)
    assert error.value.code is MACHINE_UNREACHABLE
