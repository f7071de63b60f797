"""Attacks on an unlocked key: from other sessions, from inside, on its memory and its socket."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ategnatos.guard.gate import keyfile, peer, statements, trust
from tests.guard import keys
from tests.guard.attacks.conftest import Target
from tests.guard.attacks.outcome import ask, nothing_was_won
from tests.shell import Shell
from tests.terminal import at_a_terminal

# Connects to a socket and asks for a signature; guesses the number if it is shown one.
ASK = """
import json, socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.settimeout(10)
connection.connect(sys.argv[1])
def say(message):
    connection.sendall(json.dumps(message).encode() + b"\\n")
def hear():
    return connection.makefile().readline().strip() or "closed"
say({"do": "sign", "statement": json.loads(sys.argv[2])})
heard = hear()
print(heard)
if "shown" in heard:
    say({"code": "10000"})
    print(hear())
"""


@pytest.fixture
def person(target: Target) -> Iterator[Shell]:
    """A person's terminal with the key unlocked in it."""
    with Shell(target.root, **target.environment) as shell:
        said = shell.run("ategnatos gate unlock", keys.PASSPHRASE)
        assert "Unlocked in this terminal" in said, said
        yield shell


def the_socket(target: Target) -> Path:
    (found,) = Path(target.environment["XDG_RUNTIME_DIR"]).glob("ategnatos/gate-*.sock")
    return found


def wanted(target: Target) -> str:
    """The statement that the attacker would like to have signed."""
    with keys.account(Path(target.environment["XDG_CONFIG_HOME"])):
        key, known = keyfile.load(), trust.known(target.project)
    assert known is not None
    statement = statements.make(
        studio=known.studio,
        gate="art.review",
        subject={"asset": "j1#1", "sha256": "0" * 64},
        verdict="approved",
        approver=key.public,
        now=keys.NOW,
    )
    return json.dumps(statement.data())


def from_another_session(target: Target, path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", ASK, os.fspath(path), wanted(target)],
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
        timeout=30,
    )
    return done.stdout


def test_the_person_signs_with_the_number_they_see(target: Target, person: Shell) -> None:
    said = person.run("ategnatos art approve 'j1#1'", "NUMBER")
    assert "j1#1 is approved" in said
    assert "signed by ada" in said
    assert keys.PASSPHRASE not in person.seen
    assert ask(target, "art", "export", "j1#1", "--as", "gem")["ok"]
    no = person.run("ategnatos art approve 'j1#2'", "no")
    assert "nothing was recorded" in no
    locked = person.run("ategnatos gate lock")
    assert "Locked (1)" in locked
    again = person.run("ategnatos art approve 'j1#2'", "")
    assert "Passphrase of ada" in again
    assert nothing_was_won_but(target, "j1#2") == "not_approved"


def nothing_was_won_but(target: Target, candidate: str) -> str:
    error = ask(target, "art", "export", candidate, "--as", "loot")["error"]
    assert isinstance(error, dict)
    return str(error["code"])


def test_another_session_gets_nothing_and_the_person_is_told(target: Target, person: Shell) -> None:
    path = the_socket(target)
    assert "not in the terminal session" in from_another_session(target, path)
    assert "refused to sign for another program" in person.wait_for("refused to sign")
    copy = path.with_name("copy.sock")
    os.link(path, copy)
    assert "not in the terminal session" in from_another_session(target, copy)
    done = at_a_terminal(
        ["art", "approve", "j1#1"],
        cwd=target.root,
        answers=["10000", ""],
        **target.environment,
    )
    assert done.code == 1
    assert "Passphrase of ada" in done.out, "there the key is not unlocked"
    assert nothing_was_won(target) == "not_approved"


def test_inside_the_session_one_would_have_to_see_the_screen(target: Target, person: Shell) -> None:
    path, statement = the_socket(target), wanted(target)
    (target.root / "ask.py").write_text(ASK)
    (target.root / "statement").write_text(statement)
    inside = f'"{sys.executable}" ask.py {path} "$(cat statement)"'
    background = person.run(f"({inside}) > heard 2>&1 & wait; cat heard")
    assert "not in the foreground" in background
    assert "not the number" in person.run(inside)
    assert "the key is locked now" in person.run(inside)
    for _ in range(100):
        if not path.exists():
            break
        time.sleep(0.05)
    assert not path.exists(), "two wrong numbers end it"
    assert nothing_was_won(target) == "not_approved"


def test_somebody_else_in_the_place_of_the_socket_signs_nothing(
    target: Target, person: Shell
) -> None:
    path = the_socket(target)
    path.unlink()
    with socket.socket(socket.AF_UNIX) as rogue:
        rogue.bind(os.fspath(path))
        rogue.listen()
        person.type("ategnatos art approve 'j1#1'")
        connection, _ = rogue.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b'{"shown": true}\n')
            person.wait_for("anything else is no: $")
            person.type("12345")
            connection.recv(65536)
            connection.sendall(b'{"signature": "' + b"0" * 128 + b'"}\n')
        assert "not a signature of your key" in person.wait_for("not a signature of your key")
    assert nothing_was_won(target) == "not_approved"


def test_nobody_can_keep_it_too_busy_to_be_locked(target: Target, person: Shell) -> None:
    holder, path = holder_of(target), the_socket(target)
    busy = socket.socket(socket.AF_UNIX)
    busy.connect(os.fspath(path))
    with busy:
        busy.sendall(b"{")  # and never the rest
        assert "Locked (1)" in person.run("ategnatos gate lock")
    assert ended(holder)


def test_it_ends_with_the_terminal(target: Target) -> None:
    with Shell(target.root, **target.environment) as shell:
        shell.run("ategnatos gate unlock", keys.PASSPHRASE)
        holder = holder_of(target)
    assert ended(holder)


def test_it_ends_with_the_session(target: Target, person: Shell) -> None:
    holder = holder_of(target)
    person.type("exit")
    assert ended(holder)


def test_it_ends_with_the_time(target: Target) -> None:
    with Shell(target.root, **target.environment) as shell:
        shell.run("ategnatos gate unlock --minutes 0.02", keys.PASSPHRASE)
        assert ended(holder_of(target))
        assert "No key is unlocked" in shell.run("ategnatos gate status")


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_its_memory_is_closed(target: Target, person: Shell) -> None:
    holder = holder_of(target)
    limits = Path(f"/proc/{holder}/limits").read_text()
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4] == "0"
    # The kernel gives the files of a process that may not be dumped to root (proc_pid_mem(5)).
    assert Path(f"/proc/{holder}/mem").stat().st_uid == 0
    if os.getuid() != 0:
        with pytest.raises(PermissionError):
            Path(f"/proc/{holder}/mem").open("rb").close()


def holder_of(target: Target) -> int:
    """The process that listens: found as an attacker would, by what the socket tells."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.fspath(the_socket(target)))
    with connection:
        found = peer.of_socket(connection)
    assert found is not None
    return found[1].pid


def ended(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if peer.facts(pid) is None or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return True
        time.sleep(0.05)
    return False
