"""``studio models download``: get a file, whole or not at all."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.studio.bytes_bar import bytes_bar
from ategnatos.commands.studio.machine import installation_or_none, project_or_none
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.studio.models.sources import Origin

DOWNLOAD_UNCLEAR = ErrorCode("download_unclear", "It is not clear what to download, or where to.")


def register(app: typer.Typer) -> None:
    """Add the verb to ``studio models``."""
    example = "ategnatos studio models download https://huggingface.co/... --kind checkpoint"
    command(app, "download", example=example, dry_run=True)(download)


def download(
    call: Call,
    what: Annotated[str, typer.Argument(help="An address, or the name of a known file.")],
    folder: Annotated[
        str | None,
        typer.Option("--folder", "--kind", help="lora, checkpoint, ... or ComfyUI's folder name."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="The file's name here.")] = None,
    models: Annotated[
        Path | None,
        typer.Option("--models", help="A folder like ComfyUI's models. Default: ComfyUI's own."),
    ] = None,
    sha256: Annotated[str, typer.Option("--sha256", help="The hash that it must have.")] = "",
    size: Annotated[int | None, typer.Option("--size", help="Its bytes.", min=1)] = None,
    licence: Annotated[str, typer.Option("--licence", help="What its page says.")] = "",
) -> Answer:
    """Download a model: resumed where it was cut, checked, and put in place only when whole."""
    from ategnatos.guard.values.paths import path_inside
    from ategnatos.studio.models import adding, places, sources
    from ategnatos.studio.models import download as room_download
    from ategnatos.studio.models.part import Wanted

    origin = sources.find(what)
    _check_hash(sha256)
    root = places.root(models, installation_or_none(call), os.environ)
    wanted_folder = _folder(origin, folder)
    file_name = name or origin.name or _in_address(origin)
    file_name = file_name or room_download.name_of(origin.url, sources.credentials)
    path = path_inside(root / wanted_folder, _checked_name(file_name), field="The file's name")
    if call.dry_run:
        return Answer(
            {"dry_run": True, "url": str(origin.url), "path": str(path), "there": path.exists()},
            f"Would download {origin.url}\n  to {path}",
        )
    wanted = Wanted(origin.url, path, size, sha256, origin.about_bytes)
    with bytes_bar(call, path.name) as show:
        manner = room_download.Manner(sources.credentials, progress=show, say=call.say)
        got = room_download.download(wanted, manner)
    project = project_or_none(call)
    entry = None
    if project is not None:
        said = adding.Said(licence=licence, source=str(origin.url))
        entry = adding.add(project, path, said, now=_now, digest=got.sha256)
    words = f"{path} ({got.size:,} bytes, SHA-256 {got.sha256[:16]}...)"
    words = f"Downloaded: {words}" if got.fresh else f"It was there already, unchanged: {words}"
    return Answer(
        {
            "path": str(path),
            "bytes": got.size,
            "sha256": got.sha256,
            "fresh": got.fresh,
            "resumed_bytes": got.resumed,
            "kind": entry.kind if entry else None,
            "family": entry.family if entry else None,
        },
        words,
    )


def _folder(origin: Origin, asked: str | None) -> str:
    from ategnatos.studio.models import places

    if asked is not None:
        return places.folder_of(asked)
    if origin.folder:
        return origin.folder
    raise StudioError(
        DOWNLOAD_UNCLEAR,
        "It is not clear in which folder the file belongs; nothing was downloaded.",
        hint="Say what it is: --kind checkpoint, --kind lora, --kind vae, --kind upscaler.",
    )


def _in_address(origin: Origin) -> str:
    """The file's name where the address ends in one; "" where only the server knows it."""
    from urllib.parse import unquote

    from ategnatos.studio.comfyui import facts

    last = unquote(origin.url.path).rpartition("/")[2]
    return last if last.lower().endswith(tuple(facts.places().model_suffixes)) else ""


def _checked_name(name: str) -> str:
    from ategnatos.studio.comfyui import facts

    suffixes = facts.places().model_suffixes
    if not name.lower().endswith(tuple(suffixes)):
        raise StudioError(
            DOWNLOAD_UNCLEAR,
            f"{name[:80]!r} is no name of a model file; nothing was downloaded.",
            hint=f"Name it with --name; it ends in one of: {', '.join(suffixes)}.",
        )
    return name


def _check_hash(text: str) -> None:
    if text and (len(text) != 64 or set(text.lower()) - set("0123456789abcdef")):
        raise StudioError(
            DOWNLOAD_UNCLEAR,
            "--sha256 is no SHA-256: that has 64 hex digits. Nothing was downloaded.",
            hint="Copy it from the model's page.",
        )


def _now() -> datetime:
    return datetime.now(UTC)
