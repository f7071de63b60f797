"""``art approve``, ``reject`` and ``export``: a person's verdict, and the file it frees."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.art import present
from ategnatos.commands.art.wanted import named
from ategnatos.commands.contract import Answer, Call, command

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.art.upscale import Enlarger, Made
    from ategnatos.art.verdicts import Verdict
    from ategnatos.grimoire.project import Project


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the art room."""
    command(app, "approve", example="ategnatos art approve 'j1#2'", dry_run=True)(approve)
    command(
        app, "reject", example="ategnatos art reject 'j1#3' --because 'too dark'", dry_run=True
    )(reject)
    command(
        app,
        "request-review",
        example="ategnatos art request-review 'j1#2' --note 'is the outline right?'",
        dry_run=True,
    )(request_review)
    command(
        app,
        "export",
        example="ategnatos art export 'j1#2' --as potion --format webp --size 256x256 --fit pad",
        dry_run=True,
    )(export)


def approve(
    call: Call,
    candidate: Annotated[str, typer.Argument(help="The candidate, like 'j1#2'.")],
) -> Answer:
    """Approve one candidate: a person's act, asked at the terminal, final for its bytes."""
    from ategnatos.art import verdicts
    from ategnatos.guard.actor import person

    if call.dry_run:
        return _would_ask(call, candidate, "approve")
    project = call.project()
    verdict = verdicts.approve(project, *named(call, candidate), actor=person(), now=_now)
    return _recorded(verdict, (_after_approval(project, verdict),))


def reject(
    call: Call,
    candidate: Annotated[str, typer.Argument(help="The candidate, like 'j1#2'.")],
    because: Annotated[str, typer.Option("--because", help="Why; the next try learns from it.")],
) -> Answer:
    """Reject one candidate with a reason: a person's act, asked at the terminal, final."""
    from ategnatos.art import verdicts
    from ategnatos.guard.actor import person

    if call.dry_run:
        return _would_ask(call, candidate, "reject")
    verdict = verdicts.reject(
        call.project(), *named(call, candidate), because, actor=person(), now=_now
    )
    return _recorded(verdict, (f"ategnatos art vary '{verdict.candidate}' --change '...'",))


def request_review(
    call: Call,
    candidate: Annotated[str, typer.Argument(help="The candidate, like 'j1#2'.")],
    note: Annotated[str, typer.Option("--note", help="What the person should look at.")],
) -> Answer:
    """Ask a person to look at a candidate; an agent may. The verdict ends the request."""
    from dataclasses import asdict

    from ategnatos.grimoire.jobs import database, store
    from ategnatos.guard.actor import actor
    from ategnatos.guard.gate import requests

    project = call.project()
    with database.connect(project) as db:
        one = store.get_candidate(db, *named(call, candidate))
    if one.verdict is not None:
        raise store.final_verdict(one)
    if call.dry_run:
        return Answer(
            {"dry_run": True, "candidate": one.reference},
            f"Would ask for a look at {one.reference}; it has no verdict yet.",
        )
    asked = requests.ask(project, one.reference, note, actor=actor(), now=_now())
    return Answer(
        asdict(asked),
        f"A person is asked to look at {asked.candidate}: {asked.note}",
        (f"ategnatos art approve '{one.reference}'   (theirs to run, in a terminal)",),
    )


