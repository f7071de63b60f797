"""``train dataset audit``: what is wrong with the pictures, and what to do about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from ategnatos.train.dataset.audit.auditing import Audited

AUDIT_STOPS = ErrorCode("audit_stops", "Pictures of the dataset cannot be trained on as they are.")

app = room()
_SHOWN = 6


@command(app, "audit", example="ategnatos train dataset audit ann --trainer kohya")
def audit(
    call: Call,
    name: Annotated[str, typer.Argument(help="The dataset.")],
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
    from ategnatos.train.dataset import quarantine, record
    from ategnatos.train.dataset.audit import auditing
    from ategnatos.train.dataset.audit.faces import count_faces
    from ategnatos.train.dataset.audit.findings import counted
    from ategnatos.train.dataset.captions import lint

    project = call.project()
    version = record.load(project, name)
    choose = auditing.chooser(trainer, resolution)
    with watched(call, "looking") as show:
        done = auditing.audit(
            project, version, choose=choose, workers=workers or None, progress=show
        )
    if faces:
        done.findings.extend(count_faces(project, version, done.passed))
    data: dict[str, Any] = {
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
    stops = done.stopping()
    lines = _page(done)
    rate = done.passed.fresh / max(done.passed.seconds, 1e-6)
    lines.append(
        f"{len(version.pictures)} pictures, {done.passed.fresh} looked at now"
        + (f" ({rate:.0f} images/s)" if done.passed.fresh else "")
        + f"; {len(stops)} cannot be trained on."
    )
    if stops and apply:
        moved = quarantine.set_aside(project, name, stops, actor=actor(), now=datetime.now(UTC))
        data |= {"moved": list(moved.names), "version": moved.version.number}
        data["digest"] = moved.version.digest()
        lines.append(f"{len(stops)} are set aside; this is version {moved.version.number} now.")
        return Answer(
            data, "\n".join(lines), (f"ategnatos train dataset quarantine {name} --undo",)
        )
    failed = None
    if any(one.level == "stop" for one in done.findings):
        failed = StudioError(
            AUDIT_STOPS,
            f"{len(stops)} of {len(version.pictures)} pictures cannot be trained on as they are;"
            " nothing was moved.",
            hint=f"'ategnatos train dataset audit {name} --apply' sets them aside, with undo.",
            counts=data["counts"],
        )
    return Answer(data, "\n".join(lines), (f"ategnatos train dataset dedup {name}",), failed)


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
