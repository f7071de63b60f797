"""A port of the machine here on loopback: the way to ComfyUI that opens nothing to the world."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.machines import MACHINE_UNREACHABLE
from ategnatos.machines.ssh import outcome
from ategnatos.machines.ssh.call import arguments

if TYPE_CHECKING:
    from ategnatos.machines.ssh.address import Address

TUNNEL_PORT = ErrorCode("tunnel_port", "The near port of a tunnel is in use.")

_WAIT_SECONDS = 30.0


def forward(
    address: Address,
    *,
    near: int,
    far: int,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Forward ``127.0.0.1:near`` to the machine's own ``127.0.0.1:far``; the ssh process's id.

    The process outlives this one, and ends with the line. Returns when the port listens. Raises
    StudioError (``tunnel_port``, ``machine_unreachable``).
    """
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", near))
        except OSError:
            raise _taken(near) from None
    log = address.home / f"tunnel-{near}.log"
    log.unlink(missing_ok=True)
    line = [
        *arguments(address, log=Path(log.name)),
        "-N",
        "-o",
        "ExitOnForwardFailure=yes",
        "-L",
        f"127.0.0.1:{near}:127.0.0.1:{far}",
        "--",
        address.host,
    ]
    process = subprocess.Popen(
        line,
        cwd=address.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    end = clock() + _WAIT_SECONDS
    while process.poll() is None:
        if _listens(near):
            return process.pid
        if clock() > end:
            process.terminate()
            process.wait()
            break
        sleep(0.05)
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    raise StudioError(
        MACHINE_UNREACHABLE,
        f"No tunnel to {address.alias} came about ({outcome.why(text)}); nothing listens here.",
        hint="Look at the machine: ategnatos studio provider status",
        machine=address.alias,
        started=False,
    )


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _taken(port: int) -> StudioError:
    return StudioError(
        TUNNEL_PORT,
        f"Port {port} of this machine is in use; no tunnel was made.",
        hint=f"Take another: ategnatos studio provider tunnel comfyui --port {port + 1}",
    )
