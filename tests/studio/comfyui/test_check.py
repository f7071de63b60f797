"""The safety check: addresses by their number, flags, origins, versions, known holes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from ategnatos.guard.values.urls import parse_url
from ategnatos.studio.comfyui import check, facts, judgement, tunnel, versions
from ategnatos.studio.comfyui.verdict import Level, Verdict
from ategnatos.studio.comfyui.web import Reply
from tests.conftest import Run
from tests.studio.comfyui.conftest import Serve, free_port
from tests.waiting import LONG_SECONDS

STATS = json.loads((Path(__file__).parent / "system_stats.json").read_bytes())


def stats(*argv: str, version: str = "0.3.64") -> bytes:
    system = {**STATS["system"], "argv": ["main.py", *argv], "comfyui_version": version}
    return json.dumps({**STATS, "system": system}).encode()


def server(
    serve: Serve, body: bytes, *, cors: str = "", checks: bool = True, manager: str = ""
) -> str:
    """A ComfyUI that says ``body`` of itself; its URL."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        stranger = handler.headers.get("Origin")
        if stranger and checks:
            handler.send_response(403)
            handler.end_headers()
            return
        found = {"/system_stats": body, "/manager/version": manager.encode()}.get(handler.path)
        handler.send_response(200 if found else 404)
        if cors:
            handler.send_header("Access-Control-Allow-Origin", cors)
        handler.send_header("Content-Length", str(len(found or b"")))
        handler.end_headers()
        handler.wfile.write(found or b"")

    return f"http://127.0.0.1:{serve(answer)}"


def findings(url: str, **options: Any) -> dict[str, Level]:
    found = check.check(parse_url(url), patience=LONG_SECONDS, **options)
    return {one.name: one.level for one in found.findings}


@pytest.mark.parametrize(
    ("url", "level"),
    [
        ("http://127.0.0.1:{port}", Level.PASS),
        ("http://localhost:{port}", Level.PASS),
        ("http://[::1]:{port}", Level.PASS),
        ("http://127.0.0.2:{port}", Level.PASS),
        ("http://2130706433:{port}", Level.PASS),
        ("http://0.0.0.0:{port}", Level.FAIL),
        ("http://169.254.169.254:{port}", Level.FAIL),
        ("http://203.0.113.5:8188", Level.FAIL),
        ("http://8.8.8.8:8188", Level.FAIL),
        ("http://10.evil.com:8188", Level.FAIL),
        ("http://192.168.evil.com:8188", Level.FAIL),
        ("http://172.32.0.1:8188", Level.FAIL),
        ("https://[2001:db8::1]:8188", Level.FAIL),
    ],
)
def test_an_address_is_judged_by_who_can_be_there(url: str, level: Level) -> None:
    """None of these is connected to, but this machine's own."""
    verdict = check.check(parse_url(url.format(port=free_port())), patience=0.5)
    assert verdict.level() is level
    assert (verdict.refusal() is not None) == (level is Level.FAIL)


@pytest.mark.parametrize("host", ["10.0.0.9", "172.16.0.1", "172.31.9.9", "192.168.1.5"])
def test_a_private_address_is_warned_of_and_refused_only_by_strict(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "ask", lambda questions, patience: [Reply(0)] * len(questions))
    verdict = check.check(parse_url(f"http://{host}:8188"))
    assert verdict.level() is Level.WARN
    assert verdict.refusal() is None
    assert verdict.refusal(strict=True) is not None


def test_a_public_address_is_asked_nothing_until_it_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def ask(questions: list[Any], patience: float) -> list[Reply]:
        asked.extend(question.url for question in questions)
        body = stats("--listen", "127.0.0.1")
        return [Reply(200, body=body), Reply(403), Reply(404), Reply(404)]

    monkeypatch.setattr(check, "ask", ask)
    url = parse_url("http://203.0.113.5:8188")
    assert check.check(url).level() is Level.FAIL
    assert asked == []
    allowed = check.check(url, allow_remote=True)
    assert allowed.level() is Level.WARN
    assert allowed.server is not None
    assert asked[0] == "http://203.0.113.5:8188/system_stats"


