"""ComfyUI is told from everything else by the shape of its answer."""

from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from ategnatos.studio.comfyui import detect, servers
from ategnatos.studio.comfyui.servers import What
from ategnatos.studio.comfyui.web import LARGEST_BYTES, Question, ask
from tests.studio.comfyui.conftest import MakeComfyUI, Serve, free_port
from tests.waiting import LONG_SECONDS


def recorded() -> bytes:
    """What a real ComfyUI 0.3.64 answered to /system_stats."""
    return (Path(__file__).parent / "system_stats.json").read_bytes()


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def test_a_recorded_comfyui_is_recognised() -> None:
    server = servers.recognise(recorded())
    assert server is not None
    assert (server.version, server.python, server.torch) == ("0.3.64", "3.11.7", "2.13.0+cpu")
    assert server.argv is not None
    assert "--listen" in server.argv
    assert server.devices[0].type == "cpu"
    assert server.devices[0].memory == 25276510208


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"system",
        b'{"system": "up"}',
        b'{"system": {}, "devices": []}',
        b'{"system": {"os": "linux", "python_version": "3"}, "devices": []}',
        b'{"system": {"os": 1, "python_version": "3", "comfyui_version": "0.3"}, "devices": []}',
        b'{"system": {"os": "x", "python_version": "3", "comfyui_version": "0.3"}, "devices": [1]}',
        b'{"system": {"os": "x", "python_version": "3", "comfyui_version": "0.3"}}',
        b'["system", "devices"]',
        b"[" * 100_000,
        b'{"status": "ok", "system": {"cpu": 4}, "devices": [{"name": "eth0"}]}',
    ],
)
def test_any_other_json_is_not(body: bytes) -> None:
    assert servers.recognise(body) is None


def test_what_is_at_an_address_has_a_name(serve: Serve) -> None:
    page = serve(lambda handler: send(handler, b"<html>system_stats</html>"))
    login = serve(lambda handler: send(handler, b"", 401))
    real = serve(lambda handler: send(handler, recorded()))
    moved = serve(lambda handler: send(handler, b"", 302))
    urls = [f"http://127.0.0.1:{port}" for port in (page, login, real, moved, free_port())]
    found = [probe.what for probe in servers.probe_all(urls, patience=LONG_SECONDS)]
    assert found == [What.OTHER, What.OTHER, What.COMFYUI, What.OTHER, What.NOTHING]


def test_a_port_that_never_answers_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        probe = servers.probe(f"http://127.0.0.1:{silent.getsockname()[1]}", patience=0.3)
    assert probe.what is What.SILENT
    assert time.monotonic() - began < LONG_SECONDS / 2


def test_one_that_drips_a_byte_at_a_time_is_given_up_in_time(serve: Serve) -> None:
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while not over.wait(0.05) and time.monotonic() - began < LONG_SECONDS:
                handler.wfile.write(b" ")
        except OSError:
            return

    began = time.monotonic()
    probe = servers.probe(f"http://127.0.0.1:{serve(drip)}", patience=0.4)
    over.set()
    assert probe.what is What.SILENT
    assert time.monotonic() - began < LONG_SECONDS / 2


def test_a_server_that_speaks_no_http_is_another_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            # Closed with a question unread, the connection would be reset and the banner lost.
            connection.recv(65536)
            connection.sendall(b"220 mail.example.com ESMTP\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        probe = servers.probe(url, patience=LONG_SECONDS)
    assert probe.what is What.OTHER


def test_an_endless_answer_is_read_no_further_than_the_limit(serve: Serve) -> None:
    port = serve(lambda handler: send(handler, b"x" * (3 * LARGEST_BYTES)))
    reply = ask([Question(f"http://127.0.0.1:{port}/")], patience=LONG_SECONDS)[0]
    assert len(reply.body) == LARGEST_BYTES


def test_detection_names_running_and_installed(comfyui: MakeComfyUI, serve: Serve) -> None:
    folder = comfyui()
    port = serve(lambda handler: send(handler, recorded()))
    found = detect.detect(ports=[free_port(), port], remembered=str(folder), patience=LONG_SECONDS)
    assert found.server is not None
    assert found.server.url.endswith(str(port))
    assert [one.code for one in found.installed] == [folder]


def test_the_usual_ports_are_those_of_the_data_file() -> None:
    urls = [probe.url for probe in detect.detect(patience=0.5).running]
    assert urls == [f"http://127.0.0.1:{port}" for port in (8188, 8189, 8190, 3000)]
