"""``art review``: many pictures judged in one sitting, signed once at the end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command
from ategnatos.grimoire.errors import ErrorCode, StudioError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ategnatos.art.batch import Waiting
    from ategnatos.art.sitting import Choice
    from ategnatos.art.verdicts import Verdict
    from ategnatos.grimoire.project import Project

PICTURE_WAY = ErrorCode("picture_way", "There is no such way to show pictures in a terminal.")


def register(app: typer.Typer) -> None:
    """Add the verb of this module to the art room."""
    command(app, "review", example="ategnatos art review --pending", dry_run=True)(review)


def review(
    call: Call,
    names: Annotated[
        list[str] | None, typer.Argument(help="Jobs (j1), versions (v3) or candidates ('j1#2').")
    ] = None,
    pending: Annotated[
        bool, typer.Option("--pending", help="Everything that waits for a verdict.")
    ] = False,
    pictures: Annotated[
        str, typer.Option("--pictures", help="auto, kitty, iterm, sixel, blocks or none.")
    ] = "auto",
) -> Answer:
    """Page through pictures at your terminal, choose by key, and sign the batch once."""
    from ategnatos.art import batch, sitting
    from ategnatos.guard.actor import person
    from ategnatos.pictures.terminal_pictures import WAYS

    project = call.project()
    if bool(names) is pending:
        raise StudioError(
            USAGE,
            "Say what to review: --pending for everything that waits, or jobs and candidates by"
            " name, and not both. Nothing was shown.",
            hint="ategnatos art review --pending",
        )
    if pictures not in {"auto", *WAYS}:
        raise StudioError(
            PICTURE_WAY,
            f"{pictures!r} is no way to show pictures; nothing was shown.",
            hint=f"Choose auto, {', '.join(WAYS)}.",
            given=pictures,
        )
    redo = "ategnatos art review --pending" if pending else f"ategnatos art review {_said(names)}"
    waiting = batch.waiting(project, names or ())
    if call.dry_run:
        return _would_ask(waiting)
    who = person()
    path = sitting.draft_of(project, who)
    earlier = sitting.read(path)
    # Signed by the person before something ended the program: only the record is missing.
    done, failed = _finish_signed(project, path, earlier, who)
    if done or failed:
        for error in failed:
            call.warn(error.message)
        waiting = [one for one in waiting if one[1].reference not in {v.candidate for v in done}]
        call.say(f"{len(done)} verdicts that you had signed before were recorded.")
    if waiting:
        choices = _choose(project, waiting, path, earlier, pictures, redo)
        if choices:
            signed = batch.signed(project, choices, redo=redo, now=_now())
            rest = _elsewhere(earlier, waiting)
            sitting.write(path, [*signed, *rest])
            more, failed = batch.record_all(
                project,
                signed,
                actor=who,
                now=_now,
                keep=lambda left: sitting.write(path, [*left, *rest]),
            )
            done += more
            for error in failed:
                call.warn(error.message)
    return _answer(done, len(waiting))


def _finish_signed(
    project: Project, path: Any, earlier: list[Choice], who: str
) -> tuple[list[Verdict], list[StudioError]]:
    from ategnatos.art import batch, sitting

    signed = [one for one in earlier if sitting.signed_of(one) is not None]
    if not signed:
        return [], []
    rest = [one for one in earlier if one not in signed]
    earlier[:] = rest
    return batch.record_all(
        project, signed, actor=who, now=_now, keep=lambda left: sitting.write(path, [*left, *rest])
    )


def _choose(
    project: Project,
    waiting: list[Waiting],
    path: Any,
    earlier: list[Choice],
    wanted: str,
    redo: str,
) -> list[Choice]:
    """What the person chose, in a draft on disk; empty where they chose nothing."""
    from ategnatos.art import batch, sitting
    from ategnatos.commands.art.review_pictures import way_of
    from ategnatos.commands.art.review_screen import Screen
    from ategnatos.guard.gate import NOT_CONFIRMED, requests
    from ategnatos.guard.gate.keys import reading

    open_now = [one for _, one in waiting]
    rest = _elsewhere(earlier, waiting)
    kept = sitting.Sitting(
        sitting.still_open(earlier, open_now),
        keep=lambda choices: sitting.write(path, [*choices, *rest]),
    )
    asked = requests.waiting(project, {one.reference for one in open_now})
    notes = {one.candidate: f"{one.note} ({one.actor})" for one in asked}
    with reading(redo) as keys:
        batch.check_signer(project)
        screen = Screen(project, keys, waiting, kept, way_of(keys, wanted), notes)
        if kept.choices:
            screen.said = (
                f"{len(kept.choices)} choices of an earlier sitting stand; u takes them back."
            )
        finished = screen.run()
    if not finished:
        raise StudioError(
            NOT_CONFIRMED,
            "The terminal ended before you finished; nothing was recorded, and your choices are"
            " kept.",
            hint=f"Go on where you were: {redo}",
        )
    return kept.choices


def _elsewhere(earlier: Sequence[Choice], waiting: Sequence[Waiting]) -> list[Choice]:
    """Choices of an earlier sitting about pictures that this one does not show."""
    shown = {one.reference for _, one in waiting}
    return [one for one in earlier if one.candidate not in shown]


def _answer(done: list[Verdict], waiting: int) -> Answer:
    rows = [
        {
            "candidate": one.candidate,
            "verdict": one.verdict,
            "reason": one.reason,
            "sha256": one.sha256,
            "event": one.event,
            "signed": one.signed,
            "approver": one.approver or None,
        }
        for one in done
    ]
    yes = [one.candidate for one in done if one.verdict == "approved"]
    how = "signed" if done and all(one.signed for one in done) else "unsigned"
    text = f"{len(done)} verdicts recorded ({how}): {len(yes)} approved."
    if not done:
        text = "Nothing was chosen, so nothing was recorded."
    lines = [f"  {one.candidate} {one.verdict}" for one in done]
    steps = (f"ategnatos art export '{yes[0]}' --as NAME",) if yes else ()
    return Answer({"recorded": rows, "shown": waiting}, "\n".join([text, *lines]), steps)


def _would_ask(waiting: list[Waiting]) -> Answer:
    rows = [{"candidate": one.reference, "prompt": job.asked} for job, one in waiting]
    lines = [f"  {row['candidate']}  {row['prompt']}" for row in rows]
    text = f"{len(rows)} pictures wait for a verdict; a person would be asked about each:"
    return Answer({"dry_run": True, "waiting": rows}, "\n".join([text, *lines]))


def _said(names: Sequence[str] | None) -> str:
    import shlex

    return shlex.join(names or ())


def _now() -> datetime:
    return datetime.now(UTC)