def test_a_well_kept_server_passes(serve: Serve) -> None:
    found = findings(server(serve, stats("--listen", "127.0.0.1")))
    assert set(found.values()) == {Level.PASS}
    assert set(found) == {"address", "origin", "listen", "version", "manager"}


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (("--listen",), "listen"),
        (("--listen", "0.0.0.0"), "listen"),
        (("--listen", "127.0.0.1,0.0.0.0"), "listen"),
        (("--listen", "0.0.0.0,::"), "listen"),
        (("--listen=192.168.1.7",), "listen"),
        (("--enable-cors-header",), "cors"),
        (("--enable-cors-header", "https://app.example"), "cors"),
    ],
)
def test_flags_that_open_the_server_are_reported(
    serve: Serve, argv: tuple[str, ...], name: str
) -> None:
    assert findings(server(serve, stats(*argv)))[name] is Level.WARN


def test_flags_that_do_not_are_not(serve: Serve) -> None:
    for argv in ((), ("--listen", "127.0.0.1,::1"), ("--port", "8188", "--cpu")):
        assert findings(server(serve, stats(*argv)))["listen"] is Level.PASS


def test_what_the_server_does_with_other_web_sites_is_tried(serve: Serve) -> None:
    assert findings(server(serve, stats()))["origin"] is Level.PASS
    assert findings(server(serve, stats(), checks=False))["origin"] is Level.WARN
    everyone = server(serve, stats(), checks=False, cors="*")
    assert findings(everyone)["origin"] is Level.WARN
    assert findings(server(serve, stats(), checks=False, cors=judgement.STRANGER))["origin"] is (
        Level.WARN
    )


@pytest.mark.parametrize(
    ("version", "level"),
    [("0.2.2", Level.FAIL), ("0.3.10", Level.WARN), ("0.3.64", Level.PASS), ("0.38.1", Level.PASS)],
)
def test_old_versions_are_refused_or_warned_of(serve: Serve, version: str, level: Level) -> None:
    found = findings(server(serve, stats(version=version)))
    assert found["version"] is level
    assert ("CVE-2024-10481" in found) == (version == "0.2.2")


def test_holes_of_the_manager_are_named(serve: Serve) -> None:
    found = findings(server(serve, stats(), manager="V3.37.1"))
    assert found["CVE-2025-67303"] is found["CVE-2026-22777"] is Level.WARN
    assert "CVE-2025-67303" not in findings(server(serve, stats(), manager="V3.39.2"))
    assert findings(server(serve, stats(), manager="4.3"))["manager"] is Level.PASS


@pytest.mark.parametrize(
    ("version", "open_"),
    [
        ("3.37", True), ("3.39.1", True), ("3.39.2", False), ("3.40", False), ("4.0.1", True),
        ("4.0.5", False), ("V4.1", False), ("2.0", True), ("5.0", False), ("3f25078", False),
        ("", False),
    ],
)  # fmt: skip
def test_a_repair_counts_in_its_own_release_line(version: str, open_: bool) -> None:
    found = versions.holes("manager", version, facts.security().advisories)
    assert ("CVE-2026-22777" in {one.id for one in found}) == open_


def test_every_advisory_says_what_it_means_what_to_do_and_from_where() -> None:
    for one in facts.security().advisories:
        assert all(versions.parse(text) for text in one.fixed)
        assert one.source.startswith("https://")
        assert one.means
        assert one.do


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ("ssh -N -L 8188:127.0.0.1:8188 gpu", ("127.0.0.1", 8188, "127.0.0.1", 8188)),
        ("ssh -NfL9000:localhost:8188 me@gpu", ("127.0.0.1", 9000, "localhost", 8188)),
        ("ssh -p 22 -L *:9000:gpu:80 gpu", ("*", 9000, "gpu", 80)),
        ("ssh -L [::1]:9000:[fd00::1]:80 gpu", ("::1", 9000, "fd00::1", 80)),
        ("ssh -oLocalForward=9000\\ h:80 gpu", ("127.0.0.1", 9000, "h", 80)),
    ],
)
def test_forwards_are_read_from_a_command_line(
    argv: str, expected: tuple[str, int, str, int]
) -> None:
    words = [word.replace("\0", " ") for word in argv.replace("\\ ", "\0").split()]
    assert tunnel.forwards(words) == [tunnel.Forward(*expected)]
    assert tunnel.destination(words) == "gpu"


