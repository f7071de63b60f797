"""``train config``: a plan in a trainer's own files, its command line, and what it cannot do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.terminal import plain

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.trainers import Translation

app = room()


@command(app, "config", example="ategnatos train config ann --trainer kohya --json", dry_run=True)
def config(
    call: Call,
    name: Annotated[str, typer.Argument(help="The plan.")],
    trainer: Annotated[str, typer.Option("--trainer", help="kohya, simpletuner, ai-toolkit ...")],
    version: Annotated[
        int, typer.Option("--version", metavar="N", help="An older version; default: the newest.")
    ] = 0,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="A folder inside workspace/.")
    ] = None,
    home: Annotated[
        str, typer.Option("--home", metavar="DIR", help="Where the trainer's checkout lies.")
    ] = "",
    python: Annotated[
        str, typer.Option("--python", metavar="FILE", help="The Python that runs the trainer.")
    ] = "",
    copy: Annotated[
        bool, typer.Option("--copy", help="Copy the pictures instead of linking them.")
    ] = False,
) -> Answer:
    """Write the trainer's files, lay the dataset out beside them, and say what is lost."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from ategnatos.grimoire.zones import Zone, resolve
    from ategnatos.guard.actor import actor
    from ategnatos.train.plan import base_model, choosing, laying, store, writing
    from ategnatos.trainers import load_trainer

    project = call.project()
    kept = store.load(project, name, version or None)
    chosen = load_trainer(trainer)
    choosing.check(chosen, kept.plan)
    # An older version stays as it was; the newest gets its base model for good.
    keep = not call.dry_run and kept.number == kept.versions
    now = datetime.now(UTC)
    kept, said = base_model.settled(project, kept, chosen.name, actor=actor(), now=now, keep=keep)
    if said:
        call.warn(said)
    below = Path("training", kept.name, chosen.name) if out is None else _below(project.root, out)
    place = resolve(project, Zone.WORKSPACE, below, for_writing=True)
    ready = laying.ready(project, kept.plan, chosen.layout, place / "dataset")
    made = chosen.translate(kept.plan, ready.dataset, place)
    linked = None
    if not call.dry_run:
        linked = ready.put(project, copy=copy)
        writing.write(place, made, ours={"plan": kept.name, "digest": kept.digest})
    where = (home or "{home}", python or _python(made))
    line, folder, environment = made.placed(*where)
    for text in (*ready.dataset.warnings, *made.notes):
        call.warn(text)
    data: dict[str, Any] = {
        "plan": kept.name,
        "number": kept.number,
        "digest": kept.digest,
        "trainer": chosen.name,
        "place": str(place),
        "files": {path: raw.decode("utf-8") for path, raw in made.files.items()},
        "before": [
            {"name": one.name, "command": list(one.command)} for one in made.placed_before(*where)
        ],
        "command": list(line),
        "cwd": folder or str(place),
        "environment": environment,
        "output": str(place / made.output),
        "steps": made.steps,
        "pictures": ready.dataset.pictures,
        "losses": [asdict(one) for one in made.losses],
        "linked": linked.linked if linked else None,
        "dry_run": call.dry_run,
    }
    return Answer(data, lambda console: _draw(console, data))


def _python(made: Translation) -> str:
    """Our own Python for a trainer without a checkout, which is part of this installation."""
    import sys

    own = "{home}" not in " ".join((*made.command, made.cwd, *made.environment.values()))
    return sys.executable if own else "{python}"


def _below(root: Path, out: Path) -> Path:
    """A path as a person writes it: from where they are, or from the workspace."""
    home = root / "workspace"
    absolute = out if out.is_absolute() else Path.cwd() / out
    return absolute if absolute.is_relative_to(home) else out


def _draw(console: Console, data: dict[str, Any]) -> None:
    from ategnatos.commands.page import Line, Row, draw

    verb = "Would write" if data["dry_run"] else "Wrote"
    console.print(f"{verb} to {data['place']}: {', '.join(data['files'])}", soft_wrap=True)
    console.print(
        f"{data['trainer']} will see {data['pictures']} pictures and take {data['steps']:,} steps."
    )
    console.print()
    if data["losses"]:
        console.print(f"What {data['trainer']} does not do as the plan says:", style="bold")
        draw(
            console,
            [
                Row(
                    ((f"  {one['field']}", ""), (one["kind"], "")),
                    [Line(f"{plain(one['asked'])} -> {plain(one['gets'])}: {one['why']}")],
                )
                for one in data["losses"]
            ],
        )
    else:
        console.print(f"{data['trainer']} does everything as the plan says.")
    console.print()
    import shlex

    words = [f"{key}={value}" for key, value in data["environment"].items()]
    steps = [*data["before"], {"name": "train", "command": data["command"]}]
    order = ", in this order" if data["before"] else ""
    console.print(f"Start it in {data['cwd']} with{order}:", soft_wrap=True)
    for number, one in enumerate(steps, 1):
        if data["before"]:
            console.print(f"{number}. {one['name']}:")
        line = plain(shlex.join([*words, *one["command"]]))
        console.print("  " + line, soft_wrap=True, markup=False)
