"""``ategnatos exports``: what is frozen and shipped, read as a consumer reads it, and checked."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room
from ategnatos.commands.terminal import plain
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from rich.console import Console

EXPORTS_UNSOUND = ErrorCode("exports_unsound", "Something in exports/ is not what was approved.")
FALLBACK_SCOPE = ErrorCode("fallback_scope", "That is no scope of a fallback.")

app = room("What is frozen and shipped: list it, check it, find it by its id.")


@command(app, "verify", example="ategnatos exports verify --json")
def verify(call: Call) -> Answer:
    """Read every frozen file again: its bytes, its approval, and that nothing else lies there."""
    from ategnatos.grimoire import frozen_check, manifest
    from ategnatos.guard.gate import audit, book

    project = call.project()
    entries = manifest.manifest_read(project).entries
    problems = frozen_check.check(project, entries)
    unlisted = frozen_check.unlisted(project, entries)
    given, gate_problem = book.for_display(project)
    if gate_problem:
        call.warn(gate_problem)
    lines = list(audit.exports(project, given, problems))
    named = {one.path for one in problems}
    unapproved = [
        one for one in lines if one.standing is audit.Standing.BROKEN and one.about not in named
    ]
    data: dict[str, Any] = {
        "files": len(entries),
        "bytes": sum(entry.size for entry in entries),
        "problems": [asdict(one) for one in problems],
        "unlisted": unlisted,
        "approvals": Counter(one.standing.value for one in lines),
        "unapproved": [{"path": one.about, "problem": one.problem} for one in unapproved],
    }
    count = len(problems) + len(unlisted) + len(unapproved)
    if not count:
        told = ", ".join(f"{number} {kind}" for kind, number in sorted(data["approvals"].items()))
        what = "file is as it was" if len(entries) == 1 else "files are as they were"
        size = f"{data['bytes']:,} bytes{', ' + told if told else ''}"
        return Answer(data, f"{len(entries)} frozen {what} approved ({size}).")
    said = [f"{one.path}: {one.problem}" for one in problems]
    said += [f"{one.about}: its approval does not count: {one.problem}" for one in unapproved]
    said += [f"{path}: nobody approved it, and no manifest lists it" for path in unlisted]
    failed = StudioError(
        EXPORTS_UNSOUND,
        f"{count} thing{'' if count == 1 else 's'} in exports/ {'is' if count == 1 else 'are'} not"
        " as approved; nothing was changed.",
        hint="A file that is only writable: chmod 444. A changed or missing one comes back from a"
        " backup ('ategnatos grimoire restore --all'). An unlisted one is listed by running its"
        " 'art promote', 'art ship' or 'art export' again, or else is not yours to use.",
        problems=count,
    )
    return Answer(data, "\n".join(said), (), failed)


@command(app, "list", example="ategnatos exports list")
def list_assets(call: Call) -> Answer:
    """What was shipped, by id, and what else is frozen."""
    from ategnatos.grimoire import manifest

    document = manifest.manifest_read(call.project())
    others = [entry for entry in document.entries if entry.made == "export"]
    shipped = {sprite.entry for asset in document.assets for sprite in asset.variant_sprites}
    waiting = [
        entry for entry in document.entries if entry.made == "promotion" and entry.id not in shipped
    ]

    def words(console: Console) -> None:
        if not document.entries:
            console.print("Nothing is frozen yet.")
            return
        for asset in document.assets:
            count = len(asset.variant_sprites)
            atlas = ", with an atlas" if asset.atlas is not None else ""
            console.print(
                f"{asset.id}  {count} picture{'' if count == 1 else 's'}{atlas}, "
                f"{asset.licence.licence}  {plain(asset.asset_path)}"
            )
        for entry in waiting:
            console.print(f"{plain(entry.id)}  promoted, not shipped  {plain(entry.path)}")
        for entry in others:
            console.print(f"{plain(entry.id)}  exported  {plain(entry.path)}")
        for scope, target in document.fallbacks.items():
            console.print(f"Fallback for {plain(scope)}: {plain(target)}")

    return Answer(
        {
            "assets": [asset.model_dump(mode="json") for asset in document.assets],
            "promoted": [_short(entry) for entry in waiting],
            "exported": [_short(entry) for entry in others],
            "fallbacks": document.fallbacks,
        },
        words,
    )


@command(app, "find", example="ategnatos exports find norse.icon.potion --lever colour=red")
def find(
    call: Call,
    asset: Annotated[str, typer.Argument(help="realm.kind.slug, with or without .v<N>.")],
    lever: Annotated[
        list[str] | None, typer.Option("--lever", metavar="NAME=VALUE", help="A variant's lever.")
    ] = None,
) -> Answer:
    """The file that an id stands for, as a game or a site would find it."""
    from ategnatos.commands.contract import USAGE
    from ategnatos.grimoire import manifest, published

    project = call.project()
    levers = {}
    for text in lever or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise StudioError(
                USAGE,
                f"{text!r} is no lever; nothing was looked up.",
                hint="Write --lever colour=red.",
            )
        levers[name] = value
    found = published.find(manifest.manifest_read(project), asset, levers)
    how = {
        published.EXACT: "",
        published.NEWEST: f" (the newest: {found.asset.id})",
        published.FALLBACK: f" (the fallback for {found.scope}: {found.asset.id})",
    }[found.how]
    variant = "" if found.is_variant else ", no such variant: the asset's own picture"
    return Answer(
        {
            "asked": asset,
            "asset": found.asset.id,
            "how": found.how,
            "scope": found.scope or None,
            "variant_found": found.is_variant,
            "path": str(project.root / found.sprite.path),
            "sha256": found.sprite.sha256,
            "frame": found.sprite.frame or None,
            "composition_mode": found.asset.composition_mode,
            "anchor_offsets": found.asset.anchor_offsets,
        },
        f"{asset}: {found.sprite.path}{how}{variant}",
    )


@command(
    app,
    "fallback",
    example="ategnatos exports fallback norse.icon norse.icon.unknown",
    dry_run=True,
)
def fallback(
    call: Call,
    scope: Annotated[str, typer.Argument(help="'*', a realm, realm.kind or realm.kind.slug.")],
    asset: Annotated[
        str | None, typer.Argument(help="The shipped asset that stands in; none: take it away.")
    ] = None,
) -> Answer:
    """Write down which shipped asset stands for ids that nobody shipped."""
    from ategnatos.grimoire import documents, manifest, published

    project = call.project()
    if scope not in published.scopes(scope) or not all(scope.split(".")):
        raise StudioError(
            FALLBACK_SCOPE,
            f"{scope[:80]!r} is no scope; nothing was written.",
            hint="Write '*', or a realm, realm.kind or realm.kind.slug without a version.",
            given=scope[:200],
        )
    document = manifest.manifest_read(project)
    target = "" if asset is None else _shipped_id(document, asset)
    if not call.dry_run:
        with documents.edit(project, "manifest") as manifest_now:
            if target:
                manifest_now.fallbacks[scope] = target
            else:
                manifest_now.fallbacks.pop(scope, None)
    said = f"{target} stands for" if target else "Nothing stands any longer for"
    return Answer(
        {"dry_run": call.dry_run, "scope": scope, "asset": target or None},
        f"{'Would write: ' if call.dry_run else ''}{said} unknown ids of {plain(scope)}.",
    )


@command(app, "schema", example="ategnatos exports schema > manifest.schema.json")
def schema(call: Call) -> Answer:
    """The JSON Schema of exports/manifest.json, for whoever reads it."""
    import json

    from ategnatos.grimoire import published

    text = published.schema()
    return Answer({"schema": json.loads(text)}, text.decode())


def _shipped_id(document: Any, asset: str) -> str:
    """The whole id of a shipped asset; a fallback is no fallback of a fallback."""
    from ategnatos.grimoire import published

    found = published.find(document, asset)
    if found.how == published.FALLBACK:
        raise StudioError(
            published.ASSET_UNKNOWN,
            f"Nothing was shipped as {asset[:200]!r}; nothing was written.",
            hint="A fallback is an asset that was shipped: ategnatos exports list",
            asset=asset[:200],
        )
    return str(found.asset.id)


def _short(entry: Any) -> dict[str, Any]:
    return {
        key: getattr(entry, key)
        for key in ("id", "asset", "name", "version", "path", "sha256", "size", "verdict")
    }
