"""``ategnatos quickstart``: a studio, four pictures, a person's choice, one frozen file."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command, room

if TYPE_CHECKING:
    from rich.console import Console

    from ategnatos.art.ship import Shipped
    from ategnatos.grimoire.jobs.store import Candidate
    from ategnatos.grimoire.project import Project

app = room()

NONE_OF_THEM = "none"


@command(app, "quickstart", example="ategnatos quickstart my-studio", dry_run=True)
def quickstart(
    call: Call,
    folder: Annotated[Path, typer.Argument(help="Where the studio is made.")] = Path("my-studio"),
    prompt: Annotated[
        str, typer.Option("--prompt", help="What to draw.")
    ] = "a red potion, outlined",
    count: Annotated[int, typer.Option("--count", "-n", help="How many candidates.")] = 4,
    train: Annotated[
        bool, typer.Option("--train", help="Train a LoRA of an owl instead: about a minute.")
    ] = False,
    prior: Annotated[
        bool,
        typer.Option("--prior/--no-prior", help="With --train: keep what the model knew."),
    ] = True,
) -> Answer:
    """See it work: make a studio, draw four candidates, and let a person choose.

    Without a terminal it stops before the choice and says how to make it: a verdict is a
    person's act, and waiting for a person is not a failure.
    """
    from ategnatos.commands.art import present
    from ategnatos.commands.art.make import DEFAULT_ENGINE
    from ategnatos.commands.art.work import make
    from ategnatos.commands.terminal import console
    from ategnatos.engines import Request, load_engine
    from ategnatos.guard import gate
    from ategnatos.studio.init import init_studio

    folder = call.project_option or folder
    if train:
        from ategnatos.commands import quickstart_train

        return quickstart_train.train(call, folder, prior)
    if call.dry_run:
        return _foretold(call, folder, prompt, count)
    project = init_studio(folder).project
    call.say(f"A studio stands in {folder}.")
    answer = make(
        call,
        project,
        load_engine(DEFAULT_ENGINE),
        Request(prompt=prompt, seed=0, count=count),
        seed=None,
    )
    data: dict[str, Any] = {"studio": str(project.root), **answer.data}
    undecided = [one for one in data["candidates"] if one["verdict"] is None]
    enter = f"cd {folder}"
    if not undecided:
        return Answer(data, answer.words, (enter, "ategnatos status"))
    if call.json or not gate.person_present():
        first = undecided[0]["candidate"]
        return Answer(
            data,
            answer.words,
            (enter, f"ategnatos art approve '{first}'   (yours to run, in a terminal)"),
        )
    if callable(answer.words):
        answer.words(console())
    chosen = _choose(project, data["job"], prompt)
    if chosen is None:
        return Answer(
            data,
            "Nothing was approved. The pictures stay where they are.",
            (enter, f"ategnatos art vary '{undecided[0]['candidate']}' --change 'blue'"),
        )
    shipped = _ship(project, chosen, asset_name(prompt))
    data["approved"] = chosen.reference
    data["exported"] = str(shipped.path)
    data["verdict"] = shipped.standing

    def words(out: Console) -> None:
        out.print(f"{chosen.reference} is approved and frozen: {present.relative(shipped.path)}")
        out.print(f"The approval is {shipped.standing}.")
        out.print(f"Where it came from: {present.relative(project.exports / 'manifest.json')}")

    return Answer(data, words, (enter, f"ategnatos art history '{chosen.reference}'"))


def _foretold(call: Call, folder: Path, prompt: str, count: int) -> Answer:
    """What would be made, refused where the real run would be; nothing is written."""
    from ategnatos.art.order import plan
    from ategnatos.commands.art.make import DEFAULT_ENGINE
    from ategnatos.engines import Request, load_engine
    from ategnatos.studio.init import init_studio

    made = init_studio(folder, dry_run=True)
    order = plan(
        load_engine(DEFAULT_ENGINE), Request(prompt=prompt, seed=0, count=count), explicit_seed=None
    )
    for text in order.warnings:
        call.warn(text)
    place = str(made.project.root)
    return Answer(
        {"studio": place, "prompt": order.request.prompt, "count": count, "dry_run": True},
        f"Nothing was written. A studio would stand in {place}, with {count} pictures of "
        f"{order.request.prompt!r} by the {DEFAULT_ENGINE} engine, for you to choose from.",
    )


def asset_name(prompt: str) -> str:
    """A file name from the words of a prompt: ``a red potion, outlined`` is a-red-potion."""
    words = re.findall(r"[^\W_]+", prompt.partition(",")[0].lower())
    return "-".join(words)[:40].strip("-") or "first"


def _choose(project: Project, job: str, prompt: str) -> Candidate | None:
    """Ask the person which candidate to approve, and record it; None for none."""
    from ategnatos.art import verdicts
    from ategnatos.art.references import parse_job
    from ategnatos.grimoire.jobs import database, store
    from ategnatos.guard import gate
    from ategnatos.guard.actor import person
    from ategnatos.guard.gate import book

    with database.connect(project) as db:
        job_id = parse_job(job)
        waiting = {
            str(one.number): one for one in store.candidates(db, job_id) if one.verdict is None
        }
    answer = gate.ask(
        ["Your verdict is final, and bound to the bytes of the picture you choose."],
        f"Which one do you approve? ({', '.join(waiting)} or {NONE_OF_THEM}):",
        (*waiting, NONE_OF_THEM),
        redo=f"ategnatos art approve '{job}#1'",
    )
    if answer == NONE_OF_THEM:
        return None
    chosen = waiting[answer]
    given = book.read(project)
    signed = None
    if given.signing:
        signed = verdicts.sign_choice(
            project,
            given,
            chosen,
            store.APPROVED,
            None,
            [f"{chosen.reference}: {prompt}"],
            f"ategnatos art approve '{chosen.reference}'",
            _now(),
        )
    verdicts.record_choice(
        project,
        job_id,
        chosen.number,
        store.APPROVED,
        sha256=chosen.sha256,
        reason=None,
        actor=person(),
        now=_now,
        signed=signed,
    )
    return chosen


def _ship(project: Project, chosen: Candidate, name: str) -> Shipped:
    from ategnatos.art import ship
    from ategnatos.guard.actor import actor

    return ship.ship(
        project, chosen.job, chosen.number, name, ship.Options(), actor=actor(), now=_now
    )


def _now() -> datetime:
    return datetime.now(UTC)
