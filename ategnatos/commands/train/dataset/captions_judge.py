"""``captions lint``, ``fix``, ``convert``: judge what is told, and mend it."""

from __future__ import annotations

import shlex
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.terminal import plain
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.train.dataset.captions.fixes import Proposal
    from ategnatos.train.dataset.captions.lint import Judged
    from ategnatos.train.dataset.version import Version

CAPTIONS_BROKEN = ErrorCode("captions_broken", "Captions hold errors that spoil a training.")

Dataset = Annotated[str, typer.Argument(help="The dataset.")]
_STYLES = {"error": "red", "warning": "yellow", "note": ""}
_SHOWN = 6


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the group."""
    command(app, "lint", example="ategnatos train dataset captions lint ann")(lint)
    command(app, "fix", example="ategnatos train dataset captions fix ann --apply")(fix)
    command(app, "convert", example="ategnatos train dataset captions convert ann --to tags")(
        convert
    )


def lint(
    call: Call,
    name: Dataset,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 for warnings too, not for errors alone.")
    ] = False,
) -> Answer:
    """What is wrong with the captions, worst first, and the figures behind it."""
    from ategnatos.train.dataset import measured, record
    from ategnatos.train.dataset.captions import lint as linter
    from ategnatos.train.dataset.captions import rounds

    project = call.project()
    version = record.load(project, name)
    judged = linter.of_version(version, measured.of(project, version))
    counts = judged.metrics["by_severity"]
    data = {
        "dataset": name,
        "version": version.number,
        "digest": version.digest(),
        **judged.metrics,
        "authors": _authors(version, rounds.refusals(project, name)),
        "findings": [one.facts() for one in judged.findings],
    }
    failed = None
    if counts["error"] or (strict and counts["warning"]):
        failed = StudioError(
            CAPTIONS_BROKEN,
            f"The captions of {name} have {counts['error']} errors and {counts['warning']}"
            " warnings; a training on them would learn the wrong thing.",
            hint=f"See what can be mended by itself: ategnatos train dataset captions fix {name}",
            errors=counts["error"],
            warnings=counts["warning"],
        )
    return Answer(
        data,
        lambda console: _draw(console, judged),
        (f"ategnatos train dataset captions fix {name}",),
        failed,
    )


def fix(
    call: Call,
    name: Dataset,
    apply: Annotated[
        bool, typer.Option("--apply", help="Make the edits; without it they are only shown.")
    ] = False,
    absorb: Annotated[
        bool,
        typer.Option("--absorb", help="Take out what stands in nearly all captions, too."),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="PICTURE", help="Only these pictures; repeatable."),
    ] = None,
) -> Answer:
    """Propose edits as a diff. Guesses are never turned into claims: those are listed."""
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset import measured, record
    from ategnatos.train.dataset.captions import fixes, protocol
    from ategnatos.train.dataset.captions import lint as linter

    project = call.project()
    version = record.load(project, name)
    for picture in only or ():
        record.find(version.by_name(), picture, name)
    told = protocol.told(version, measured.of(project, version))
    like = protocol.wanted(version)
    judged = linter.judge(told, like)
    proposals = [
        one
        for one in fixes.propose(told, like, judged.findings, absorb=absorb)
        if not only or one.picture in only
    ]
    again = fixes.look_again(judged.findings)
    if apply and proposals:
        because = f"captions fix: {len(proposals)} edits"
        now = datetime.now(UTC)
        with record.edit(project, name, actor=actor(), because=because, now=now) as draft:
            for one in proposals:
                had = draft.picture(one.picture).caption
                # An edit of order and spelling does not make the words somebody else's.
                author = had.author if had else "person"
                if had is not None and had.text == one.before:
                    draft.caption(one.picture, one.after, author=author, parts=dict(one.parts))
        assert draft.version is not None
        version = draft.version
    data = {
        "dataset": name,
        "version": version.number,
        "applied": bool(apply and proposals),
        "proposals": [
            {
                "picture": one.picture,
                "before": one.before,
                "after": one.after,
                "reasons": list(one.reasons),
            }
            for one in proposals
        ],
        "look_again": again,
    }
    steps = [f"ategnatos train dataset captions lint {name}"]
    if proposals and not apply:
        flag = " --absorb" if absorb else ""
        steps.insert(0, f"ategnatos train dataset captions fix {name}{flag} --apply")
    if again:
        flags = " ".join(f"--again {shlex.quote(one)}" for one in list(again)[:_SHOWN])
        steps.append(f"ategnatos train dataset captions next {name} {flags}")
    return Answer(
        data,
        lambda console: _draw_edits(console, proposals, again, applied=bool(apply and proposals)),
        tuple(steps),
    )


def convert(
    call: Call,
    name: Dataset,
    to: Annotated[str, typer.Option("--to", metavar="DIALECT", help="prose, tags or json.")],
    apply: Annotated[
        bool, typer.Option("--apply", help="Write them; without it they are only shown.")
    ] = False,
) -> Answer:
    """The captions in another way of writing, with what would be lost said."""
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset import record
    from ategnatos.train.dataset.captions import dialects, fixes, protocol

    project = call.project()
    target = protocol.parse_choice(to, protocol.DIALECTS, "dialect")
    version = record.load(project, name)
    like = protocol.wanted(version)
    changes: list[Proposal] = []
    notes: Counter[str] = Counter()
    for told in protocol.told(version):
        if not told.text.strip():
            continue
        made = dialects.convert(told, like.trigger, target)
        notes.update(made.notes)
        if made.text != told.text:
            changes.append(
                fixes.Proposal(told.picture, told.text, made.text, made.parts, made.notes)
            )
    if apply:
        because = f"captions as {target}"
        now = datetime.now(UTC)
        with record.edit(project, name, actor=actor(), because=because, now=now) as draft:
            draft.settings["dialect"] = target
            for one in changes:
                had = draft.picture(one.picture).caption
                if had is not None and had.text == one.before:
                    draft.caption(one.picture, one.after, author=had.author, parts=dict(one.parts))
        assert draft.version is not None
        version = draft.version
    for note, times in notes.items():
        call.warn(f"{note} ({times} captions)")
    data: dict[str, Any] = {
        "dataset": name,
        "version": version.number,
        "to": target,
        "applied": apply,
        "captions": [
            {"picture": one.picture, "before": one.before, "after": one.after} for one in changes
        ],
    }
    steps = (
        f"ategnatos train dataset captions lint {name}"
        if apply
        else f"ategnatos train dataset captions convert {name} --to {target} --apply",
    )
    return Answer(data, lambda console: _draw_edits(console, changes, {}, applied=apply), steps)


def _authors(version: Version, refused: dict[str, int]) -> dict[str, dict[str, int]]:
    """Who wrote the captions that count, and how many answers of each were refused."""
    written = Counter(one.caption.author for one in version.pictures if one.caption)
    return {
        author: {"captions": written[author], "refused": refused.get(author, 0)}
        for author in sorted({*written, *refused})
    }


def _draw(console: Console, judged: Judged) -> None:
    from ategnatos.commands.page import Line, Row, draw

    metrics = judged.metrics
    tokens, trigger = metrics["tokens"], metrics["trigger"]
    about = "" if tokens["exact"] else f", give or take {tokens['error']:.0%}"
    console.print(
        f"{metrics['captioned']} of {metrics['pictures']} pictures have a caption,"
        f" {metrics['in_parts']} of them in parts. Trigger: {trigger['word'] or 'none'}"
        + (f", first in {trigger['first']:.0%}." if trigger["word"] else ".")
    )
    console.print(
        f"Tokens: {tokens['least']} to {tokens['most']}, median {tokens['median']:g}"
        f" (counted by {tokens['counted_by']}{about}); wanted {tokens['budget']['least']} to"
        f" {tokens['budget']['most']}."
    )
    console.print()
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for one in judged.findings:
        # The same fault of many captions is one row.
        shared = one.means if not one.pictures or one.code.startswith("same") else ""
        key = (one.severity, one.code, one.said, shared)
        rows.setdefault(key, []).extend(one.pictures)
    if not rows:
        console.print("Nothing to say against them.")
        return
    by_code = {(one.code, one.said): one for one in judged.findings}
    draw(
        console,
        [
            Row(
                ((severity, _STYLES[severity]), (code, "bold")),
                [
                    Line(by_code[(code, said)].means),
                    Line(by_code[(code, said)].edit),
                    *([Line("  " + _few(pictures))] if pictures else []),
                ],
            )
            for (severity, code, said, _), pictures in rows.items()
        ],
    )


def _few(pictures: list[str]) -> str:
    shown = ", ".join(pictures[:_SHOWN])
    return shown + (f" and {len(pictures) - _SHOWN} more" if len(pictures) > _SHOWN else "")


def _draw_edits(
    console: Console, proposals: list[Proposal], again: dict[str, list[str]], *, applied: bool
) -> None:
    from rich.text import Text

    from ategnatos.prompts.diff import word_diff
    from ategnatos.prompts.tree import Notation

    styles = {"same": "", "added": "green", "removed": "red strike", "reweighted": ""}
    marks = {"same": "", "added": "+", "removed": "-", "reweighted": ""}
    for one in proposals:
        console.print(Text(one.picture, style="bold"), soft_wrap=True)
        line = Text("  ")
        for piece in word_diff(one.before, one.after, Notation.PROSE):
            mark = marks[piece.kind]
            shown = f"[{mark}{plain(piece.text)}{mark}]" if mark else plain(piece.text)
            glue = "" if not mark and piece.text in ",.;:" else " "
            line.append(glue + shown, style=styles[piece.kind])
        console.print(line, soft_wrap=True)
        for reason in one.reasons:
            console.print(f"    {plain(reason)}", soft_wrap=True)
    if not proposals:
        console.print("No edit to propose.")
    elif applied:
        console.print(f"{len(proposals)} captions were changed; the ones before are kept.")
    else:
        console.print(f"{len(proposals)} edits proposed; nothing was changed.")
    if again:
        console.print("To be looked at again, because no rule can mend them:")
        for picture, codes in again.items():
            console.print(f"  {plain(picture)}: {', '.join(codes)}", soft_wrap=True)
