"""``studio comfyui install|update|nodes|models``: through comfy-cli, or the exact steps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command

if TYPE_CHECKING:
    from ategnatos.studio.comfyui.installs import Installation
    from ategnatos.studio.comfyui.steps import Step

Folder = Annotated[
    Path | None,
    typer.Option("--folder", help="The folder of ComfyUI's main.py. Default: found by itself."),
]
_HOUR = 3600.0


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to ``studio comfyui``."""
    example = "ategnatos studio comfyui"
    command(app, "install", example=f"{example} install --folder ~/ComfyUI", dry_run=True)(install)
    command(app, "update", example=f"{example} update", dry_run=True)(update)
    command(app, "nodes", example=f"{example} nodes --install comfyui-impact-pack", dry_run=True)(
        nodes
    )
    command(app, "models", example=f"{example} models")(models)


def install(
    call: Call,
    folder: Annotated[Path, typer.Option("--folder", help="Where to put it.")] = Path("~/ComfyUI"),
    version: Annotated[
        str, typer.Option("--version", help="latest, nightly, or a number like 0.3.64.")
    ] = "latest",
) -> Answer:
    """Install ComfyUI with its Manager. It downloads several gigabytes and takes minutes."""
    from ategnatos.studio import gpu
    from ategnatos.studio.comfyui import comfy_cli, installs, steps

    place = folder.expanduser().absolute()
    there = installs.look(place)
    if there is not None:
        return Answer(
            {"installed": there.as_data(), "fresh": False},
            f"ComfyUI {there.version} is in {place} already; nothing was installed.",
            ("ategnatos studio comfyui update", "ategnatos studio comfyui start"),
        )
    found = gpu.detect()
    by_hand = steps.install(place, found)
    hardware = "--nvidia" if found.gpus else "--cpu"
    if _is_apple() and found.gpus:
        hardware = "--m-series"
    arguments = ["install", "--version", version, hardware]
    if call.dry_run or comfy_cli.program() is None:
        return _by_hand(call, by_hand, arguments, "Nothing was installed")
    call.say(f"Installing ComfyUI into {place} with comfy-cli; this takes minutes")
    comfy_cli.run(arguments, workspace=place, patience=2 * _HOUR, say=call.say)
    made = installs.one(place)
    return Answer(
        {"installed": made.as_data(), "fresh": True},
        f"ComfyUI {made.version} is installed in {made.code}.",
        (f"ategnatos studio comfyui start --folder {made.code}",),
    )


def update(call: Call, folder: Folder = None) -> Answer:
    """Bring ComfyUI to its newest version; models and pictures stay."""
    from ategnatos.studio.comfyui import comfy_cli, installs, steps

    before = _installation(call, folder)
    arguments = ["update", "comfy"]
    if call.dry_run or comfy_cli.program() is None:
        return _by_hand(call, steps.update(before.code), arguments, "Nothing was updated")
    comfy_cli.run(arguments, workspace=before.code, patience=_HOUR, say=call.say)
    after = installs.one(before.code)
    changed = before.version != after.version
    return Answer(
        {"before": before.version, "after": after.version, "changed": changed},
        f"ComfyUI went from {before.version} to {after.version}."
        if changed
        else f"ComfyUI {after.version}: its version did not change.",
        ("ategnatos studio comfyui stop", "ategnatos studio comfyui start"),
    )


def nodes(
    call: Call,
    install: Annotated[
        list[str] | None,
        typer.Option("--install", help="A pack's name in the registry, or its URL; repeatable."),
    ] = None,
    folder: Folder = None,
) -> Answer:
    """List the installed packs of nodes, or install some. They are programs that run as you."""
    from ategnatos.studio.comfyui import comfy_cli, packs, steps

    place = _installation(call, folder)
    if not install:
        found = packs.installed(place)
        lines = [f"{one.name}  {one.version or '?'}  {one.url}".rstrip() for one in found]
        words = "\n".join(lines) or f"No packs of nodes are installed in {place.code}."
        return Answer({"folder": str(place.base), "packs": [one.as_data() for one in found]}, words)
    names = [packs.checked_name(name) for name in install]
    arguments = ["node", "install", "--exit-on-fail", *names]
    if call.dry_run or comfy_cli.program() is None:
        by_hand = [step for name in names for step in steps.node(place.base, name)]
        return _by_hand(call, by_hand, arguments, "No nodes were installed")
    had = {one.name for one in packs.installed(place)}
    comfy_cli.run(arguments, workspace=place.code, patience=_HOUR, say=call.say)
    new = [one for one in packs.installed(place) if one.name not in had]
    return Answer(
        {"asked": names, "installed": [one.as_data() for one in new]},
        f"Installed: {', '.join(one.name for one in new)}."
        if new
        else "comfy-cli reports success, and no new pack is there: it was installed before.",
        ("ategnatos studio comfyui stop", "ategnatos studio comfyui start"),
    )


def models(
    call: Call,
    port: Annotated[
        int, typer.Option("--port", help="The server to ask.", min=1, max=65535)
    ] = 8188,
    folder: Folder = None,
) -> Answer:
    """Which model files ComfyUI sees: asked of the server, else read from its folders."""
    from ategnatos.studio.comfyui import model_files

    seen = model_files.of_server(f"http://127.0.0.1:{port}")
    source = f"the server on port {port}"
    if seen is None:
        place = _installation(call, folder)
        seen, source = model_files.of_disk(place), str(place.models)
    lines = [f"{kind}/{name}" for kind, names in seen.items() for name in names]
    return Answer(
        {"source": source, "models": seen, "count": len(lines)},
        "\n".join([f"{len(lines)} files, from {source}", *lines]),
        ("ategnatos studio models scan", "ategnatos studio models download URL --kind KIND"),
    )


def _installation(call: Call, folder: Path | None) -> Installation:
    from ategnatos.commands.studio.machine import project_or_none
    from ategnatos.studio.comfyui import detect, installs

    project = project_or_none(call)
    return installs.one(
        folder, remembered=detect.remembered(project), beside=project.root if project else None
    )


def _by_hand(call: Call, steps: list[Step], arguments: list[str], undone: str) -> Answer:
    """The steps in order: what a dry run shows, and what a person does without comfy-cli."""
    from ategnatos.studio.comfyui import comfy_cli

    data: dict[str, Any] = {
        "done": False,
        "steps": [{"do": step.do, "why": step.why} for step in steps],
        "comfy_cli": comfy_cli.program(),
    }
    listed = "\n".join(f"  {step.do}\n      {step.why}" for step in steps)
    if call.dry_run and comfy_cli.program() is not None:
        line = " ".join(["comfy", *arguments])
        return Answer({"dry_run": True, **data}, f"Would run: {line}\nBy hand:\n{listed}")
    failed = None if call.dry_run else comfy_cli.missing(undone)
    return Answer({"dry_run": call.dry_run, **data}, f"By hand:\n{listed}", failed=failed)


def _is_apple() -> bool:
    import platform

    return platform.system() == "Darwin"
