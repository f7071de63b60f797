"""What ``studio comfyui`` says: for people in words, for machines as data."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ategnatos.commands.contract import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ategnatos.studio.comfyui.detect import Found
    from ategnatos.studio.comfyui.flags import Plan
    from ategnatos.studio.comfyui.installs import Installation
    from ategnatos.studio.comfyui.overview import State
    from ategnatos.studio.comfyui.servers import Probe, Server
    from ategnatos.studio.comfyui.start import Started
    from ategnatos.studio.comfyui.stop import Stopped
    from ategnatos.studio.comfyui.verdict import Verdict

_MARKS = {"pass": "ok  ", "note": "note", "warn": "WARN", "fail": "FAIL"}
_START = "ategnatos studio comfyui start"
_CHECK = "ategnatos studio comfyui check"


def detected(found: Found) -> Answer:
    """What answers, and what is installed."""
    lines = [f"{one.url}: {one.detail}{_devices(one.server)}" for one in found.running]
    lines += [
        f"Installed: {one.code} ({one.kind}, {one.version or 'version unknown'})"
        for one in found.installed
    ]
    if not found.installed:
        lines.append("Installed: none found in the usual folders.")
    steps: tuple[str, ...] = (_CHECK,) if found.server else ()
    if found.server is None:
        steps = (_START,) if found.installed else ("ategnatos studio comfyui install",)
    return Answer(
        {
            "running": [_probe(one) for one in found.running],
            "server": found.server.url if found.server else None,
            "installed": [one.as_data() for one in found.installed],
        },
        "\n".join(lines),
        steps,
    )


def checked(verdict: Verdict, *, strict: bool) -> Answer:
    """Findings, worst first in the eye: each with its mark."""
    lines = [f"{verdict.url}"]
    for one in verdict.findings:
        lines.append(f"  {_MARKS[one.level.value]} {one.text}")
        if one.do:
            lines.append(f"       {one.do}")
    level = verdict.level(strict=strict)
    lines.append(
        {
            "pass": "It may be used.",
            "warn": "It may be used; mind the warnings.",
            "fail": "It must not be used like this.",
        }[level.value]
    )
    return Answer(
        {
            "url": verdict.url,
            "reach": verdict.reach,
            "verdict": level.value,
            "findings": [{**asdict(one), "level": one.level.value} for one in verdict.findings],
            "tunnel": asdict(verdict.tunnel) if verdict.tunnel else None,
            "server": _server(verdict.server),
        },
        "\n".join(lines),
        failed=verdict.refusal(strict=strict),
    )


def would_start(installation: Installation, plan: Plan, line: Sequence[str]) -> Answer:
    """The command line, with the reason for each flag."""
    import shlex

    why = [f"  {' '.join(flag.words)}\n      {flag.why}" for flag in plan.flags]
    return Answer(
        {
            "dry_run": True,
            "installation": installation.as_data(),
            "tier": plan.tier,
            "command": list(line),
            "flags": [flag.model_dump() for flag in plan.flags],
        },
        f"Would start ComfyUI for: {plan.tier}\n  {shlex.join(line)}\n" + "\n".join(why),
    )


def started(found: Started, plan: Plan) -> Answer:
    """Where it answers, and how to look at it."""
    if found.fresh:
        words = f"ComfyUI {found.server.version} answers at {found.url} after {found.waited:.0f} s."
        words += f" Expect {plan.seconds} for a 512 x 768 picture ({plan.tier})."
    elif found.instance is not None:
        words = f"ComfyUI {found.server.version} runs already at {found.url}; nothing was started."
    else:
        words = (
            f"A ComfyUI {found.server.version} that was started elsewhere answers at {found.url};"
            " nothing was started."
        )
    session = found.instance.tmux if found.instance else ""
    if session:
        words += f"\nWatch it: tmux attach -t {session}"
    return Answer(
        {
            "url": found.url,
            "fresh": found.fresh,
            "seconds": round(found.waited, 2),
            "pid": found.instance.pid if found.instance else None,
            "tmux": session or None,
            "tier": plan.tier,
            "flags": plan.words,
            "server": _server(found.server),
        },
        words,
        (_CHECK, "ategnatos studio comfyui status"),
    )


def would_stop(state: State, anyone: bool) -> Answer:
    """What is there and would be ended."""
    ours = state.instance is not None
    ends = state.word in {"running", "starting"} and (ours or anyone)
    words = {True: f"Would end the server on port {state.port}.", False: "Would end nothing"}[ends]
    if not ends:
        words += f": on port {state.port} is {state.probe.detail}."
    return Answer({"dry_run": True, "port": state.port, "would_end": ends, "ours": ours}, words)


def stopped(found: Stopped) -> Answer:
    """How it ended."""
    if found.pid is None:
        words = f"Nothing runs on port {found.port}."
    else:
        words = f"ComfyUI on port {found.port} has ended (by {found.signal or 'itself'},"
        words += f" {found.waited:.1f} s); the port is free."
    return Answer(
        {
            "port": found.port,
            "was_running": found.pid is not None,
            "pid": found.pid,
            "signal": found.signal or None,
            "seconds": round(found.waited, 2),
        },
        words,
    )


def states(found: Sequence[State]) -> Answer:
    """Each port in a few lines."""
    lines, data = [], []
    for one in found:
        lines.append(f"{one.probe.url}: {_state_words(one)}")
        if one.instance is not None:
            lines.append(f"  process {one.instance.pid}, from {one.instance.folder}")
        if one.queue is not None:
            lines.append(f"  makes {one.queue.running}, waiting {one.queue.pending}")
        data.append(_state(one))
    running = any(one.word == "running" for one in found)
    return Answer(
        {"servers": data, "running": running}, "\n".join(lines), () if running else (_START,)
    )


def _state_words(state: State) -> str:
    words = {
        "running": f"{state.probe.detail} runs{_devices(state.probe.server)}",
        "starting": "is starting, or does not answer",
        "dead": "was started here and has ended by itself; see its log",
        "stopped": "nothing runs",
        "other": state.probe.detail,
    }[state.word]
    if state.uptime:
        words += f", for {state.uptime / 60:.0f} min"
    return words


def _state(state: State) -> dict[str, Any]:
    from ategnatos.studio.comfyui import instances

    return {
        "port": state.port,
        "url": state.probe.url,
        "state": state.word,
        "ours": state.instance is not None,
        "pid": state.instance.pid if state.instance else None,
        "folder": state.instance.folder if state.instance else None,
        "tmux": (state.instance.tmux or None) if state.instance else None,
        "uptime_seconds": round(state.uptime),
        "queue": asdict(state.queue) if state.queue else None,
        "server": _server(state.probe.server),
        "log": str(instances.log_path(state.port)),
    }


def _probe(probe: Probe) -> dict[str, Any]:
    return {
        "url": probe.url,
        "what": probe.what.value,
        "detail": probe.detail,
        "server": _server(probe.server),
    }


def _server(server: Server | None) -> dict[str, Any] | None:
    return None if server is None else {**asdict(server), "argv": list(server.argv or ()) or None}


def _devices(server: Server | None) -> str:
    if server is None or not server.devices:
        return ""
    first = server.devices[0]
    gib = 1 << 30
    free = f", {first.free / gib:.1f} of {first.memory / gib:.1f} GiB free" if first.memory else ""
    return f" on {first.name}{free}"
