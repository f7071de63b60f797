"""``train dataset audit``: what is wrong with the pictures, and what to do about it."""

from __future__ import annotations

import os
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.train.dataset.audit.auditing import Audited
    from ategnatos.train.dataset.audit.findings import Choose
    from ategnatos.train.dataset.version import Picture, Version

AUDIT_STOPS = ErrorCode("audit_stops", "Pictures of the dataset cannot be trained on as they are.")
AUDIT_FOLDER = ErrorCode("audit_folder", "A folder that is no dataset is only looked at.")

app = room()
_SHOWN = 6


@command(app, "audit", example="ategnatos train dataset audit ann --trainer kohya")
def audit(
    call: Call,
    name: Annotated[
        str, typer.Argument(metavar="NAME|FOLDER", help="The dataset, or a folder of pictures.")
    ],
    trainer: Annotated[
        str, typer.Option("--trainer", metavar="NAME", help="Whose buckets count; default kohya.")
    ] = "kohya",
    resolution: Annotated[
        int, typer.Option("--resolution", metavar="PX", help="The side that is trained.", min=64)
    ] = 1024,
    apply: Annotated[
        bool, typer.Option("--apply", help="Set aside what cannot be trained on.")
    ] = False,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", help="Processes; default: one a core.", min=0)
    ] = 0,
    faces: Annotated[
        bool, typer.Option("--faces", help="Count faces (needs opencv-python-headless).")
    ] = False,
) -> Answer:
    """Decode every picture once and say what is wrong; exits 1 where something stops a training."""
    from ategnatos.commands.train.dataset.watching import watched
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset import quarantine, record, store
    from ategnatos.train.dataset.audit import auditing
    from ategnatos.train.dataset.audit.faces import count_faces

    folder = _folder(call, name)
    choose = auditing.chooser(trainer, resolution)
    if folder is not None:
        _only_looks(name, apply=apply)
        return _of_folder(call, folder, choose, workers, faces=faces)
    project = call.project()
    version = record.load(project, name)
    with watched(call, "looking") as show:
        done = auditing.audit(
            project, version, choose=choose, workers=workers or None, progress=show
        )
    if faces:
        done.findings.extend(
            count_faces(
                version, done.passed, lambda one: store.file_path(project, name, one.sha256)
            )
        )
    data = _data(name, version, done)
    stops = done.stopping()
    lines = [*_page(done), _sum(done, version)]
    if stops and apply:
        moved = quarantine.set_aside(project, name, stops, actor=actor(), now=datetime.now(UTC))
        data |= {"moved": list(moved.names), "version": moved.version.number}
        data["digest"] = moved.version.digest()
        lines.append(f"{len(stops)} are set aside; this is version {moved.version.number} now.")
        return Answer(
            data, "\n".join(lines), (f"ategnatos train dataset quarantine {name} --undo",)
        )
    hint = f"'ategnatos train dataset audit {name} --apply' sets them aside, with undo."
    failed = _failed(done, version, data, hint)
    return Answer(data, "\n".join(lines), (f"ategnatos train dataset dedup {name}",), failed)


def _folder(call: Call, name: str) -> Path | None:
    """The folder that is meant, where ``name`` is no dataset's; None where it is."""
    from ategnatos.train.dataset import record

    path = Path(name).expanduser()
    if os.sep in name or name in {".", ".."} or name.startswith("~"):
        return path
    try:
        record.row(call.project(), name)
    except StudioError:
        # What is wrong with the name or the project is said by whoever goes on with a dataset.
        return path if path.is_dir() else None
    return None


def _only_looks(name: str, *, apply: bool) -> None:
    if apply:
        raise StudioError(
            AUDIT_FOLDER,
            f"{name!r} is a folder of yours and no dataset: nothing in it is moved or changed.",
            hint=f"'ategnatos train dataset import {name} --as NAME' makes it one.",
        )


def _of_folder(call: Call, folder: Path, choose: Choose, workers: int, *, faces: bool) -> Answer:
    from ategnatos.commands.train.dataset.watching import watched
    from ategnatos.train.dataset.audit import auditing, of_folder
    from ategnatos.train.dataset.audit.faces import count_faces
    from ategnatos.train.dataset.duplicates.of_version import among

    with watched(call, "looking") as show:
        seen = of_folder.look_through(folder, workers=workers or None, progress=show)
    version, passed = seen.version, seen.passed

    def path_of(one: Picture) -> Path:
        return seen.paths[one.name]

    done = auditing.judged(version, passed, among(version, passed.looks, path_of)[0], choose)
    if faces:
        done.findings.extend(count_faces(version, passed, path_of))
    data = _data(version.dataset, version, done)
    left = seen.left_out
    data |= {"folder": str(folder), "left_out": [{"name": name, "why": why} for name, why in left]}
    said = sum(one.caption is not None for one in version.pictures)
    lines = [
        *_page(done),
        *(f"  no picture: {name} ({why})" for name, why in left[:_SHOWN]),
        _sum(done, version),
        f"{said} have a caption beside them. Nothing was stored or changed.",
    ]
    bring = f"ategnatos train dataset import {shlex.quote(str(folder))} --as NAME"
    hint = f"'{bring}' makes a dataset of them, where they can be set aside."
    return Answer(data, "\n".join(lines), (bring,), _failed(done, version, data, hint))


def _data(name: str, version: Version, done: Audited) -> dict[str, Any]:
    from ategnatos.train.dataset.audit import auditing
    from ategnatos.train.dataset.audit.findings import counted
    from ategnatos.train.dataset.captions import lint

    return {
        "name": name,
        "version": version.number,
        "digest": version.digest(),
        "pictures": len(version.pictures),
        "looked": done.passed.fresh,
        "counts": counted(done.findings),
        "findings": [one.facts() for one in done.findings],
        "series": [list(one.files) for one in done.groups if one.kind == "series"],
        "captions": lint.metrics(version, auditing.measured(done.passed, version)),
        "facts": {name: look.facts for name, look in done.passed.looks.items()},
        "moved": [],
    }


def _sum(done: Audited, version: Version) -> str:
    rate = done.passed.fresh / max(done.passed.seconds, 1e-6)
    return (
        f"{len(version.pictures)} pictures, {done.passed.fresh} looked at now"
        + (f" ({rate:.0f} images/s)" if done.passed.fresh else "")
        + f"; {len(done.stopping())} cannot be trained on."
    )


def _failed(done: Audited, version: Version, data: dict[str, Any], hint: str) -> StudioError | None:
    if not any(one.level == "stop" for one in done.findings):
        return None
    return StudioError(
        AUDIT_STOPS,
        f"{len(done.stopping())} of {len(version.pictures)} pictures cannot be trained on as they"
        " are; nothing was moved.",
        hint=hint,
        counts=data["counts"],
    )


def _page(done: Audited) -> list[str]:
    from ategnatos.train.dataset.audit.meanings import MEANINGS

    by_code: dict[str, list[Any]] = {}
    for one in done.findings:
        by_code.setdefault(one.code, []).append(one)
    lines = []
    for code, found in by_code.items():
        meaning = MEANINGS[code]
        lines.append(f"{meaning.level}  {code}: {meaning.what} ({len(found)})")
        lines += [f"        {one.file or 'the set'}: {one.why}" for one in found[:_SHOWN]]
        if len(found) > _SHOWN:
            lines.append(f"        and {len(found) - _SHOWN} more (--json lists them)")
        lines.append(f"        -> {meaning.do}")
    for group in done.groups:
        if group.kind == "series":
            lines.append(
                f"note  series: {group.files[0]} to {group.files[-1]}, {len(group.files)} frames"
            )
    return lines
