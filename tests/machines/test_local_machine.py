"""This computer as a machine: commands run once, files arrive whole, facts are its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.machines import Machine, probe
from ategnatos.machines.local import LocalMachine
from tests.waiting import wait_until


@pytest.fixture
def machine(tmp_path: Path) -> LocalMachine:
    home = tmp_path / "home"
    home.mkdir()
    return LocalMachine(home)


def test_it_is_a_machine(machine: LocalMachine) -> None:
    assert isinstance(machine, Machine)
    assert machine.name == "local"


def test_a_command_is_a_list_and_no_shell_reads_it(machine: LocalMachine, tmp_path: Path) -> None:
    text = "a b; touch x $(touch y) `touch z` 'q' \"r\" *\n"
    ran = machine.run([sys.executable, "-c", "import sys; print(sys.argv[1], end='')", text])
    assert ran.output == text
    assert ran.ok
    assert os.listdir(tmp_path / "home") == []


def test_status_output_errors_input_and_variables_come_and_go(machine: LocalMachine) -> None:
    (machine._home / "sub").mkdir()
    lines: list[str] = []
    ran = machine.run(
        ["sh", "-c", 'pwd; cat; echo "$A"; echo oops >&2; exit 7'],
        folder="sub",
        env={"A": "it's"},
        input=b"given\n",
        on_line=lines.append,
    )
    assert ran.status == 7
    assert not ran.ok
    assert lines == [str(machine._home / "sub"), "given", "it's"]
    assert ran.output.splitlines() == lines
    assert ran.errors == "oops\n"


def test_much_output_on_both_sides_does_not_block_it(machine: LocalMachine) -> None:
    code = "import sys; sys.stderr.write('e'*3_000_000); sys.stdout.write('o'*3_000_000)"
    ran = machine.run([sys.executable, "-c", code], input=b"i" * 3_000_000)
    assert (len(ran.output), len(ran.errors)) == (3_000_000, 3_000_000)


def test_one_that_takes_too_long_is_ended_with_all_it_started(
    machine: LocalMachine, tmp_path: Path
) -> None:
    child = tmp_path / "child"
    with pytest.raises(StudioError) as caught:
        machine.run(["sh", "-c", f"sleep 600 & echo $! > {child}; wait"], timeout=2.0)
    assert caught.value.code.code == "machine_timeout"
    from ategnatos.guard.locks import process

    if child.exists() and child.read_text().strip():
        wait_until(lambda: process.of(int(child.read_text())) is None)


def test_what_cannot_be_started_says_that_nothing_ran(machine: LocalMachine) -> None:
    for command, folder in ((["no-such-program"], ""), ([], ""), (["true"], "no-such-folder")):
        with pytest.raises(StudioError) as caught:
            machine.run(command, folder=folder)
        assert caught.value.details["started"] is False


def test_files_and_folders_come_whole_and_may_come_again(
    machine: LocalMachine, tmp_path: Path
) -> None:
    source = tmp_path / "data"
    (source / "deep").mkdir(parents=True)
    (source / "a b.txt").write_text("one")
    (source / "deep" / "b.bin").write_bytes(bytes(range(256)))
    for _ in range(2):
        machine.push(source, "there/data")
    machine.pull("there/data", tmp_path / "back")
    assert (tmp_path / "back" / "a b.txt").read_text() == "one"
    assert (tmp_path / "back" / "deep" / "b.bin").read_bytes() == bytes(range(256))
    machine.push(source / "a b.txt", "single.txt")
    assert (machine._home / "single.txt").read_text() == "one"
    assert sorted(os.listdir(machine._home)) == ["single.txt", "there"]


def test_a_copy_that_fails_leaves_the_old_file(machine: LocalMachine, tmp_path: Path) -> None:
    (machine._home / "kept.txt").write_text("old")
    with pytest.raises(StudioError) as caught:
        machine.push(tmp_path / "missing.txt", "kept.txt")
    assert caught.value.code.code == "machine_copy"
    assert (machine._home / "kept.txt").read_text() == "old"
    assert os.listdir(machine._home) == ["kept.txt"]


def test_its_facts_are_those_of_this_computer(machine: LocalMachine) -> None:
    facts = machine.facts()
    assert facts.host == os.uname().nodename
    assert facts.cores >= 1
    assert facts.memory > 1 << 28
    assert facts.disk_free > 0
    assert facts.python
    assert Path(facts.home).is_dir()


def test_the_answer_of_the_probe_is_read_as_it_is_meant() -> None:
    facts = probe.read(
        "Welcome to the machine\nhost gpu-1\nsystem Linux 6.8\nprocessor x86_64\ncores 16\n"
        "memory_kib 131072\nhome /root\ndisk_kib 1024\npython 3.11.7\nprogram tmux=/usr/bin/tmux\n"
        "gpu 0, NVIDIA GeForce RTX 4090, 24564, 24000, 570.86.15\n"
        "gpu 1, NVIDIA H100, 80GB, 81559, 81000, 570.86.15\ngpu_asked 12.8\nend end\n"
    )
    assert (facts.host, facts.cores, facts.memory) == ("gpu-1", 16, 131072 * 1024)
    assert facts.programs == {"tmux": "/usr/bin/tmux"}
    assert [(one.index, one.name, one.memory_mib, one.cuda) for one in facts.gpus] == [
        (0, "NVIDIA GeForce RTX 4090", 24564, "12.8"),
        (1, "NVIDIA H100, 80GB", 81559, "12.8"),
    ]
    assert facts.problem == ""


def test_a_driver_that_does_not_answer_and_an_answer_that_is_cut_are_said() -> None:
    assert "does not answer" in probe.read("host a\ngpu_asked \nend end\n").problem
    assert "cut off" in probe.read("host a\n").problem
