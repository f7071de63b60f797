"""``ategnatos studio workflow``: keep graphs, and read them out of pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.studio import workflow_checking, workflow_run
from ategnatos.commands.studio import workflow_given as given
from ategnatos.commands.studio.workflow_given import FamilyOption, OutOption, SetOption, Source
from ategnatos.grimoire.errors import StudioError

app = room("Workflows: keep them, check them before they are sent, convert, compare.")
workflow_checking.register(app)
workflow_run.register(app)


@command(app, "list", example="ategnatos studio workflow list")
def list_workflows(call: Call) -> Answer:
    """The built-in workflows and your own."""
    from ategnatos.commands.studio import workflow_words as words
    from ategnatos.knowledge import families, templates
    from ategnatos.studio import workflows

    users: dict[str, list[str]] = {}
    for variant in families.every_variant():
        for name in variant.templates.values():
            users.setdefault(name, []).append(variant.key)
    built_in = [
        {
            "name": name,
            "task": found.task,
            "about": found.about,
            "min_comfyui": found.min_comfyui,
            "verified": found.verified or None,
            "families": users.get(name, []),
        }
        for name in templates.names()
        for found in (templates.template(name),)
    ]
    project = given.project_or_none(call)
    own = []
    for name in workflows.own_names(project) if project else ():
        stored = workflows.read(project, name)
        own.append({"name": name, "form": stored.form, "nodes": words.count(stored)})
    return Answer(
        {"built_in": built_in, "own": own},
        lambda console: words.draw_list(console, built_in, own),
        ("ategnatos studio workflow get txt2img --family z-image/turbo",),
    )


@command(app, "save", example="ategnatos studio workflow save portrait FILE", dry_run=True)
def save(
    call: Call,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    file: Annotated[Path, typer.Argument(help="A workflow file, or a picture ComfyUI made.")],
    replace: Annotated[bool, typer.Option("--replace", help="Over one of that name.")] = False,
    api: Annotated[
        bool, typer.Option("--api", help="From a picture: the graph that ran, not the editor's.")
    ] = False,
) -> Answer:
    """Keep a workflow in the studio."""
    from ategnatos.studio import workflows

    stored = workflows.read(None, str(file))
    content = stored.api if api and stored.api is not None else stored.best
    bare = workflows.checked_name(name)
    facts = {"name": bare, "form": "api" if content is stored.api else "ui"}
    if call.dry_run:
        return Answer(facts, f"Would save {bare!r}. Nothing was written.")
    path = workflows.save(call.project(), name, content, replace=replace)
    return Answer(
        {**facts, "path": str(path)},
        f"Saved {bare!r}.",
        (f"ategnatos studio workflow check {bare}",),
    )


@command(app, "get", example="ategnatos studio workflow get txt2img --family z-image/turbo")
def get(
    call: Call,
    name: Source,
    family: FamilyOption = None,
    settings: SetOption = None,
    out: OutOption = None,
) -> Answer:
    """A workflow: your own as it is, a built-in filled in for a family.

    NAME may be a task too: 'get txt2img --family sdxl'.
    """
    stored, facts, min_version = given.graph_of(call, name, family, settings)
    content = stored.best
    facts = {**facts, "form": stored.form, "min_comfyui": min_version}
    if out is not None:
        given.write(out, content)
        return Answer({**facts, "path": str(out)}, f"Written to {out}.")
    return Answer({**facts, "workflow": content}, json.dumps(content, indent=2, ensure_ascii=False))


@command(app, "delete", example="ategnatos studio workflow delete portrait", dry_run=True)
def delete(call: Call, name: Annotated[str, typer.Argument(help="One of your own.")]) -> Answer:
    """Take one of your own workflows away. Built-ins stay."""
    from ategnatos.studio import workflows

    path = workflows.delete(call.project(), name, dry_run=call.dry_run)
    done = "Would delete" if call.dry_run else "Deleted"
    return Answer({"name": path.stem, "deleted": not call.dry_run}, f"{done} {path.stem!r}.")


@command(app, "export-png", example="ategnatos studio workflow export-png portrait card.png")
def export_png(
    call: Call,
    name: Source,
    out: Annotated[Path, typer.Argument(help="The picture to write.")],
    picture: Annotated[
        Path | None,
        typer.Option("--picture", help="Put it into this PNG, not a card."),
    ] = None,
    family: FamilyOption = None,
    settings: SetOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Over a file that is there.")] = False,
) -> Answer:
    """A picture that carries the workflow: drop it onto ComfyUI to open it."""
    from ategnatos.studio.workflow_card import card, carry

    stored, facts, _ = given.graph_of(call, name, family, settings)
    if out.exists() and not replace:
        from ategnatos.studio.workflows import WORKFLOW_EXISTS

        raise StudioError(
            WORKFLOW_EXISTS,
            f"{out} is there already; nothing was written.",
            hint="Choose another file, or add --replace.",
            path=str(out),
        )
    base = picture.read_bytes() if picture is not None else card(stored.name, stored)
    from ategnatos.grimoire.files import write_atomic

    write_atomic(out, carry(base, stored))
    return Answer({**facts, "path": str(out)}, f"Written to {out}.")
