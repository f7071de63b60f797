"""``art promote`` and ``art ship``: from an approved picture to what a game or a site reads."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.art import present
from ategnatos.commands.contract import Answer, Call, command

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.art.promote import Prepared, Promoted
    from ategnatos.art.shipping import ShippedOne
    from ategnatos.grimoire.project import Project

What = Annotated[
    str, typer.Argument(help="An approved candidate ('j1#2', v3), or a recipe for all of its own.")
]
Binding = Annotated[
    str | None, typer.Argument(help="Of a recipe: only this binding, its 16 hex digits.")
]
Engine = Annotated[
    str | None, typer.Option("--on", "--backend", help="Of a recipe: only this engine key.")
]
Frame = Annotated[
    int | None, typer.Option("--frame", min=0, help="Of a recipe: only this child, from 0.")
]
Realm = Annotated[
    str | None, typer.Option("--realm", help="Where it belongs, if no recipe made it.")
]
Kind = Annotated[str | None, typer.Option("--kind", help="What it is: icon, sprite, banner.")]
Slug = Annotated[str | None, typer.Option("--slug", help="Its name.")]
KeepMetadata = Annotated[
    bool, typer.Option("--keep-metadata", help="Leave prompt and settings in the file.")
]


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the art room."""
    command(
        app,
        "promote",
        example="ategnatos art promote 'j1#2' --realm game --kind icon --slug potion",
        dry_run=True,
    )(promote)
    command(app, "ship", example="ategnatos art ship norse.icon.potion.v1", dry_run=True)(ship)


def promote(
    call: Call,
    what: What,
    binding: Binding = None,
    engine: Engine = None,
    frame: Frame = None,
    realm: Realm = None,
    kind: Kind = None,
    slug: Slug = None,
    keep_metadata: KeepMetadata = False,
) -> Answer:
    """Freeze approved pictures in the tree of their asset: read-only, never overwritten."""
    from ategnatos.art import promote as promotion
    from ategnatos.guard.actor import actor

    project = call.project()
    narrowed = {"binding": binding, "engine": engine, "frame": frame}
    place = {"realm": realm, "kind": kind, "slug": slug}
    ready = _prepared(call, project, what, narrowed, place, keep_metadata)
    if call.dry_run:
        return _would(project, ready, "promote")
    who = actor()
    done = [promotion.promote(project, one, actor=who, now=_now) for one in ready]

    def words(console: Console) -> None:
        for one in done:
            _say(console, one)

    steps = tuple(f"ategnatos art ship {_quoted(what)}" for _ in done[:1])
    return Answer({"promoted": [_facts(one) for one in done]}, words, steps)


def ship(
    call: Call,
    what: What,
    binding: Binding = None,
    engine: Engine = None,
    frame: Frame = None,
    realm: Realm = None,
    kind: Kind = None,
    slug: Slug = None,
    keep_metadata: KeepMetadata = False,
    no_atlas: Annotated[
        bool, typer.Option("--no-atlas", help="Do not pack the pictures on one.")
    ] = False,
) -> Answer:
    """Promote, pack, and put into the manifest that games and sites read. Needs signatures."""
    from ategnatos.art import shipping
    from ategnatos.guard import gate
    from ategnatos.guard.actor import actor

    project = call.project()
    redo = f"ategnatos art ship {_quoted(what)}"
    # Before anything else, so that a studio without keys hears what it lacks and not a detail.
    gate.require_signed_mode(project, redo=redo)
    narrowed = {"binding": binding, "engine": engine, "frame": frame}
    place = {"realm": realm, "kind": kind, "slug": slug}
    ready = _prepared(call, project, what, narrowed, place, keep_metadata)
    if call.dry_run:
        return _would(project, ready, "ship")
    done = shipping.ship(project, ready, actor=actor(), now=_now, redo=redo, atlas=not no_atlas)

    def words(console: Console) -> None:
        for one in done:
            _say_shipped(console, one)

    return Answer(
        {
            "shipped": [
                {
                    "asset": one.asset,
                    "files": [_facts(file) for file in one.files],
                    "sprites": one.sprites,
                    "atlas": one.atlas or None,
                    "licence": one.licence,
                    "notes": list(one.notes),
                    "fresh": one.fresh,
                }
                for one in done
            ],
            "manifest": str(project.exports / "manifest.json"),
        },
        words,
        ("ategnatos exports verify",),
    )


