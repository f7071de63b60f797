"""Phases on a machine outlive the line, run once at a time, and say where to go on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.machines.ssh import phases, tmux
from tests.machines.sshd import Server
from tests.machines.wire import Wire
from tests.waiting import wait_until

pytestmark = pytest.mark.sshd


@pytest.fixture(autouse=True)
def _empty(server: Server) -> None:
    folder = server.home / phases.FOLDER
    for one in folder.glob("*.*") if folder.exists() else ():
        one.unlink()


def state(server: Server, name: str) -> phases.Phase:
    (found,) = phases.read(server.link(), [name])
    return found


def ended(server: Server, name: str) -> phases.Phase:
    folder = server.home / phases.FOLDER
    marks = [folder / f"{name}.{one}" for one in ("done", "status")]
    wait_until(lambda: any(mark.exists() for mark in marks))
    # The marker comes a moment before the lock goes.
    wait_until(lambda: state(server, name).state != "running")
    return state(server, name)


def held(server: Server, name: str) -> Path:
    """A phase that runs until this pipe is written to."""
    gate = server.home / f"gate-{name}"
    gate.unlink(missing_ok=True)
    os.mkfifo(gate)
    script = (
        f'echo began >> "$HOME/{name}.txt"; read w < "{gate}"; echo ended >> "$HOME/{name}.txt"'
    )
    assert phases.start(server.link(), name, script).state == "running"
    return gate


def test_a_machine_where_nothing_was_begun_says_so(server: Server) -> None:
    found = phases.read(server.link())
    assert [(one.name, one.state) for one in found] == [(n, "waiting") for n in phases.PHASES]
    assert phases.go_on(found) == found[0]


def test_a_phase_that_is_whole_leaves_its_marker_and_is_not_run_again(server: Server) -> None:
    link = server.link()
    script = 'echo x >> "$HOME/once.txt"'
    phases.start(link, "setup", script)
    assert ended(server, "setup").state == "done"
    assert (server.home / phases.FOLDER / "setup.done").exists()
    assert phases.start(link, "setup", script).state == "done"
    assert (server.home / "once.txt").read_text() == "x\n"
    phases.start(link, "setup", script, again=True)
    wait_until(lambda: (server.home / "once.txt").read_text() == "x\nx\n")
    assert ended(server, "setup").state == "done"


def test_a_phase_goes_on_when_the_line_is_cut_and_is_followed_to_its_end(
    server: Server, wire: Wire
) -> None:
    gate = held(server, "data")
    followed = phases.follow(server.link(wire.port), "data", sleep=lambda _: None)
    assert next(followed)[1].state == "running"
    wire.cut()
    wire.refuse = 2
    assert phases.start(server.link(), "data", "exit 9").state == "running"
    gate.write_text("on\n")
    *_, (_, last) = followed
    assert last.state == "done"
    assert (server.home / "data.txt").read_text() == "began\nended\n"


def test_the_log_comes_whole_and_in_order_over_a_line_that_breaks(
    server: Server, wire: Wire
) -> None:
    phases.start(server.link(), "train", "seq 1 60000")
    ended(server, "train")
    whole = b""
    wire.cut_after = 120_000
    for piece, _ in phases.follow(server.link(wire.port), "train", sleep=lambda _: None):
        whole += piece
    assert wire.cuts == 1
    assert whole.split() == [str(n).encode() for n in range(1, 60001)]


def test_a_phase_that_fails_says_its_status_and_may_be_started_again(server: Server) -> None:
    phases.start(server.link(), "comfyui", "echo no >&2; exit 7")
    found = ended(server, "comfyui")
    assert (found.state, found.status, found.logged) == ("failed", 7, 3)
    assert "status 7" in phases.failure(found, "m").message
    phases.start(server.link(), "comfyui", "true")
    assert ended(server, "comfyui").state == "done"


def test_a_phase_whose_machine_was_restarted_is_where_to_go_on(server: Server) -> None:
    phases.start(server.link(), "setup", "true")
    ended(server, "setup")
    gate = held(server, "data")
    # The one that would note the end first, as a power cut takes all at once.
    subprocess.run(["pkill", "-KILL", "-f", "phase.sh inner data"], check=False)
    subprocess.run(["pkill", "-KILL", "-f", f"{server.home}/{phases.FOLDER}/data.sh"], check=False)
    wait_until(lambda: state(server, "data").state == "interrupted")
    place = phases.go_on(phases.read(server.link()))
    assert place is not None
    assert (place.name, place.state) == ("data", "interrupted")
    gate.unlink()


def test_starting_a_phase_twice_at_once_runs_it_once(server: Server) -> None:
    import threading

    gate = server.home / "gate-both"
    gate.unlink(missing_ok=True)
    os.mkfifo(gate)
    script = f'echo x >> "$HOME/both.txt"; read w < "{gate}"'
    link = server.link()
    phases.start(link, "setup", "true")
    ended(server, "setup")
    both = [
        threading.Thread(target=phases.start, args=(server.link(), "data", script))
        for _ in range(3)
    ]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert (server.home / "both.txt").read_text() == "x\n"
    gate.write_text("on\n")
    assert ended(server, "data").state == "done"


@pytest.mark.parametrize("name", ["", "a b", "../x", "x;id", "-x", "A", "x" * 41, "a\n"])
def test_a_name_that_is_no_phase_never_reaches_the_machine(server: Server, name: str) -> None:
    with pytest.raises(StudioError) as error:
        phases.start(server.link(), name, "true")
    assert error.value.code.code == "phase_name"


def test_what_is_typed_into_the_session_arrives_as_it_is(server: Server) -> None:
    link = server.link()
    assert tmux.create(link).status == 0
    assert tmux.create(link).status == 0
    assert tmux.send(link, "printf '%s|' 'a  b' \"$((1+1))\" > typed.txt; echo \"q'\"").status == 0
    wait_until(
        lambda: (server.home / "typed.txt").exists() and (server.home / "typed.txt").read_text()
    )
    assert (server.home / "typed.txt").read_text() == "a  b|2|"
    wait_until(lambda: "q'" in tmux.screen(link).splitlines())
    assert tmux.attach_line(link.address)[-2:] == ["127.0.0.1", "tmux attach -t =ategnatos"]
