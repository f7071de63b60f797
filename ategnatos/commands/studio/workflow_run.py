"""``studio workflow run``, ``fetch`` and ``cancel``: a workflow as it is, with all its files."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.studio import workflow_given as given
from ategnatos.commands.studio.workflow_given import (
    FamilyOption,
    InfoOption,
    RemoteOption,
    ServerOption,
    Source,
)

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.engines.comfyui.address import Address
    from ategnatos.engines.comfyui.bringing import Finished
    from ategnatos.engines.comfyui.events import Event

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NODE.INPUT=VALUE",
        help="Put a value in; @FILE uploads one; NAME=VALUE fills a built-in. Repeatable.",
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="Where the files go. Default: here."),
]
TimeoutOption = Annotated[
    float | None, typer.Option("--timeout", help="Seconds for the whole; default: no limit.")
]
PromptId = Annotated[str, typer.Argument(help="The id that 'run --no-wait' gave.")]
_STEP_PAUSE = 1.0


def register(app: typer.Typer) -> None:
    """Add the verbs of this module."""
    start = "ategnatos studio workflow"
    command(app, "run", example=f"{start} run FILE --set 3.seed=42 --output made", dry_run=True)(
        run
    )
    command(app, "fetch", example=f"{start} fetch PROMPT_ID --output made")(fetch)
    command(app, "cancel", example=f"{start} cancel PROMPT_ID")(cancel)


def run(
    call: Call,
    workflow: Source,
    family: FamilyOption = None,
    settings: SetOption = None,
    output: OutputOption = None,
    server: ServerOption = None,
    allow_remote: RemoteOption = False,
    object_info: InfoOption = None,
    timeout: TimeoutOption = None,
    preview: Annotated[
        Path | None,
        typer.Option("--preview", metavar="FILE", help="Show the picture being made here."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait for the end and bring the files.")
    ] = True,
) -> Answer:
    """Run a workflow on ComfyUI and bring every file it makes."""
    from ategnatos.engines.comfyui.settings import apply_settings
    from ategnatos.studio import workflow_runs

    dotted = [one for one in settings or () if "." in one.partition("=")[0]]
    named = [one for one in settings or () if one not in dotted]
    stored, _, _ = given.graph_of(call, workflow, family, named or None)
    graph: dict[str, Any]
    if stored.api is not None:
        graph = stored.api
    else:
        known, _ = given.classes(call, stored, server, allow_remote, object_info)
        graph = given.converted(call, stored, known, partial=False).graph
    graph, files = apply_settings(graph, dotted)
    address = _address(call, server, allow_remote)
    if call.dry_run:
        facts = {"server": address.url, "graph": graph, "uploads": [str(one[2]) for one in files]}
        return Answer(facts, f"Would send {len(graph)} nodes to {address.url}. Nothing was sent.")
    if not wait:
        prompt_id = workflow_runs.submit(address, graph, files)
        return Answer(
            {"prompt_id": prompt_id, "server": address.url},
            f"ComfyUI took it as {prompt_id}.",
            (f"ategnatos studio workflow fetch {prompt_id}",),
        )
    finished = workflow_runs.run(
        address,
        graph,
        files,
        folder=_folder(output),
        timeout=timeout,
        on_event=_listener(call, preview),
        say=call.say,
    )
    return _brought(call, finished, address)


def fetch(
    call: Call,
    prompt_id: PromptId,
    output: OutputOption = None,
    server: ServerOption = None,
    allow_remote: RemoteOption = False,
    timeout: TimeoutOption = None,
) -> Answer:
    """Wait for a run that was sent before, and bring its files."""
    from ategnatos.studio import workflow_runs

    address = _address(call, server, allow_remote)
    finished = workflow_runs.collect(
        address,
        prompt_id,
        folder=_folder(output),
        timeout=timeout,
        on_event=_listener(call, None),
    )
    return _brought(call, finished, address)


def cancel(
    call: Call, prompt_id: PromptId, server: ServerOption = None, allow_remote: RemoteOption = False
) -> Answer:
    """Stop one run, waiting or running, and no other."""
    from ategnatos.studio import workflow_runs

    was = workflow_runs.cancel(_address(call, server, allow_remote), prompt_id)
    words = {
        "running": "It ran; the server was told to stop it.",
        "waiting": "It waited; it was taken out of the queue.",
        "over": "It was over already; nothing was stopped.",
        "nowhere": "The server knows no such run; nothing was stopped.",
    }[was]
    return Answer({"prompt_id": prompt_id, "was": was}, words)


def _address(call: Call, server: str | None, allow_remote: bool) -> Address:
    from ategnatos.commands.art.place import recorded_server
    from ategnatos.engines.comfyui.address import find_address

    project = given.project_or_none(call)
    record = recorded_server(project) if project is not None else None
    return find_address(record, server=server, allow_remote=allow_remote)


def _folder(output: Path | None) -> Path:
    return (output or Path()).expanduser().resolve()


def _listener(call: Call, preview: Path | None) -> Callable[[Event], None]:
    """Node by node on stderr, steps at most once a second, previews into a file."""
    last = 0.0

    def hear(event: Event) -> None:
        nonlocal last
        now = time.monotonic()
        if event.picture is not None and preview is not None:
            from ategnatos.grimoire.files import write_atomic

            write_atomic(preview.resolve(), event.picture)
        elif event.what == "node":
            call.say(f"[{event.nodes_done + 1}/{event.nodes}] {event.title}")
        elif event.what == "step" and (now - last > _STEP_PAUSE or event.step == event.steps):
            last = now
            left = "" if not event.seconds_left else f", about {event.seconds_left:.0f} s left"
            call.say(f"    step {event.step} of {event.steps}{left}")
        elif event.what == "waiting":
            call.say(f"waiting: {event.ahead} before it")
        elif event.what == "reconnecting":
            call.say("the connection broke; connecting again")
        elif event.what == "again":
            call.say(f"{event.text} is gone at the server; it is made again")
        elif event.what == "text":
            call.say(f"    {event.text}")

    return hear


def _brought(call: Call, finished: Finished, address: Address) -> Answer:
    for warning in finished.warnings:
        call.warn(warning)
    files = [
        {
            "path": str(one.path) if one.path else None,
            "node": one.ref.node,
            "kind": one.mime,
            "bytes": one.size,
            "width": one.width,
            "height": one.height,
            "frames": one.frames,
            "verified": one.verified,
            "temporary": one.ref.folder == "temp",
        }
        for one in finished.outputs
    ]
    facts = {
        "prompt_id": finished.prompt_id,
        "server": address.url,
        "cached": finished.cached,
        "files": files,
        "texts": finished.texts,
    }

    def words(console: Console) -> None:
        for one in files:
            size = f"{one['width']}x{one['height']}" if one["width"] else f"{one['bytes']} bytes"
            console.print(f"{one['path']}  {one['kind']}  {size}", markup=False, highlight=False)
        for node, lines in finished.texts.items():
            for line in lines:
                console.print(f"node {node}: {line}", markup=False, highlight=False)
        if finished.cached:
            console.print("ComfyUI had all of it from before; nothing was computed anew.")

    return Answer(facts, words)
