"""Start a ComfyUI and wait until it answers; say what its log says when it dies instead."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.studio.comfyui import instances, launching, logs, processes, servers
from ategnatos.studio.comfyui.installs import Installation
from ategnatos.studio.comfyui.instances import Instance

PORT_TAKEN = ErrorCode("port_taken", "Another program listens on the port.")
COMFYUI_DIED = ErrorCode("comfyui_died", "ComfyUI ended before it answered.")
COMFYUI_SLOW = ErrorCode("comfyui_slow", "ComfyUI does not answer yet; it goes on starting.")
COMFYUI_NOT_STARTABLE = ErrorCode("comfyui_not_startable", "This ComfyUI cannot be started here.")

_LOOK_SECONDS = 0.1
_SAY_SECONDS = 5.0
_LAST_LINES = 20


@dataclass(frozen=True, slots=True)
class Started:
    """A server that answers. ``fresh``: this call started it. ``instance`` None: somebody else
    did. ``waited`` in seconds.
    """

    url: str
    server: servers.Server
    instance: Instance | None
    fresh: bool
    waited: float


def command_line(
    installation: Installation, flags: Sequence[str], python: Path | None = None
) -> list[str]:
    """The program and its arguments. Raises StudioError (``comfyui_not_startable``)."""
    interpreter = python or installation.python
    why = ""
    if interpreter is None:
        why = "no Python environment of its own was found beside it"
    elif interpreter.suffix == ".exe":
        why = "it is the portable archive for Windows; start it there with its run_*.bat file"
    elif not (interpreter.is_file() and os.access(interpreter, os.X_OK)):
        why = f"{interpreter} is no program that can be run"
    if interpreter is None or why:
        raise StudioError(
            COMFYUI_NOT_STARTABLE,
            f"The ComfyUI in {installation.code} was not started: {why}.",
            hint="Name the Python that has ComfyUI's packages with --python, for example"
            f" --python {installation.code}/venv/bin/python",
            folder=str(installation.code),
        )
    base = ["--base-directory", str(installation.base)] if installation.kind == "desktop" else []
    return [str(interpreter), str(installation.code / "main.py"), *flags, *base]


def start(
    command: Sequence[str],
    *,
    folder: Path,
    port: int,
    patience: float,
    tmux: bool,
    now: Callable[[], datetime],
    say: Callable[[str], None],
) -> Started:
    """Start ``command`` on ``port`` of this machine, unless a ComfyUI answers there already.

    Waits at most ``patience`` seconds. Interrupted, it ends what it started. Raises StudioError:
    ``port_taken``, ``comfyui_died``, ``comfyui_slow`` (then it goes on starting),
    ``resource_held`` (somebody else is starting or ending it).
    """
    if (there := _answering(port)) is not None:
        return there
    with instances.hold(port, who="/studio comfyui start"):
        # Whoever held it before may have started it.
        if (there := _answering(port)) is not None:
            return there
        before = instances.read(port)
        if before is not None and before.identity.alive:
            say(f"It is starting already (process {before.pid})")
            return _wait(before, patience, instances.usual_start(port), say)
        _refuse_taken(port)
        usual = instances.usual_start(port)
        instance = _launch(command, folder, port, tmux, now)
        try:
            return _wait(instance, patience, usual, say)
        except KeyboardInterrupt:
            say("Stopped by Ctrl-C: ending the server that was starting")
            processes.end(instance.identity)
            launching.end_session(instance.tmux)
            instances.forget(port)
            raise


def _answering(port: int) -> Started | None:
    url = f"http://127.0.0.1:{port}"
    probe = servers.probe(url)
    if probe.server is None:
        return None
    known = instances.read(port)
    ours = known if known is not None and known.identity.alive else None
    return Started(url, probe.server, ours, fresh=False, waited=0.0)


def _refuse_taken(port: int) -> None:
    holder = processes.listener(port)
    if holder is None:
        return
    identity, command = holder
    raise StudioError(
        PORT_TAKEN,
        f"ComfyUI was not started: port {port} is used by another program ({command}).",
        hint="Choose another port with --port, or end that program"
        + (f" (process {identity.pid})." if identity else "."),
        port=port,
        pid=identity.pid if identity else None,
    )


def _launch(
    command: Sequence[str], folder: Path, port: int, tmux: bool, now: Callable[[], datetime]
) -> Instance:
    log = instances.log_path(port)
    logs.rotate(log)
    session = f"comfyui-{port}" if tmux else ""
    identity, session = launching.launch(command, folder=folder, log=log, session=session)
    if identity is None:
        raise _died(port, command)
    instance = Instance(
        port=port,
        pid=identity.pid,
        started=identity.started,
        started_at=now().isoformat(timespec="seconds"),
        folder=str(folder),
        command=tuple(command),
        tmux=session,
    )
    instances.write(instance)
    return instance


def _wait(instance: Instance, patience: float, usual: float, say: Callable[[str], None]) -> Started:
    begun = time.monotonic()
    spoken = begun
    while True:
        probe = servers.probe(instance.url, patience=2.0)
        waited = time.monotonic() - begun
        if not instance.identity.alive:
            launching.end_session(instance.tmux)
            instances.forget(instance.port)
            raise _died(instance.port, instance.command)
        if probe.server is not None:
            ready = dataclasses.replace(instance, seconds=round(waited, 2))
            instances.write(ready)
            instances.remember_start(instance.port, waited)
            return Started(instance.url, probe.server, ready, fresh=True, waited=waited)
        if waited >= patience:
            raise _slow(instance, waited)
        if time.monotonic() - spoken >= _SAY_SECONDS:
            spoken = time.monotonic()
            say(_progress(instance, waited, usual))
        time.sleep(_LOOK_SECONDS)


def _progress(instance: Instance, waited: float, usual: float) -> str:
    last = logs.tail(instances.log_path(instance.port), 1)
    estimate = f", {usual:.0f} s last time" if usual else ""
    return f"Starting: {waited:.0f} s{estimate}" + (f"   {last[0][:100]}" if last else "")


def _died(port: int, command: Sequence[str]) -> StudioError:
    lines = logs.tail(instances.log_path(port), _LAST_LINES)
    symptom = logs.explain(lines)
    said = "".join(f"\n  | {line[:200]}" for line in lines) or " It wrote nothing."
    meaning = f" {symptom.means}" if symptom else ""
    return StudioError(
        COMFYUI_DIED,
        f"ComfyUI ended before it answered.{meaning} The end of its log:{said}",
        hint=symptom.do if symptom else f"Run it by hand to see more: {' '.join(command)}",
        log=str(instances.log_path(port)),
        lines=lines,
    )


def _slow(instance: Instance, waited: float) -> StudioError:
    return StudioError(
        COMFYUI_SLOW,
        f"ComfyUI does not answer after {waited:.0f} seconds. It was left running (process"
        f" {instance.pid}) and may still come.",
        hint=f"See what it does: ategnatos studio comfyui logs --port {instance.port}",
        pid=instance.pid,
        port=instance.port,
    )
