"""``grimoire get``, ``set``, ``append`` and ``remove``: one value of one document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command

if TYPE_CHECKING:
    from ategnatos.grimoire.change import Changed

Name = Annotated[str, typer.Argument(help="The document: studio, eye, assets, manifest.")]
Path = Annotated[
    str,
    typer.Argument(help='Where: environment.cuda, models[0], models[Pony].settings, ["a.b"].'),
]
Value = Annotated[str, typer.Argument(help="The value, as words.")]
Type = Annotated[
    str,
    typer.Option(
        "--type",
        help="auto: text where the field takes text ('12.10' stays '12.10'), JSON where it"
        " does not (a port, a row). text or json: only that.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the grimoire room."""
    command(app, "get", example="ategnatos grimoire get studio environment.cuda")(get)
    command(
        app, "set", example="ategnatos grimoire set studio environment.cuda 12.10", dry_run=True
    )(set_value)
    command(
        app,
        "append",
        example='ategnatos grimoire append studio models \'{"name": "Pony V6 XL"}\'',
        dry_run=True,
    )(append)
    command(app, "remove", example="ategnatos grimoire remove studio models[Pony]", dry_run=True)(
        remove
    )


def get(
    call: Call,
    name: Name,
    path: Annotated[str, typer.Argument(help="Where; without it the whole document.")] = "",
) -> Answer:
    """Read a value. A path names fields and rows and nothing else; a missing one exits 1."""
    from ategnatos.grimoire import documents, fields

    document = documents.read(call.project(), name)
    value = fields.get(documents.as_payload(document), path)
    return Answer({"document": name, "path": path, "value": value}, _shown(value))


def set_value(
    call: Call,
    name: Name,
    path: Path,
    value: Value,
    type: Type = "auto",
    new: Annotated[
        bool, typer.Option("--new", help="Allow a field the document does not have yet.")
    ] = False,
) -> Answer:
    """Set a field. The schema decides what the words mean, never how they look."""
    from ategnatos.grimoire import change
    from ategnatos.guard.actor import actor

    return _said(
        call,
        "Set",
        change.set_value(
            call.project(),
            name,
            path,
            value,
            actor=actor(),
            kind=_kind(type),
            new=new,
            dry_run=call.dry_run,
        ),
    )


def append(call: Call, name: Name, path: Path, value: Value, type: Type = "auto") -> Answer:
    """Append a row to a list; a row with fields is given as a JSON object."""
    from ategnatos.grimoire import change
    from ategnatos.guard.actor import actor

    return _said(
        call,
        "Appended to",
        change.append_value(
            call.project(),
            name,
            path,
            value,
            actor=actor(),
            kind=_kind(type),
            dry_run=call.dry_run,
        ),
    )


def remove(
    call: Call,
    name: Name,
    path: Path,
    key: Annotated[str, typer.Argument(help="With VALUE: remove rows whose KEY is VALUE.")] = "",
    value: Annotated[str, typer.Argument(help="The text of KEY, digits included.")] = "",
) -> Answer:
    """Remove a row, an unknown field, or the rows whose KEY shows VALUE."""
    from ategnatos.grimoire import change
    from ategnatos.guard.actor import actor

    done = change.remove_value(
        call.project(), name, path, actor=actor(), key=key, value=value, dry_run=call.dry_run
    )
    count = len(done.before)
    what = f"{count} row{'' if count == 1 else 's'} of {name} {path}"
    return Answer(
        {"document": name, "path": path, "removed": done.before, "dry_run": call.dry_run},
        f"{'Would remove' if call.dry_run else 'Removed'} {what}:\n{_shown(done.before)}",
    )


def _said(call: Call, verb: str, done: Changed) -> Answer:
    words = f"{verb} {done.document} {done.path}:\n{_shown(done.after)}"
    if call.dry_run:
        words = f"Nothing was written. It would be:\n{_shown(done.after)}"
    return Answer(
        {
            "document": done.document,
            "path": done.path,
            "before": done.before,
            "after": done.after,
            "dry_run": call.dry_run,
        },
        words,
    )


def _kind(text: str) -> Any:
    from ategnatos.commands.contract import USAGE
    from ategnatos.grimoire.change import Kind
    from ategnatos.grimoire.errors import StudioError

    try:
        return Kind(text)
    except ValueError:
        raise StudioError(
            USAGE,
            f"--type cannot be {text!r}; nothing was changed.",
            hint=f"Choose one of: {', '.join(Kind)}.",
        ) from None


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
