"""``ategnatos studio models``: what model files are here, what they are, and getting more."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.studio import models_download
from ategnatos.commands.studio.bytes_bar import bytes_bar
from ategnatos.commands.studio.machine import installation_or_none
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.schemas.models import ModelFile

MODELS_DIFFER = ErrorCode("models_differ", "A model file is not what the inventory says.")
MODEL_NOT_LISTED = ErrorCode("model_not_listed", "The inventory holds no file of that name.")

app = room("Model files: the inventory, downloads, and whether they are whole.")
models_download.register(app)

Models = Annotated[
    Path | None,
    typer.Option("--models", help="A folder like ComfyUI's models. Default: ComfyUI's own."),
]
Kind = Annotated[str | None, typer.Option("--kind", help="checkpoint, lora, vae, upscaler, ...")]


@command(app, "scan", example="ategnatos studio models scan", dry_run=True)
def scan(
    call: Call,
    models: Models = None,
    hashes: Annotated[
        bool, typer.Option("--hash/--no-hash", help="Compute SHA-256 of new files.")
    ] = True,
) -> Answer:
    """Look at every model file, and write down hash, kind, family, triggers and licence."""
    from ategnatos.studio.models import places, record
    from ategnatos.studio.models import scan as room_scan

    project = call.project()
    where = places.places(models, installation_or_none(call), os.environ)
    if call.dry_run:
        found = sorted({path for place in where for path in places.files(place)})
        size = sum(path.stat().st_size for path in found)
        return Answer(
            {"dry_run": True, "files": [str(path) for path in found], "bytes": size},
            f"Would look at {len(found)} files with {size:,} bytes.",
        )
    with bytes_bar(call, "Reading") as show:
        result = room_scan.scan(
            project, where, now=_now, hashes=hashes, progress=lambda d, w, n: show(d, w)
        )
    recorded = record.record(project, result.files)
    bad = [one for one in result.files if one.problem]
    words = f"{len(result.files)} files: {len(result.new)} new, {len(result.changed)} changed,"
    words += f" {len(result.gone)} gone."
    for one in bad:
        call.warn(f"{one.path}: {one.problem}")
    return Answer(
        {
            "files": len(result.files),
            "new": result.new,
            "changed": result.changed,
            "gone": result.gone,
            "problems": [{"path": one.path, "problem": one.problem} for one in bad],
            "hashed_bytes": result.hashed_bytes,
            "recorded": recorded,
        },
        words,
        ("ategnatos studio models list",),
    )


@command(app, "list", example="ategnatos studio models list --kind lora")
def list_(
    call: Call,
    kind: Kind = None,
    family: Annotated[str | None, typer.Option("--family", help="sdxl, flux1, ...")] = None,
) -> Answer:
    """The inventory, as the last scan found it."""
    found = [
        one
        for one in _inventory(call)
        if (kind is None or one.kind == kind) and (family is None or one.family == family)
    ]
    steps = () if found else ("ategnatos studio models scan",)
    words = "\n".join(_line(one) for one in found) or "The inventory holds no such file."
    return Answer({"files": [one.model_dump() for one in found]}, words, steps)


@command(app, "where", example="ategnatos studio models where --kind lora")
def where(
    call: Call,
    name: Annotated[str | None, typer.Argument(help="A file's name.")] = None,
    kind: Kind = None,
    models: Models = None,
) -> Answer:
    """Where a file lies, or where files of a kind belong."""
    from ategnatos.studio.models import places

    if name is not None:
        found = [one.path for one in _named(call, [name])]
        return Answer({"paths": found}, "\n".join(found))
    root = places.root(models, installation_or_none(call), os.environ)
    if kind is not None:
        folder = root / places.folder_of(kind)
        return Answer({"paths": [str(folder)]}, str(folder))
    everywhere = places.places(models, installation_or_none(call), os.environ)
    lines = [f"{one.kind or '(any)':16} {one.folder}" for one in everywhere]
    return Answer(
        {"places": [{"kind": one.kind, "folder": str(one.folder)} for one in everywhere]},
        "\n".join(lines),
    )


@command(app, "add", example="ategnatos studio models add ~/style.safetensors --weights 0.6-0.8")
def add(
    call: Call,
    file: Annotated[Path, typer.Argument(help="A model file, wherever it lies.")],
    kind: Kind = None,
    good_for: Annotated[str, typer.Option("--good-for", help="What it does well.")] = "",
    settings: Annotated[str, typer.Option("--settings", help="What works with it.")] = "",
    weights: Annotated[str, typer.Option("--weights", help="A LoRA's range: 0.6-0.8.")] = "",
    licence: Annotated[str, typer.Option("--licence", help="What its page says.")] = "",
    source: Annotated[str, typer.Option("--source", help="Its page.")] = "",
) -> Answer:
    """Put one file on record, with what only a person knows of it. The file stays where it is."""
    from ategnatos.studio.models import adding

    project = call.project()
    with bytes_bar(call, "Reading") as show:
        entry = adding.add(
            project,
            file.expanduser().absolute(),
            adding.Said(kind or "", good_for, settings, weights, licence, source),
            now=_now,
            progress=show,
        )
    missing = adding.missing(entry, good_for)
    steps = tuple(f"Say its {what} with {option}" for what, option in missing)
    return Answer({"file": entry.model_dump()}, _line(entry), steps)


@command(app, "verify", example="ategnatos studio models verify")
def verify(
    call: Call, names: Annotated[list[str] | None, typer.Argument(help="Only these.")] = None
) -> Answer:
    """Read the files again in full: are they what the inventory says?"""
    from ategnatos.studio.models import verify as room_verify

    entries = _named(call, names) if names else _inventory(call)
    with bytes_bar(call, "Reading") as show:
        found = room_verify.verify(entries, progress=show)
    bad = [one for one in found if one.problem]
    lines = [f"{'ok  ' if not one.problem else 'FAIL'} {one.name} {one.problem}" for one in found]
    failed = None
    if bad:
        failed = StudioError(
            MODELS_DIFFER,
            f"{len(bad)} of {len(found)} files are not what the inventory says: {bad[0].name}"
            f" {bad[0].problem}.",
            hint="Download it again, or take it as it is with 'ategnatos studio models scan'.",
            files=[one.path for one in bad],
        )
    return Answer(
        {
            "files": [
                {"name": one.name, "path": one.path, "problem": one.problem} for one in found
            ],
            "bad": len(bad),
        },
        "\n".join(lines) or "The inventory is empty.",
        failed=failed,
    )


def _inventory(call: Call) -> list[ModelFile]:
    from ategnatos.grimoire import documents

    files: list[ModelFile] = documents.read(call.project(), "models").files
    return files


def _named(call: Call, names: list[str]) -> list[ModelFile]:
    from ategnatos.studio.models import scan as room_scan

    entries = _inventory(call)
    found = room_scan.by_name(entries, names)
    for name, matches in found.items():
        if not matches:
            import difflib

            known = [Path(one.name).name for one in entries]
            near = difflib.get_close_matches(name, known, n=1)
            raise StudioError(
                MODEL_NOT_LISTED,
                f"The inventory holds no file called {name[:80]!r}; nothing was done.",
                hint=(f"Did you mean {near[0]}? " if near else "")
                + "See 'ategnatos studio models list', or look again with"
                " 'ategnatos studio models scan'.",
            )
    return [one for matches in found.values() for one in matches]


def _line(one: ModelFile) -> str:
    words = f"{one.kind or '?':16} {one.family or '?':12} {one.bytes / 1e6:10,.1f} MB  {one.name}"
    if one.triggers:
        words += f"  [{', '.join(one.triggers)}]"
    return words + (f"  ! {one.problem}" if one.problem else "")


def _now() -> datetime:
    return datetime.now(UTC)
