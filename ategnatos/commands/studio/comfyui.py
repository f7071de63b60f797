"""``ategnatos studio comfyui``: find, judge, start, watch and end a ComfyUI server."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.studio import comfyui_install, comfyui_words
from ategnatos.commands.studio.machine import project_or_none

app = room("A ComfyUI server: find it, judge it, start it, end it.")
comfyui_install.register(app)

DEFAULT_PORT = 8188
Port = Annotated[int, typer.Option("--port", help="Its port on this machine.", min=1, max=65535)]
Folder = Annotated[
    Path | None,
    typer.Option("--folder", help="The folder of ComfyUI's main.py. Default: found by itself."),
]


@command(app, "detect", example="ategnatos studio comfyui detect")
def detect(
    call: Call,
    port: Annotated[
        list[int] | None,
        typer.Option("--port", help="Ask this port instead of 8188-8190 and 3000; repeatable."),
    ] = None,
) -> Answer:
    """Find ComfyUI on this machine: what answers, and what is installed."""
    from ategnatos.guard.values.urls import parse_port
    from ategnatos.studio.comfyui import detect as room_detect

    project = project_or_none(call)
    found = room_detect.detect(
        ports=[parse_port(one) for one in port or ()],
        remembered=room_detect.remembered(project),
        beside=project.root if project else None,
    )
    if project is not None:
        room_detect.remember(
            project,
            port=int(found.server.url.rpartition(":")[2]) if found.server else None,
            status="running" if found.server else "stopped",
            folder=found.installed[0].code if found.installed else None,
        )
    return comfyui_words.detected(found)


@command(app, "check", example="ategnatos studio comfyui check --url http://127.0.0.1:8188")
def check(
    call: Call,
    url: Annotated[
        str, typer.Option("--url", help="The server's address.")
    ] = f"http://127.0.0.1:{DEFAULT_PORT}",
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Also an address on the open network.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="A warning fails too.")] = False,
) -> Answer:
    """May this server be used? Who can reach it, its flags, its version, known holes."""
    from ategnatos.guard.values.urls import parse_url
    from ategnatos.studio.comfyui.check import check as judge

    verdict = judge(parse_url(url, field="--url"), allow_remote=allow_remote)
    return comfyui_words.checked(verdict, strict=strict)


@command(app, "start", example="ategnatos studio comfyui start --port 8188", dry_run=True)
def start(
    call: Call,
    port: Port = DEFAULT_PORT,
    folder: Folder = None,
    python: Annotated[
        Path | None, typer.Option("--python", help="The Python that has ComfyUI's packages.")
    ] = None,
    extra: Annotated[
        list[str] | None,
        typer.Option("--with", help="A flag for ComfyUI, like --fast; repeatable.", metavar="FLAG"),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--without", help="Leave out a flag chosen here; repeatable.", metavar="FLAG"),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", help="Seconds to wait for its answer.", min=1)
    ] = 300.0,
    tmux: Annotated[
        bool, typer.Option("--tmux/--no-tmux", help="In a tmux session, where tmux is installed.")
    ] = True,
) -> Answer:
    """Start ComfyUI for this machine alone, with flags for its GPU, and wait until it answers."""
    from ategnatos.studio import gpu
    from ategnatos.studio.comfyui import detect as room_detect
    from ategnatos.studio.comfyui import flags, installs
    from ategnatos.studio.comfyui import start as room_start

    project = project_or_none(call)
    installation = installs.one(
        folder,
        remembered=room_detect.remembered(project),
        beside=project.root if project else None,
    )
    plan = flags.plan(gpu.detect(), port=port, extra=extra or (), without=without or ())
    line = room_start.command_line(
        installation, plan.words, python.expanduser().absolute() if python else None
    )
    if call.dry_run:
        return comfyui_words.would_start(installation, plan, line)
    call.say(f"Starting ComfyUI {installation.version} from {installation.code} on port {port}")
    started = room_start.start(
        line,
        folder=installation.code,
        port=port,
        patience=timeout,
        tmux=tmux,
        now=_now,
        say=call.say,
    )
    if project is not None:
        begun = installation.code if started.fresh else None
        room_detect.remember(project, port=port, status="running", folder=begun)
    return comfyui_words.started(started, plan)


@command(app, "stop", example="ategnatos studio comfyui stop --port 8188", dry_run=True)
def stop(
    call: Call,
    port: Port = DEFAULT_PORT,
    anyone: Annotated[
        bool, typer.Option("--any", help="Also a ComfyUI that was not started from here.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Even while it makes pictures, which are lost.")
    ] = False,
) -> Answer:
    """End ComfyUI, wait until it has ended, and say how."""
    from ategnatos.studio.comfyui import detect as room_detect
    from ategnatos.studio.comfyui import overview
    from ategnatos.studio.comfyui import stop as room_stop

    if call.dry_run:
        return comfyui_words.would_stop(overview.states([port])[0], anyone)
    stopped = room_stop.stop(port, anyone=anyone, force=force, say=call.say)
    project = project_or_none(call)
    if project is not None:
        room_detect.remember(project, port=None, status="stopped", folder=None)
    return comfyui_words.stopped(stopped)


@command(app, "status", example="ategnatos studio comfyui status")
def status(
    call: Call,
    port: Annotated[
        list[int] | None, typer.Option("--port", help="Only this port; repeatable.")
    ] = None,
) -> Answer:
    """What runs now: version, memory, queue, since when, and where its log is."""
    from ategnatos.guard.values.urls import parse_port
    from ategnatos.studio.comfyui import overview

    return comfyui_words.states(overview.states([parse_port(one) for one in port or ()]))


@command(app, "logs", example="ategnatos studio comfyui logs --lines 50")
def logs(
    call: Call,
    port: Port = DEFAULT_PORT,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many.", min=1, max=5000)] = 50,
) -> Answer:
    """The end of the server's log, and what its last words mean."""
    from ategnatos.guard.redaction import redact
    from ategnatos.studio.comfyui import instances
    from ategnatos.studio.comfyui import logs as room_logs

    path = instances.log_path(port)
    trimmed = room_logs.trim(path)
    found = [redact(line) for line in room_logs.tail(path, lines)]
    symptom = room_logs.explain(found)
    words = "\n".join(found) or f"There is no log of a server on port {port}."
    if symptom is not None:
        words += f"\n\n{symptom.means} {symptom.do}"
    return Answer(
        {
            "port": port,
            "path": str(path),
            "lines": found,
            "trimmed": trimmed,
            "meaning": symptom.means if symptom else None,
            "do": symptom.do if symptom else None,
        },
        words,
    )


def _now() -> datetime:
    return datetime.now(UTC)
