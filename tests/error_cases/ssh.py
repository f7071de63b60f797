"""One real refusal for every error code of machines behind ssh; ssh itself is played."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from ategnatos.machines.ssh import dead_man, phases, pins, transfer
from ategnatos.machines.ssh.address import Address, parse_address
from ategnatos.machines.ssh.call import arguments, call
from ategnatos.machines.ssh.forward import forward
from ategnatos.machines.ssh.link import Link

_LOGIN = 'printf "Authenticated to x\\n" >> "$log"'
_ENDED = (
    'printf "debug1: client_input_channel_req: channel 0 rtype exit-status reply 0\\n" >> "$log"'
)
_PLAYED = {
    "refused": 'printf "ssh: connect to host x port 1: Connection refused\\n" >> "$log"; exit 255',
    "hangs": f"{_LOGIN}; exec sleep 60",
    "odd": f"{_LOGIN}; {_ENDED}; exit 5",
    "bare": f"{_LOGIN}; {_ENDED}; exit 0",
}


def _address(folder: Path) -> Address:
    (folder / "m").mkdir(exist_ok=True)
    return parse_address(host="gpu.example.com", port=22, user="root", home=folder / "m", alias="m")


@contextmanager
def _ssh(folder: Path, played: str | None) -> Iterator[Link]:
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    if played is not None:
        (programs / "ssh").write_text(
            '#!/bin/sh\nwhile [ "$1" != -E ]; do shift; done\nlog=$2\n' + _PLAYED[played] + "\n"
        )
        (programs / "ssh").chmod(0o755)
    path = f"{programs}:/usr/bin:/bin" if played else str(programs)
    with patch.dict("os.environ", {"PATH": path}):
        yield Link(_address(folder), waits=())


def _unreachable(folder: Path) -> None:
    with _ssh(folder, "refused") as link:
        link.run(["true"])


def _timeout(folder: Path) -> None:
    with _ssh(folder, "hangs") as link:
        link.run(["true"], seconds=0.5)


def _copy(folder: Path) -> None:
    with _ssh(folder, "bare") as link:
        transfer.push(link, folder / "nothing here", "x")


def _missing(folder: Path) -> None:
    with _ssh(folder, None) as link:
        assert arguments(link.address)
        call(link.address, "true")


def _text(folder: Path) -> None:
    Link(_address(folder)).run(["a\0b"])


def _alias(folder: Path) -> None:
    parse_address(host="gpu.example.com", port=22, user="root", home=folder, alias="../m")


def _host_key(folder: Path) -> None:
    pins.pin(_address(folder), ["ssh-ed25519 no"])


def _phase_name(folder: Path) -> None:
    phases.start(Link(_address(folder)), "set up", "true")


def _phase_lost(folder: Path) -> None:
    with _ssh(folder, "odd") as link:
        phases.start(link, "setup", "true")


def _phase_failed(folder: Path) -> None:
    raise phases.failure(phases.Phase("setup", "failed", 3), "runpod:pod-1")


def _dead_man(folder: Path) -> None:
    with _ssh(folder, "odd") as link:
        dead_man.hear(link)


def _tunnel_port(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        forward(_address(folder), near=int(taken.getsockname()[1]), far=8188)


CASES: dict[str, Callable[[Path], None]] = {
    "machine_unreachable": _unreachable,
    "machine_timeout": _timeout,
    "machine_copy": _copy,
    "ssh_missing": _missing,
    "ssh_text": _text,
    "ssh_address": _alias,
    "ssh_host_key_invalid": _host_key,
    "phase_name": _phase_name,
    "phase_lost": _phase_lost,
    "phase_failed": _phase_failed,
    "tunnel_port": _tunnel_port,
    "dead_man": _dead_man,
}
