"""``art brief``: what an asset is for and how it must measure, before the first picture."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command, room
from ategnatos.commands.page import Line, Row, draw
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.art.briefs import Wanted
    from ategnatos.grimoire.jobs.assets import Asset
    from ategnatos.grimoire.project import Project

Name = Annotated[str, typer.Argument(help="Project and asset, like site/owl.")]
Subject = Annotated[str | None, typer.Option("--subject", help="What to draw, in a few words.")]
Purpose = Annotated[str | None, typer.Option("--purpose", help="What the asset is for.")]
Audience = Annotated[str | None, typer.Option("--audience", help="Who will look at it.")]
Specs = Annotated[
    list[str] | None,
    typer.Option("--spec", metavar="NAME", help="A kind of asset, like og-image; repeatable."),
]
Sizes = Annotated[
    list[str] | None,
    typer.Option("--size", metavar="WxH", help="A size of your own in pixels; repeatable."),
]
Formats = Annotated[
    list[str] | None, typer.Option("--format", help="A file format, like webp; repeatable.")
]
Constraints = Annotated[
    list[str] | None,
    typer.Option("--constraint", help="What must hold, like 'no text'; repeatable."),
]
Notes = Annotated[str | None, typer.Option("--notes", help="Anything else.")]


def register(app: typer.Typer) -> None:
    """Add the noun of this module to the art room."""
    noun = room("What an asset is for and how it must measure.")
    new_example = (
        "ategnatos art brief new site/owl --subject 'an owl mascot' --spec og-image"
        " --constraint 'no text'"
    )
    command(noun, "new", example=new_example, dry_run=True)(new)
    command(
        noun,
        "edit",
        example="ategnatos art brief edit site/owl --audience 'children'",
        dry_run=True,
    )(edit)
    command(noun, "show", example="ategnatos art brief show site/owl")(show)
    command(noun, "list", example="ategnatos art brief list site")(list_briefs)
    command(noun, "specs", example="ategnatos art brief specs og-image")(specs)
    command(noun, "render", example="ategnatos art brief render site/owl")(render)
    app.add_typer(noun, name="brief")


def new(
    call: Call,
    name: Name,
    subject: Subject = None,
    purpose: Purpose = None,
    audience: Audience = None,
    spec: Specs = None,
    size: Sizes = None,
    format: Formats = None,
    constraint: Constraints = None,
    notes: Notes = None,
) -> Answer:
    """Write a brief for a new asset."""
    wanted = _wanted(subject, purpose, audience, spec, size, format, constraint, notes)
    return _written(call, name, wanted, fresh=True)


def edit(
    call: Call,
    name: Name,
    subject: Subject = None,
    purpose: Purpose = None,
    audience: Audience = None,
    spec: Specs = None,
    size: Sizes = None,
    format: Formats = None,
    constraint: Constraints = None,
    notes: Notes = None,
) -> Answer:
    """Change a brief: what you give replaces what stood there, '' clears it, the rest stays."""
    given = (subject, purpose, audience, spec, size, format, constraint, notes)
    if all(one is None or one == [] for one in given):
        raise StudioError(
            USAGE,
            "Nothing was given to change; the brief stands as it was.",
            hint="For instance: ategnatos art brief edit site/owl --audience 'children'",
        )
    return _written(call, name, _wanted(*given), fresh=False)


def show(
    call: Call,
    name: Annotated[str, typer.Argument(help="The asset, like site/owl or owl.")],
) -> Answer:
    """A brief, how far its asset is, and where its pages lie."""
    from ategnatos.art import briefs, iterations
    from ategnatos.grimoire.jobs import assets, database, store

    project = call.project()
    with database.connect(project) as db:
        asset = briefs.find(db, name)
        steps = [
            (one, store.get(db, one.job), store.candidates(db, one.job))
            for one in assets.versions(db, asset.id)
        ]
    rows = _rows(asset) + [
        Row(
            ((one.name, "bold"),),
            [Line(f"{job.name}  {job.asked}  ({iterations.outcome(pictures)})")],
        )
        for one, job, pictures in steps
    ]
    return Answer(
        {
            **_facts(project, asset),
            "versions": [
                {"version": one.name, "job": job.name, "state": job.state, "change": job.change}
                for one, job, _ in steps
            ],
        },
        lambda console: draw(console, rows),
        (
            f"ategnatos art prompt --for {asset.full_name}",
            f"ategnatos art generate --for {asset.full_name}",
        ),
    )


def list_briefs(
    call: Call,
    of: Annotated[str | None, typer.Argument(help="Only those of this project.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 50,
) -> Answer:
    """Every asset with a brief, the last changed first."""
    from ategnatos.grimoire.jobs import assets, database

    project = call.project()
    found: list[Asset] = []
    total = 0
    if database.exists(project):
        with database.connect(project) as db:
            found = assets.every(db, of, limit)
            total = assets.count(db, of)
    rows = [Row(((one.full_name, "bold"),), [Line(_summary(one))]) for one in found]
    more = f"{total - len(found)} more: --limit {total}" if total > len(found) else ""

    def words(console: Any) -> None:
        draw(console, rows)
        if not rows:
            console.print("No briefs yet." if of is None else f"No brief of the project {of}.")
        if more:
            console.print(more)

    return Answer(
        {
            "briefs": [
                {"asset": one.full_name, "revision": one.revision, **one.brief} for one in found
            ],
            "total": total,
        },
        words,
        () if rows else ("ategnatos art brief new site/owl --subject 'an owl mascot'",),
    )


def specs(
    call: Call,
    name: Annotated[str | None, typer.Argument(help="One kind of asset; default: all.")] = None,
) -> Answer:
    """The kinds of assets that a brief can name, with their sizes and where these come from."""
    from ategnatos.art.briefs import studio_folder
    from ategnatos.grimoire.project import NO_PROJECT
    from ategnatos.knowledge import asset_specs

    try:
        home = studio_folder(call.project())
    except StudioError as error:
        if error.code is not NO_PROJECT:
            raise
        home = None
    chosen = [asset_specs.find(name, home)] if name else list(asset_specs.specs(home).values())
    rows = []
    for one in chosen:
        lines = [Line(f"{one.title}: {one.about}" if one.about else one.title)]
        if name:
            lines += [
                Line(f"{out.name}  {out.width}x{out.height}  {' '.join(out.formats)}  {out.note}")
                for out in one.outputs
            ]
            lines += [Line(f"must hold: {rule}") for rule in one.constraints]
            lines.append(Line(f"source: {one.source} (as of {one.date})", "dim"))
        else:
            sizes = ", ".join(f"{out.width}x{out.height}" for out in one.outputs)
            lines.append(Line(sizes, "dim"))
        rows.append(Row(((one.name, "bold"),), lines))
    return Answer(
        {
            "specs": [
                {
                    "name": one.name,
                    "title": one.title,
                    "about": one.about,
                    "outputs": [
                        {
                            "name": out.name,
                            "width": out.width,
                            "height": out.height,
                            "formats": list(out.formats),
                            "note": out.note,
                        }
                        for out in one.outputs
                    ],
                    "constraints": list(one.constraints),
                    "source": one.source,
                    "date": one.date,
                    "own": one.own,
                }
                for one in chosen
            ]
        },
        lambda console: draw(console, rows),
    )


def render(
    call: Call,
    name: Annotated[str | None, typer.Argument(help="One asset; default: all.")] = None,
) -> Answer:
    """Draw the pages of assets anew from the record; an edited page is kept as '.edited'."""
    from ategnatos.art import briefs, pages
    from ategnatos.grimoire.jobs import assets, database

    project = call.project()
    drawn: list[str] = []
    with database.connect(project) as db:
        chosen = [briefs.find(db, name)] if name else assets.every(db)
        for asset in chosen:
            drawn += [
                path.relative_to(project.root).as_posix()
                for path in pages.render(project, db, asset)
            ]
    told = "\n".join(drawn) or f"The pages of {len(chosen)} assets were as recorded."
    return Answer({"assets": len(chosen), "written": drawn}, told)


def _wanted(
    subject: str | None,
    purpose: str | None,
    audience: str | None,
    spec: list[str] | None,
    size: list[str] | None,
    format: list[str] | None,
    constraint: list[str] | None,
    notes: str | None,
) -> Wanted:
    from ategnatos.art.briefs import Wanted
    from ategnatos.art.order import parse_size

    # Typer gives an empty list where an option was not given.
    sizes = [parse_size(text) for text in size if text.strip()] if size else None
    return Wanted(
        subject,
        purpose,
        audience,
        spec or None,
        sizes,
        format or None,
        constraint or None,
        notes,
    )


def _written(call: Call, name: str, wanted: Wanted, *, fresh: bool) -> Answer:
    from ategnatos.art import briefs
    from ategnatos.grimoire.jobs import database, store
    from ategnatos.guard.actor import actor

    project, now = call.project(), datetime.now(UTC)
    if call.dry_run:
        before: Asset | None = None
        if fresh and not database.exists(project):
            folder, short = briefs.parse_name(name)
        else:
            with database.connect(project) as db:
                folder, short, before = briefs.standing(db, name, fresh=fresh)
        old = {} if before is None else before.brief
        brief = briefs.planned(project, old, wanted, now=store.iso(now))
        return Answer(
            {"dry_run": True, "asset": f"{folder}/{short}", "brief": brief},
            f"Would write the brief of {folder}/{short}: {brief['subject']}",
        )
    asset, changed = briefs.write(project, name, wanted, fresh=fresh, actor=actor(), now=now)
    state = "written" if fresh else "changed" if changed else "unchanged"
    rows = _rows(asset)

    def words(console: Any) -> None:
        console.print(f"{asset.full_name}: {state}, revision {asset.revision}")
        draw(console, rows)

    return Answer(
        {**_facts(project, asset), "changed": changed},
        words,
        (
            f"ategnatos art prompt --for {asset.full_name}",
            f"ategnatos art generate --for {asset.full_name}",
        ),
    )


def _facts(project: Project, asset: Asset) -> dict[str, Any]:
    from ategnatos.art.pages import folder_of

    folder = folder_of(project, asset)
    return {
        "asset": asset.full_name,
        "revision": asset.revision,
        "event": asset.event,
        "brief": asset.brief,
        "pages": [str(folder / name) for name in ("spec.md", "iterations.md", "approved.md")],
    }


def _rows(asset: Asset) -> list[Row]:
    from ategnatos.art import briefs

    brief = asset.brief
    told = {
        "subject": brief["subject"],
        "purpose": brief["purpose"],
        "audience": brief["audience"],
        "formats": ", ".join(brief["formats"]),
        "notes": brief["notes"],
    }
    rows = [Row(((label, "dim"),), [Line(text)]) for label, text in told.items() if text]
    if brief["outputs"]:
        rows.append(
            Row(
                (("pictures", "dim"),),
                [
                    Line(f"{one['name']}  {one['width']}x{one['height']}  {one.get('note', '')}")
                    for one in brief["outputs"]
                ],
            )
        )
    rules = briefs.rules(brief)
    if rules:
        rows.append(Row((("must hold", "dim"),), [Line(one) for one in rules]))
    return rows


def _summary(asset: Asset) -> str:
    sizes = ", ".join(f"{one['width']}x{one['height']}" for one in asset.brief["outputs"])
    return f"{asset.brief['subject']}{f'  ({sizes})' if sizes else ''}"
