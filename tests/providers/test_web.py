"""Requests to a provider: sent once, limited in time and size, and no key to a stranger."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.providers import web
from ategnatos.providers.web import NoAnswer, Web, base_url


@contextmanager
def server(serve: Callable[[socket.socket, threading.Event], None]) -> Iterator[tuple[str, list]]:
    """One that takes connections and lets ``serve`` do what it likes with each."""
    listener = socket.create_server(("127.0.0.1", 0))
    over, taken, threads = threading.Event(), [], []

    def accept() -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            taken.append(line)
            thread = threading.Thread(target=_served, args=(serve, line, over))
            thread.start()
            threads.append(thread)

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", taken
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for thread in threads:
            thread.join()


def _served(serve, line, over) -> None:
    with line:
        line.recv(65536)
        try:
            serve(line, over)
        except OSError:
            return  # the other side has hung up


def asked(address: str, limit: float = 20.0) -> Web:
    return Web(address, dict, {"get": limit}, sleep=lambda seconds: None)


def test_an_answer_that_drips_ends_at_the_limit():
    def drip(line, over) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not over.wait(0.05):
            line.sendall(b"x")

    with server(drip) as (address, _), pytest.raises(NoAnswer) as caught:
        asked(address, limit=0.5).send("get", "GET", "/")
    assert caught.value.why == "silent"
    assert caught.value.sent


def test_an_answer_that_does_not_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(web, "LARGEST_BODY", 1000)

    def flood(line, over) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
        while not over.is_set():
            line.sendall(b"x" * 65536)

    with server(flood) as (address, _), pytest.raises(NoAnswer) as caught:
        asked(address).send("get", "GET", "/")
    assert "too large" in str(caught.value)


def test_a_send_that_is_cut_off_happens_once_and_a_question_twice():
    def cut(line, over) -> None:
        return

    with server(cut) as (address, taken):
        with pytest.raises(NoAnswer) as caught:
            asked(address).send("get", "POST", "/")
        assert caught.value.sent
        assert len(taken) == 1
        with pytest.raises(NoAnswer):
            asked(address).read("get", "GET", "/")
        assert len(taken) == 3


def test_a_redirect_is_an_answer_and_takes_the_key_nowhere():
    def away(line, over) -> None:
        line.sendall(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
        )

    with server(away) as (address, taken):
        assert asked(address).send("get", "GET", "/").status == 302
        assert len(taken) == 1


def test_nobody_there_means_nothing_was_sent():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(NoAnswer) as caught:
        asked(f"http://127.0.0.1:{port}").send("get", "GET", "/")
    assert not caught.value.sent


def test_a_long_wait_is_not_waited_for():
    slept: list[float] = []

    def later(line, over) -> None:
        line.sendall(
            b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n"
        )

    with server(later) as (address, taken):
        answer = Web(address, dict, {"get": 20.0}, sleep=slept.append).read("get", "GET", "/")
    assert answer.status == 429
    assert answer.wait == 3600
    assert slept == []
    assert len(taken) == 1


@pytest.mark.parametrize(
    ("said", "good"),
    [
        ("https://proxy.example.com", True),
        ("http://127.0.0.1:8080", True),
        ("http://proxy.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://192.168.1.5", False),
        ("ftp://proxy.example.com", False),
    ],
)
def test_another_address_must_not_show_the_key_to_the_network(monkeypatch, said, good):
    monkeypatch.setenv("SOME_URL", said)
    if good:
        assert base_url("SOME_URL", "https://usual").startswith(said)
    else:
        with pytest.raises(StudioError):
            base_url("SOME_URL", "https://usual")


def test_without_a_word_the_usual_address_counts(monkeypatch):
    monkeypatch.delenv("SOME_URL", raising=False)
    assert base_url("SOME_URL", "https://usual") == "https://usual"
