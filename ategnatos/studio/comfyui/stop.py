"""End a ComfyUI properly and wait until its port is free."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.studio.comfyui import instances, launching, processes, servers
from ategnatos.studio.comfyui.processes import Identity, Ladder
from ategnatos.studio.comfyui.web import Question, ask

NOT_OURS = ErrorCode("server_not_ours", "The server was not started by this program.")
AT_WORK = ErrorCode("server_at_work", "The server is making pictures now.")
STOP_FAILED = ErrorCode("stop_failed", "The server did not end, or its port is still held.")

_PORT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Stopped:
    """``signal`` is what ended it; "" where nothing ran. ``waited`` in seconds."""

    port: int
    pid: int | None
    signal: str
    waited: float


@dataclass(frozen=True, slots=True)
class Queue:
    """How many prompts a server runs and holds."""

    running: int
    pending: int


def queue(url: str, *, patience: float = 3.0) -> Queue | None:
    """The server's queue; None where it does not say."""
    reply = ask([Question(f"{url}/queue")], patience=patience)[0]
    try:
        said = json.loads(reply.body) if reply.status == 200 else None
        return Queue(len(said["queue_running"]), len(said["queue_pending"])) if said else None
    except (ValueError, KeyError, TypeError):
        return None


def stop(
    port: int,
    *,
    anyone: bool,
    force: bool,
    say: Callable[[str], None],
    ladder: Ladder = processes.LADDER,
) -> Stopped:
    """End the ComfyUI on ``port``; nothing there is done, too.

    ``anyone`` ends one that this program did not start, where it is certainly a ComfyUI.
    ``force`` ends one that is making pictures, or that somebody holds the lock of. Raises
    StudioError (``server_not_ours``, ``server_at_work``, ``stop_failed``, ``resource_held``).
    """
    lock = nullcontext() if force else instances.hold(port, who="/studio comfyui stop")
    with lock:
        begun = time.monotonic()
        instance = instances.read(port)
        identity: Identity | None
        if instance is not None and instance.identity.alive:
            identity = instance.identity
        else:
            identity = _foreign(port, anyone)
        if identity is None:
            instances.forget(port)
            return Stopped(port, None, "", 0.0)
        if not force:
            _refuse_work(port)
        how = processes.end(identity, ladder=ladder, say=say)
        if how == "nothing":
            raise _failed(port, f"process {identity.pid} does not end, not even by SIGKILL")
        _wait_for_port(port)
        if instance is not None:
            launching.end_session(instance.tmux)
        instances.forget(port)
        return Stopped(port, identity.pid, how, time.monotonic() - begun)


def _foreign(port: int, anyone: bool) -> Identity | None:
    holder = processes.listener(port)
    if holder is None:
        return None
    identity, command = holder
    is_comfyui = servers.probe(f"http://127.0.0.1:{port}").server is not None
    what = "a ComfyUI that this program did not start" if is_comfyui else "another program"
    if is_comfyui and identity is not None and anyone:
        return identity
    hint = "End it where it was started"
    if is_comfyui and identity is not None:
        hint += f", or with 'ategnatos studio comfyui stop --port {port} --any'"
    raise StudioError(
        NOT_OURS,
        f"Nothing was ended: on port {port} runs {what} ({command}).",
        hint=f"{hint}.",
        port=port,
        pid=identity.pid if identity else None,
    )


def _refuse_work(port: int) -> None:
    now = queue(f"http://127.0.0.1:{port}")
    if now is None or now.running + now.pending == 0:
        return
    raise StudioError(
        AT_WORK,
        f"Nothing was ended: it is making {now.running} and holds {now.pending} more, which would"
        " be lost.",
        hint="Wait for them, or end it anyway: ategnatos studio comfyui stop"
        f" --port {port} --force",
        running=now.running,
        pending=now.pending,
    )


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + _PORT_SECONDS
    while (holder := processes.listener(port)) is not None:
        if time.monotonic() > deadline:
            raise _failed(port, f"the port is still held by {holder[1]}")
        time.sleep(0.05)


def _failed(port: int, why: str) -> StudioError:
    return StudioError(
        STOP_FAILED,
        f"The server on port {port} was told to end, and {why}.",
        hint=f"Look again in a minute: ategnatos studio comfyui status --port {port}",
        port=port,
    )