def _prepared(
    call: Call,
    project: Project,
    what: str,
    narrowed: dict[str, Any],
    place: dict[str, Any],
    keep_metadata: bool,
) -> list[Prepared]:
    """Everything that is meant, checked: one refusal, and nothing is frozen."""
    from ategnatos.art import naming, shipping
    from ategnatos.art import promote as promotion
    from ategnatos.art.references import names_candidate
    from ategnatos.commands.art.wanted import named
    from ategnatos.grimoire.errors import StudioError

    if names_candidate(what) or naming.names_version(what):
        wrong = [name for name, value in narrowed.items() if value is not None]
        if wrong:
            from ategnatos.commands.contract import USAGE

            raise StudioError(
                USAGE,
                f"{what} is one candidate; {wrong[0]} narrows the outputs of a recipe. Nothing was"
                " frozen.",
                hint="Leave it out, or name the recipe.",
            )
        chosen = [named(call, what)]
    else:
        chosen = shipping.approved_of(project, what, **narrowed)
    return [
        promotion.prepare(project, job_id, number, keep_metadata=keep_metadata, **place)
        for job_id, number in chosen
    ]


def _would(project: Project, ready: list[Prepared], word: str) -> Answer:
    from ategnatos.art import promote as promotion

    rows = [
        {
            "candidate": one.one.candidate.reference,
            "path": promotion.destination(project, one),
            "bytes": len(one.picture.data),
            "width": one.picture.width,
            "height": one.picture.height,
            "verdict": one.one.approval.standing.value,
            "notes": [*one.one.notes, *one.picture.notes],
        }
        for one in ready
    ]
    lines = [
        f"Would {word} {row['candidate']} to {row['path']} ({row['width']}x{row['height']}, "
        f"{row['bytes']:,} bytes, {row['verdict']})"
        for row in rows
    ]
    return Answer({"dry_run": True, "files": rows}, "\n".join(lines))


def _facts(one: Promoted) -> dict[str, Any]:
    return {
        "candidate": one.one.candidate.reference,
        "asset": one.asset,
        "entry": one.entry,
        "path": str(one.path),
        "version": one.version,
        "sha256": one.sha256,
        "size": one.size,
        "width": one.width,
        "height": one.height,
        "verdict": one.standing,
        "approver": one.approver or None,
        "notes": list(one.notes),
        "fresh": one.fresh,
    }


def _say(console: Console, one: Promoted) -> None:
    state = "promoted" if one.fresh else "was promoted before, unchanged"
    by = f" by {one.approver}" if one.approver else ""
    console.print(
        f"{one.one.candidate.reference} {state}: {present.relative(one.path)} "
        f"({one.width}x{one.height}, {one.standing}{by})"
    )
    for note in one.notes:
        console.print(f"  {note}")


def _say_shipped(console: Console, one: ShippedOne) -> None:
    count = f"{one.sprites} picture{'' if one.sprites == 1 else 's'}"
    state = "shipped" if one.fresh else "was shipped before, unchanged"
    console.print(f"{one.asset} {state}: {count}, licence {one.licence}")
    for file in one.files:
        console.print(f"  {file.one.candidate.reference}  {present.relative(file.path)}")
    if one.atlas:
        console.print(f"  atlas  {one.atlas}")
    for note in one.notes:
        console.print(f"  {note}")


def _quoted(what: str) -> str:
    import shlex

    return shlex.quote(what)


def _now() -> datetime:
    return datetime.now(UTC)