def export(
    call: Call,
    candidate: Annotated[str, typer.Argument(help="An approved candidate, like 'j1#2'.")],
    name: Annotated[str, typer.Option("--as", help="The asset's name.")],
    format: Annotated[str, typer.Option("--format", help="png, webp or jpg.")] = "png",
    size: Annotated[
        str | None, typer.Option("--size", metavar="WxH", help="Exact size in pixels.")
    ] = None,
    fit: Annotated[
        str | None, typer.Option("--fit", help="contain, cover or pad, where the shape differs.")
    ] = None,
    background: Annotated[
        str | None, typer.Option("--background", help="A colour under transparent parts.")
    ] = None,
    quality: Annotated[
        int | None, typer.Option("--quality", help="1 to 100, for jpg and webp.")
    ] = None,
    keep_metadata: Annotated[
        bool, typer.Option("--keep-metadata", help="Leave prompt and settings in the file.")
    ] = False,
    upscale: Annotated[
        str | None, typer.Option("--upscale", metavar="2x|4x", help="Enlarge it first.")
    ] = None,
    upscale_by: Annotated[
        str, typer.Option("--upscale-by", help="auto, comfyui, lanczos or pixels.")
    ] = "auto",
    server: Annotated[
        str | None, typer.Option("--server", help="The ComfyUI to enlarge with, as HOST:PORT.")
    ] = None,
) -> Answer:
    """Freeze an approved candidate in exports/: read-only, versioned, never overwritten."""
    from ategnatos.art import ship
    from ategnatos.art.order import parse_size
    from ategnatos.art.upscale import parse as parse_upscale
    from ategnatos.guard.actor import actor

    project = call.project()
    width, height = parse_size(size) if size else (None, None)
    larger = parse_upscale(upscale, upscale_by, sized=size is not None)
    options = ship.Options(
        format, width, height, fit, background, quality, keep_metadata, upscale=larger
    )
    job_id, number = named(call, candidate)
    if call.dry_run:
        # A dry run sends nothing, so it shows what is made without ComfyUI.
        _, _, picture, approval = ship.prepare(project, job_id, number, name, options)
        notes = "".join(f"\n  {note}" for note in picture.notes)
        return Answer(
            {
                "dry_run": True,
                "name": name,
                "format": picture.format,
                "width": picture.width,
                "height": picture.height,
                "bytes": len(picture.data),
                "notes": list(picture.notes),
                "verdict": approval.standing.value,
            },
            f"Would export {candidate} as {name}: {picture.width}x{picture.height} "
            f"{picture.format}, {len(picture.data):,} bytes{notes}",
        )
    shipped = ship.ship(
        project,
        job_id,
        number,
        name,
        options,
        actor=actor(),
        now=_now,
        enlarger=_enlarger(project, server) if larger is not None else None,
    )

    def words(console: Console) -> None:
        state = "exported" if shipped.fresh else "was exported before, unchanged"
        console.print(
            f"{candidate} {state}: {present.relative(shipped.path)} "
            f"({shipped.width}x{shipped.height}, version {shipped.version})"
        )
        by = f" by {shipped.approver}" if shipped.approver else ""
        console.print(f"  the approval is {shipped.standing}{by}")
        for note in shipped.notes:
            console.print(f"  {note}")

    return Answer(
        {
            "name": name,
            "version": shipped.version,
            "path": str(shipped.path),
            "sha256": shipped.sha256,
            "width": shipped.width,
            "height": shipped.height,
            "notes": list(shipped.notes),
            "fresh": shipped.fresh,
            "verdict": shipped.standing,
            "approver": shipped.approver or None,
            "manifest": str(project.exports / "manifest.json"),
        },
        words,
    )


def _enlarger(project: Project, server: str | None) -> Enlarger:
    """A ComfyUI server as what enlarges pictures; it is asked only when a picture is for it."""
    from ategnatos.commands.art.place import place_of

    def through_comfyui(picture: bytes, factor: int) -> Made:
        from ategnatos.engines.comfyui.enlarge import enlarge

        return enlarge(picture, factor, place_of(project, server=server))

    return through_comfyui


def _after_approval(project: Project, verdict: Verdict) -> str:
    """A concept's approval frees the step behind it, any other the file."""
    from ategnatos.art.recipes import origin
    from ategnatos.art.references import parse_candidate
    from ategnatos.grimoire.jobs import database, store

    with database.connect(project) as db:
        job = store.get(db, parse_candidate(verdict.candidate)[0])
    if job.runnable:
        return "ategnatos jobs work --until-idle"
    if origin.of(job) is not None:
        return f"ategnatos art promote '{verdict.candidate}'"
    return f"ategnatos art export '{verdict.candidate}' --as NAME"


def _would_ask(call: Call, candidate: str, word: str) -> Answer:
    """What a verdict would be about: the checks are made, nobody is asked."""
    from ategnatos.art import verdicts

    verdict = {"approve": "approved", "reject": "rejected"}[word]
    one = verdicts.open_candidate(call.project(), *named(call, candidate), verdict)
    return Answer(
        {"dry_run": True, "candidate": one.reference, "verdict": word, "sha256": one.sha256},
        f"Would ask at the terminal whether to {word} {one.reference}, hash {one.sha256[:16]}. "
        "It has no verdict yet and its bytes are as they were made.",
    )


def _recorded(verdict: Verdict, next_steps: tuple[str, ...]) -> Answer:
    because = f" because {verdict.reason}" if verdict.reason else ""
    how = f"signed by {verdict.approver}" if verdict.signed else "unsigned"
    return Answer(
        {
            "candidate": verdict.candidate,
            "verdict": verdict.verdict,
            "reason": verdict.reason,
            "sha256": verdict.sha256,
            "event": verdict.event,
            "signed": verdict.signed,
            "approver": verdict.approver or None,
            "notes": list(verdict.notes),
        },
        "\n".join(
            (
                f"{verdict.candidate} is {verdict.verdict}{because} "
                f"(hash {verdict.sha256[:16]}, record {verdict.event}, {how}).",
                *verdict.notes,
            )
        ),
        next_steps,
    )


def _now() -> datetime:
    return datetime.now(UTC)
