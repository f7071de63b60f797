"""Is there an ssh tunnel? Proven by a listening socket that an ssh process owns.

A word in a process list proves nothing: any process may carry "ssh" and a port in its
arguments. What counts is which program the kernel says runs, which port it listens on, and the
forward that its arguments state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

# ssh's options that take a value (ssh(1), OpenSSH 9).
_WITH_VALUE = frozenset("BbcDEeFIiJLlmOoPpQRSWw")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_SPEC = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::|$)")


@dataclass(frozen=True, slots=True)
class Forward:
    """``-L``: connections to ``port`` here lead to ``host:target`` as the far machine sees it."""

    bind: str
    port: int
    host: str
    target: int


@dataclass(frozen=True, slots=True)
class Tunnel:
    """An ssh process that listens here. ``forward`` None: its arguments do not state one for
    this port (it may stand in ssh's configuration). ``destination`` is where it logs in.
    """

    pid: int
    port: int
    destination: str
    forward: Forward | None


def at(port: int) -> Tunnel | None:
    """The tunnel whose near end is ``port`` of this machine."""
    return next((one for one in tunnels() if one.port == port), None)


def to(host: str, port: int) -> Tunnel | None:
    """A tunnel that stands, logs in at ``host`` (or forwards to it) and leads to ``port``."""
    for one in tunnels():
        forward = one.forward
        if forward is None or forward.target != port:
            continue
        logged_in_there = one.destination == host and forward.host in _LOOPBACK
        if forward.host == host or logged_in_there:
            return one
    return None


def tunnels() -> Iterator[Tunnel]:
    """Every port that an ssh process of this user listens on."""
    import psutil

    for process in psutil.process_iter():
        try:
            if not _is_ssh(process):
                continue
            argv = process.cmdline()
            connections = process.net_connections(kind="tcp")
        except (psutil.Error, OSError):
            # Gone meanwhile, or somebody else's: no proof either way.
            continue
        stated = forwards(argv)
        ports = dict.fromkeys(c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN)
        if dynamic := _dynamic(argv):
            ports.pop(dynamic, None)
        for port in ports:
            forward = next((f for f in stated if f.port == port), None)
            yield Tunnel(process.pid, port, destination(argv), forward)


def _is_ssh(process: psutil.Process) -> bool:
    """By the program that runs, not by the name it was given. Raises psutil.Error."""
    program: str = process.exe()
    return program.rpartition("/")[2] == "ssh"


def forwards(argv: Sequence[str]) -> list[Forward]:
    """The local forwards of an ssh command line, from -L and -o LocalForward."""
    found = []
    for letter, value in _options(argv):
        if letter == "o":
            key, _, rest = value.replace("=", " ", 1).partition(" ")
            if key.lower() != "localforward":
                continue
            value = ":".join(rest.split())
        elif letter != "L":
            continue
        if (forward := parse_forward(value)) is not None:
            found.append(forward)
    return found


def parse_forward(text: str) -> Forward | None:
    """``[bind:]port:host:hostport``; IPv6 in brackets. None for sockets and anything else."""
    parts = [part.strip("[]") for part in _SPEC.findall(text)[: text.count(":") + 1]]
    if parts and parts[-1] == "" and not text.endswith(":"):
        parts.pop()
    if len(parts) == 3:
        parts.insert(0, "127.0.0.1")
    if len(parts) != 4 or not (parts[1].isdecimal() and parts[3].isdecimal()):
        return None
    return Forward(parts[0], int(parts[1]), parts[2], int(parts[3]))


def destination(argv: Sequence[str]) -> str:
    """The host that an ssh command line logs in at, without the user; "" where none is given."""
    for letter, value in _options(argv):
        if letter == "":
            host = value.removeprefix("ssh://").rpartition("@")[2]
            return host.partition(":")[0] if value.startswith("ssh://") else host
    return ""


def _dynamic(argv: Sequence[str]) -> int | None:
    """The port of -D: a proxy, which leads to no one server."""
    for letter, value in _options(argv):
        port = value.rpartition(":")[2]
        if letter == "D" and port.isdecimal():
            return int(port)
    return None


def _options(argv: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Option letters with their values; the destination comes as ("", host), then no more."""
    rest = iter(argv[1:])
    for word in rest:
        if not word.startswith("-") or word == "-":
            yield "", word
            return
        for place, letter in enumerate(word[1:], start=1):
            if letter in _WITH_VALUE:
                yield letter, word[place + 1 :] or next(rest, "")
                break