@pytest.mark.parametrize(
    "argv", ["ssh gpu", "ssh gpu -L 1:h:2", "ssh -L /tmp/s:h:2 gpu", "ssh -L x gpu", "ssh -D 1 gpu"]
)
def test_no_forward_is_read_where_there_is_none(argv: str) -> None:
    assert tunnel.forwards(argv.split()) == []


LISTEN = (
    "import socket, time; s = socket.create_server(('127.0.0.1', {port}));"
    " print('ready', flush=True); time.sleep(60)"
)
Start = Callable[..., int]


@pytest.fixture
def listen() -> Iterator[Start]:
    """``listen(program, port, *arguments)``: it listens there, its arguments as ssh's; its id.

    ``program`` is run under the name ssh. It is Python, whose ``-c`` takes a value as ssh's does.
    """
    running: list[subprocess.Popen[str]] = []

    def start(program: Path, port: int, *arguments: str) -> int:
        process = subprocess.Popen(
            ["ssh", "-c", LISTEN.format(port=port), *arguments],
            executable=program,
            env={"PYTHONHOME": sys.base_prefix},
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process.pid

    yield start
    for process in running:
        process.kill()
        process.communicate(timeout=LONG_SECONDS)


def test_a_tunnel_is_a_socket_that_an_ssh_process_owns(listen: Start, tmp_path: Path) -> None:
    port, program = free_port(), tmp_path / "ssh"
    shutil.copy(Path(sys.executable).resolve(), program)
    pid = listen(program, port, "-L", f"{port}:127.0.0.1:8188", "me@gpu.example.com")
    found = tunnel.at(port)
    assert found is not None
    assert (found.pid, found.destination) == (pid, "gpu.example.com")
    assert found.forward == tunnel.Forward("127.0.0.1", port, "127.0.0.1", 8188)
    assert tunnel.to("gpu.example.com", 8188) == found
    assert tunnel.to("gpu.example.com", 8189) is None
    assert tunnel.to("other.example.com", 8188) is None
    verdict = check.check(parse_url(f"http://127.0.0.1:{port}"), patience=0.3)
    assert verdict.tunnel == found
    past = check.check(parse_url("http://gpu.example.com:8188"), allow_remote=True, patience=0.3)
    assert past.tunnel == found
    assert any(f"127.0.0.1:{port}" in one.do for one in past.findings)


def test_the_name_ssh_in_a_process_list_is_no_tunnel(listen: Start) -> None:
    port = free_port()
    listen(Path(sys.executable).resolve(), port, "-L", f"{port}:127.0.0.1:{port}", "gpu")
    assert tunnel.at(port) is None


def test_the_command_exits_by_the_verdict(run: Run, serve: Serve) -> None:
    good = run("studio", "comfyui", "check", "--url", server(serve, stats()), "--json")
    assert (good.code, good.data["verdict"]) == (0, "pass")
    open_ = server(serve, stats("--listen"))
    assert run("studio", "comfyui", "check", "--url", open_).code == 0
    strict = run("studio", "comfyui", "check", "--url", open_, "--strict", "--json")
    assert strict.code == 1
    assert strict.envelope["error"]["code"] == "comfyui_unsafe"
    public = run("studio", "comfyui", "check", "--url", "http://203.0.113.5:8188", "--json")
    assert public.code == 1
    assert public.envelope["data"]["reach"] == "public"
    words = run("studio", "comfyui", "check", "--url", "http://203.0.113.5:8188")
    assert "ssh -N -L 8188:127.0.0.1:8188 203.0.113.5" in words.out


def test_findings_are_listed_even_where_none_is_bad() -> None:
    assert Verdict("u", "loopback").level() is Level.PASS
