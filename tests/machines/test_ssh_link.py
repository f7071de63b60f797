"""What runs over a line that breaks: tried again until reached, and never run twice."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ategnatos.grimoire.errors import StudioError
from ategnatos.machines import MACHINE_TIMEOUT, MACHINE_UNREACHABLE
from ategnatos.machines.ssh import call, pins
from ategnatos.machines.ssh.address import parse_address
from ategnatos.machines.ssh.link import Link
from tests.machines import sshd
from tests.machines.sshd import Server, free_port
from tests.machines.wire import Wire
from tests.waiting import wait_until

pytestmark = pytest.mark.sshd


def refusal(link: Link, *argv: str, seconds: float | None = None) -> StudioError:
    with pytest.raises(StudioError) as error:
        link.run(argv, seconds=seconds)
    return error.value


def test_a_command_says_what_it_printed_and_how_it_ended(server: Server) -> None:
    done = server.link().run(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (done.status, done.text, done.complaint) == (3, "out\n", "err\n")


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=40),
        min_size=1,
        max_size=5,
    )
)
def test_words_arrive_as_they_are_whatever_is_in_them(server: Server, words: list[str]) -> None:
    done = server.link().run(["printf", "%s\\0", "$(touch x); `id`", "-n", "~", *words])
    got = done.out.split(b"\0")[:-1]
    assert [one.decode() for one in got] == ["$(touch x); `id`", "-n", "~", *words]
    assert not (server.home / "x").exists()


def test_a_command_that_itself_ends_with_255_is_not_taken_for_a_broken_line(
    server: Server, wire: Wire
) -> None:
    ran = server.home / "ran-255"
    done = server.link(wire.port).run(
        ["sh", "-c", 'echo x >> "$1"; echo "Connection refused" >&2; exit 255', "-", str(ran)]
    )
    assert done.status == 255
    assert (wire.connections, ran.read_text()) == (1, "x\n")


def test_a_machine_that_is_not_reached_is_tried_again_after_5_10_and_20_seconds(
    server: Server,
) -> None:
    waited: list[float] = []
    nobody = Link(server.address(free_port()), sleep=waited.append)
    error = refusal(nobody, "true")
    assert (error.code, error.details["started"]) == (MACHINE_UNREACHABLE, False)
    assert waited == [5.0, 10.0, 20.0]


@pytest.mark.parametrize("refusals", [1, 3])
def test_a_line_that_breaks_before_the_login_costs_nothing(
    server: Server, wire: Wire, refusals: int
) -> None:
    wire.refuse = refusals
    assert server.link(wire.port).run(["echo", "there"]).text == "there\n"
    assert wire.connections == refusals + 1


@pytest.mark.parametrize("bytes_there", [1, 40, 400, 800])
def test_a_line_cut_in_the_handshake_is_tried_again_and_the_command_runs_once(
    server: Server, wire: Wire, bytes_there: int, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    wire.cut_after = bytes_there
    server.link(wire.port).run(["sh", "-c", 'echo x >> "$1"', "-", str(ran)])
    assert wire.cuts == 1
    assert ran.read_text() == "x\n"


def test_a_command_whose_line_was_cut_is_not_run_again(
    server: Server, wire: Wire, tmp_path: Path
) -> None:
    ran, go = tmp_path / "ran", tmp_path / "go"
    os.mkfifo(go)
    script = 'echo x >> "$1"; read word < "$2"; echo y >> "$1"'
    caught: list[StudioError] = []

    def work() -> None:
        caught.append(refusal(server.link(wire.port), "sh", "-c", script, "-", str(ran), str(go)))

    worker = threading.Thread(target=work)
    worker.start()
    wait_until(ran.exists)
    wire.cut()
    worker.join(60)
    assert caught[0].code is MACHINE_UNREACHABLE
    assert caught[0].details["started"] is None
    assert wire.connections == 1
    go.write_text("on\n")
    wait_until(lambda: ran.read_text() == "x\ny\n")


def test_a_line_that_falls_silent_counts_as_lost_and_the_command_is_not_run_again(
    server: Server, wire: Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(call, "ALIVE_SECONDS", 1)
    monkeypatch.setattr(call, "ALIVE_TIMES", 2)
    ran = tmp_path / "ran"
    caught: list[StudioError] = []

    def work() -> None:
        argv = ("sh", "-c", 'echo x >> "$1"; exec sleep 60', "-", str(ran))
        caught.append(refusal(server.link(wire.port), *argv))

    worker = threading.Thread(target=work)
    worker.start()
    wait_until(ran.exists)
    wire.silent = True
    worker.join(60)
    assert caught[0].details["started"] is None
    assert (wire.connections, ran.read_text()) == (1, "x\n")


def test_over_a_slow_line_a_command_runs_once_and_says_all(
    server: Server, wire: Wire, tmp_path: Path
) -> None:
    wire.delay = 0.08
    ran = tmp_path / "ran"
    done = server.link(wire.port).run(["sh", "-c", 'echo x >> "$1"; echo said', "-", str(ran)])
    assert (done.status, done.text, ran.read_text()) == (0, "said\n", "x\n")
    assert wire.connections == 1


def test_a_command_that_takes_too_long_is_said_to_run_perhaps(server: Server) -> None:
    error = refusal(server.link(), "sleep", "60", seconds=1.0)
    assert error.code is MACHINE_TIMEOUT


def test_a_server_that_does_not_know_the_key_is_asked_once(server: Server, tmp_path: Path) -> None:
    server.admit(sshd.make_key(tmp_path / "other"))
    waited: list[float] = []
    error = refusal(Link(server.address(), sleep=waited.append), "true")
    assert (error.details["outcome"], error.details["started"]) == ("refused", False)
    assert waited == []


def test_the_first_host_key_is_kept_and_another_one_is_refused(
    server: Server, tmp_path: Path
) -> None:
    link = server.link()
    assert not pins.pinned(link.address)
    link.run(["true"])
    assert pins.pinned(link.address)
    pins.pin(link.address, [sshd.make_key(tmp_path / "else")])
    error = refusal(link, "touch", str(server.home / "tricked"))
    assert (error.details["outcome"], error.details["started"]) == ("stranger", False)
    assert not (server.home / "tricked").exists()


def test_a_key_that_the_provider_names_is_the_only_one_taken(
    server: Server, tmp_path: Path
) -> None:
    link = server.link()
    pins.pin(link.address, [sshd.make_key(tmp_path / "stranger")])
    assert refusal(link, "true").details["outcome"] == "stranger"
    pins.pin(link.address, [server.host_key])
    assert link.run(["true"]).status == 0


@pytest.mark.parametrize(
    "key", ["", "ssh-ed25519", "ssh-ed25519 AAAA", "x y\nevil z", "@revoked *"]
)
def test_what_is_no_host_key_is_not_pinned(server: Server, key: str) -> None:
    with pytest.raises(StudioError) as error:
        pins.pin(server.address(), [key])
    assert error.value.code.code == "ssh_host_key_invalid"
    assert not pins.pinned(server.address())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "-oProxyCommand=touch /tmp/x"),
        ("host", "a b"),
        ("host", ""),
        ("host", "$(id)"),
        ("port", "22; id"),
        ("port", 0),
        ("user", "-l"),
        ("user", "root@elsewhere"),
        ("user", "%h"),
        ("alias", "../x"),
        ("alias", "-x"),
        ("alias", "a\nb"),
    ],
)
def test_an_address_that_ssh_could_misread_is_refused(
    tmp_path: Path, field: str, value: str | int
) -> None:
    sound: dict[str, str | int] = {"host": "gpu.example.com", "port": 22, "user": "root"}
    given = {**sound, "alias": "runpod.a", field: value}
    with pytest.raises(StudioError):
        parse_address(home=tmp_path, **given)  # type: ignore[arg-type]


def test_checks_of_host_keys_are_never_off_and_the_users_configuration_is_left_out(
    server: Server,
) -> None:
    line = call.arguments(server.address())
    assert "StrictHostKeyChecking=accept-new" in line
    server.link().run(["true"])
    again = call.arguments(server.address())
    assert "StrictHostKeyChecking=yes" in again
    assert again[:3] == ["ssh", "-F", "none"]


def test_a_machine_that_talks_without_end_does_not_fill_the_memory(server: Server) -> None:
    done = server.link().run(["sh", "-c", "yes | head -c 3000000"], most=100_000)
    assert (done.cut, len(done.out)) == (True, 100_000)


def test_a_port_that_takes_connections_and_says_nothing_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call, "CONNECT_SECONDS", 1)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        link = Link(server.address(silent.getsockname()[1]), waits=(0.0,))
        error = refusal(link, "true")
    assert (error.details["outcome"], error.details["started"]) == ("unreached", False)


@pytest.mark.parametrize("text", ["a\0b", "", "\ud800"])
def test_a_command_that_no_line_can_carry_is_refused(server: Server, text: str) -> None:
    argv = [text] if text else []
    assert refusal(server.link(), *argv).code.code == "ssh_text"
