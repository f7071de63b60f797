"""``captions write`` and ``run``: one caption by hand, or all by an installed captioner."""

from __future__ import annotations

from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.commands.train.dataset.captions_make import (
    Batch,
    Dataset,
    Pass,
    author_of,
    moment,
    passed_over,
)
from ategnatos.grimoire.errors import StudioError


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the group."""
    command(
        app,
        "write",
        example="ategnatos train dataset captions write ann 001.png --content 'on a bridge, rain'",
        dry_run=True,
    )(write)
    command(app, "run", example="ategnatos train dataset captions run ann --with local-vlm")(run)


def write(
    call: Call,
    name: Dataset,
    picture: Annotated[str, typer.Argument(help="The picture's name.")],
    content: Annotated[str | None, typer.Option("--content", help="What is there.")] = None,
    style: Annotated[str | None, typer.Option("--style", help="How it is made.")] = None,
    text: Annotated[
        str | None, typer.Option("--text", help="The whole caption, instead of its parts.")
    ] = None,
    by: Annotated[str, typer.Option("--by", metavar="MODEL", help="Which model looked.")] = "",
) -> Answer:
    """Write or correct one caption by hand; the one before stays in the record."""
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset import record
    from ategnatos.train.dataset.captions import protocol

    if (text is None) == (content is None and style is None):
        raise StudioError(
            protocol.CAPTION_PLAN,
            "Give the parts or the whole caption, one of the two; nothing was written.",
            hint=f"ategnatos train dataset captions write {name} {picture} --content '...'",
        )
    project = call.project()
    version = record.load(project, name)
    like = protocol.wanted(version)
    had = record.find(version.by_name(), picture, name).caption
    parts: dict[str, str] = {}
    if text is None:
        parts = dict(had.parts) if had else {}
        parts |= {
            key: protocol.one_line(said)
            for key, said in (("content", content), ("style", style))
            if said is not None
        }
    whole = protocol.compose(like.trigger, parts, like.dialect) if text is None else text
    if not call.dry_run:
        because = f"caption of {picture}"
        with record.edit(project, name, actor=actor(), because=because, now=moment()) as draft:
            draft.caption(picture, whole, author=author_of(by), parts=parts)
        assert draft.version is not None
        version = draft.version
    data = {
        "dataset": name,
        "picture": picture,
        "before": had.text if had else None,
        "caption": whole,
        "parts": parts,
        "version": version.number,
        "dry_run": call.dry_run,
    }
    said = f"{'Would be' if call.dry_run else 'Is now'}: {whole}"
    return Answer(data, said, (f"ategnatos train dataset captions lint {name}",))


def run(
    call: Call,
    name: Dataset,
    captioner: Annotated[
        str, typer.Option("--with", metavar="CAPTIONER", help="An installed captioner.")
    ],
    batch: Batch = 10,
    what: Pass = "both",
    most: Annotated[
        int, typer.Option("--most", metavar="N", help="Stop after so many pictures; 0: all.")
    ] = 0,
) -> Answer:
    """Let an installed captioner look at what has no caption; each batch is saved by itself."""
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset.captions import answers, running
    from ategnatos.train.dataset.captions import captioner as captioners

    project = call.project()
    loaded = captioners.load(captioner)
    done = running.run(
        project,
        name,
        loaded,
        what=what,
        batch=batch,
        most=most,
        actor=actor(),
        now=moment,
        say=call.say,
    )
    data = {
        "dataset": name,
        "captioner": captioner,
        "rounds": done.rounds,
        "saved": list(done.saved),
        "skipped": [{"picture": one, "why": why} for one, why in done.skipped],
        "refused": [{"picture": one.picture, "why": one.why} for one in done.refused],
        "log": str(done.log),
        "version": done.version,
    }
    if done.broken:
        call.warn(passed_over(name, done.broken))
    words = f"{len(done.saved)} captions in {done.rounds} batches by {captioner}."
    failed = None
    if done.refused:
        failed = StudioError(
            answers.CAPTIONS_REFUSED,
            f"{len(done.refused)} answers of {captioner} were refused; the others are saved.",
            hint=f"Why stands in {done.log}. Caption the rest by hand:"
            f" ategnatos train dataset captions next {name}",
            refused=len(done.refused),
        )
    return Answer(data, words, (f"ategnatos train dataset captions lint {name}",), failed)
