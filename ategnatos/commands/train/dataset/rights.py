"""``train dataset rights``: whose the pictures are, and whether they may be trained on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command, room
from ategnatos.commands.terminal import plain
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.train.dataset.rights import Judgement

app = room()
_SHOWN = 8


@command(
    app,
    "rights",
    example="ategnatos train dataset rights ann --kind licensed --terms CC-BY --link https://...",
    dry_run=True,
)
def rights(
    call: Call,
    name: Annotated[str, typer.Argument(help="The dataset.")],
    picture: Annotated[
        list[str] | None,
        typer.Option("--picture", metavar="NAME", help="Only these; repeatable. Default: all."),
    ] = None,
    unsaid: Annotated[
        bool, typer.Option("--unsaid", help="Only those of which nothing was said yet.")
    ] = False,
    kind: Annotated[
        str,
        typer.Option("--kind", help="own, client, licensed, public-domain, generated or unknown."),
    ] = "",
    terms: Annotated[
        str, typer.Option("--terms", help="The licence, or what was allowed, in a few words.")
    ] = "",
    link: Annotated[str, typer.Option("--link", help="Where the terms stand.")] = "",
    by: Annotated[
        str, typer.Option("--by", help="The licensor, the client, or the service that made it.")
    ] = "",
    because: Annotated[
        str,
        typer.Option("--because", help="Why unknown pictures may be used all the same. Kept."),
    ] = "",
) -> Answer:
    """Say whose pictures are; without options, show what was said and what follows."""
    from ategnatos.art.licences import policy_of
    from ategnatos.grimoire import journal
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset import record
    from ategnatos.train.dataset import rights as room_of
    from ategnatos.train.dataset.version import Rights

    project = call.project()
    version = record.load(project, name)
    if not kind and (terms or link or by or picture or unsaid):
        raise StudioError(
            USAGE,
            "What the pictures are was not said (--kind), so nothing was changed.",
            hint=f"For example: ategnatos train dataset rights {name} --kind own",
        )
    changed: list[str] = []
    if kind:
        said = Rights(room_of.parse_kind(kind), terms.strip(), link.strip(), by.strip())
        room_of.check_said(said)
        for one in picture or ():
            record.find(version.by_name(), one, name)
        changed = [
            one.name
            for one in version.pictures
            if (not picture or one.name in picture)
            and (not unsaid or one.rights.kind == "unknown")
            and one.rights != said
        ]
        forbids = room_of.forbidding(said)
        if forbids:
            call.warn(
                f"The terms of {forbids} forbid to train on what it makes: these pictures are"
                " refused for training, whatever reason is given."
            )
    after = replace(
        version,
        pictures=tuple(
            replace(one, rights=said) if one.name in changed else one for one in version.pictures
        ),
        settings={**version.settings, **({room_of.OVERRIDE: because.strip()} if because else {})},
    )
    if not call.dry_run and (changed or because):
        what = f"rights of {len(changed)} pictures: {kind}" if changed else "rights: a reason given"
        now = datetime.now(UTC)
        with record.edit(project, name, actor=actor(), because=what, now=now) as draft:
            for one_name in changed:
                draft.change(one_name, rights=said)
            if because:
                draft.settings[room_of.OVERRIDE] = because.strip()
        assert draft.version is not None
        after = draft.version
        if because:
            journal.append(
                project,
                "dataset.rights_overridden",
                actor=actor(),
                references={"dataset": name, "version": after.number, "digest": after.digest()},
                data={
                    "because": because.strip(),
                    "pictures": [
                        one.name for one in after.pictures if one.rights.kind == "unknown"
                    ],
                },
                now=now,
            )
    policy = policy_of(project)
    found = room_of.judge(after, policy)
    data = {
        "dataset": name,
        "version": after.number,
        "changed": changed,
        "dry_run": call.dry_run,
        **found.facts(),
        "inherited": room_of.inherited(after, policy),
    }
    return Answer(data, _words(found, changed, dry=call.dry_run), ())


def _words(found: Judgement, changed: list[str], *, dry: bool) -> str:
    verdicts = {
        "allowed": "All of these pictures may be trained on.",
        "conditions": "They may be trained on, and these conditions come with them:",
        "unknown": "Of some nobody knows; a project that sells may not train on them:",
        "refused": "Some of these pictures may not be trained on:",
    }
    lines = []
    if changed:
        verb = "would be changed" if dry else "were changed"
        lines.append(f"{len(changed)} pictures {verb}.")
    lines.append(verdicts[found.verdict])
    for verdict, why, count in found.reasons:
        lines.append(f"  {verdict:<10} {count:>4}  {plain(why)}")
    for verdict in ("refused", "unknown"):
        names = found.pictures.get(verdict, ())
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            lines.append(f"  {verdict}: {plain(', '.join(names[:_SHOWN]))}{more}")
    if found.overridden:
        lines.append(f"A person let the unknown ones pass: {plain(found.overridden)}")
    return "\n".join(lines)
