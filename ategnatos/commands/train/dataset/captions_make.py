"""``captions plan``, ``next``, ``set``: an agent's round of captioning."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ategnatos.commands.contract import Answer, Call, command
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.captions.protocol import Wanted
    from ategnatos.train.dataset.captions.rounds import Round, Taken
    from ategnatos.train.dataset.record import Draft
    from ategnatos.train.dataset.version import Version

Dataset = Annotated[str, typer.Argument(help="The dataset.")]
Pass = Annotated[str, typer.Option("--pass", help="content, style, or both at once.")]
Batch = Annotated[int, typer.Option("--batch", metavar="N", help="How many pictures a round.")]

# 1 MiB is a thousand long answers.
_MOST_BYTES = 1 << 20


def register(app: typer.Typer) -> None:
    """Add the verbs of this module to the group."""
    command(
        app,
        "plan",
        example="ategnatos train dataset captions plan ann --trigger annzrv --type character",
        dry_run=True,
    )(plan)
    command(app, "next", example="ategnatos train dataset captions next ann --batch 10 --json")(
        next_round
    )
    command(
        app, "set", example="ategnatos train dataset captions set ann 5c1f2a90b7d3e846 answers.json"
    )(set_answers)


def plan(
    call: Call,
    name: Dataset,
    trigger: Annotated[
        str, typer.Option("--trigger", metavar="WORD", help="A made-up word that calls the LoRA.")
    ] = "",
    training: Annotated[str, typer.Option("--type", help="character, style or object.")] = "",
    dialect: Annotated[str, typer.Option("--dialect", help="prose, tags or json.")] = "",
    family: Annotated[
        str, typer.Option("--family", help="The model family it is for; 'starter' is one.")
    ] = "",
    tokenizer: Annotated[
        Path | None,
        typer.Option("--tokenizer", help="A tokenizer.json to count with, instead of CLIP's."),
    ] = None,
) -> Answer:
    """Settle trigger, training type and way of writing; without options, show them."""
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset import record
    from ategnatos.train.dataset.captions import protocol, tokens

    project = call.project()
    before = protocol.wanted(record.load(project, name))
    given = before.facts()
    if trigger:
        given["trigger"] = protocol.parse_trigger(trigger)
    if training:
        given["training"] = protocol.parse_choice(training, protocol.TYPES, "training type")
    if dialect:
        given["dialect"] = protocol.parse_choice(dialect, protocol.DIALECTS, "dialect")
    if family:
        given["family"] = family.strip().lower()
    if tokenizer is not None:
        given["tokenizer"] = str(tokenizer.resolve())
    after = protocol.Wanted(name, **given)
    counter = tokens.counter_for(after)
    if after != before and not call.dry_run:
        because = "captions planned: " + ", ".join(
            f"{key} {value}" for key, value in given.items() if value != before.facts()[key]
        )
        with record.edit(project, name, actor=actor(), because=because, now=moment()) as draft:
            draft.settings.update(given)
            _compose_anew(draft, after)
    count = counter.count(after.trigger) if after.trigger else 0
    data = {
        "dataset": name,
        **given,
        "before": before.facts(),
        "changed": after != before,
        "dry_run": call.dry_run,
        "trigger_tokens": count,
        "counted_by": counter.name,
        "exact": counter.exact,
    }
    lines = [
        f"Trigger: {after.trigger or 'not chosen yet'}"
        + (f" ({count} tokens, counted by {counter.name})" if after.trigger else ""),
        f"Training: {after.training}; written as {after.dialect};"
        f" for {after.family or 'no family yet'}",
    ]
    if call.dry_run:
        lines.insert(0, "Nothing was written. This is how it would be:")
    return Answer(data, "\n".join(lines), (f"ategnatos train dataset captions next {name}",))


def next_round(
    call: Call,
    name: Dataset,
    batch: Batch = 10,
    what: Pass = "both",
    again: Annotated[
        list[str] | None,
        typer.Option("--again", metavar="PICTURE", help="Caption these anew; repeatable."),
    ] = None,
) -> Answer:
    """Draw the next pictures on a numbered sheet, with the template that tells what to answer."""
    from ategnatos.train.dataset import record
    from ategnatos.train.dataset.captions import protocol, rounds, templates

    project = call.project()
    version = record.load(project, name)
    made = rounds.open_round(project, version, what=what, batch=batch, chosen=again or ())
    left = len(rounds.lacking(version, what))
    if made is None:
        return Answer(
            {"dataset": name, "round": None, "left": 0},
            f"Every picture of {name} has its captions of the {what} pass.",
            (f"ategnatos train dataset captions lint {name}",),
        )
    like = protocol.wanted(version)
    if not like.trigger:
        call.warn(
            f"No trigger is chosen yet: ategnatos train dataset captions plan {name}"
            " --trigger WORD. Captions are composed anew when it is."
        )
    if made.broken:
        call.warn(passed_over(name, made.broken))
    template = templates.template(what, like)
    data = {
        "dataset": name,
        "round": made.id,
        "pass": what,
        "left": left,
        "sheet": str(made.sheet),
        "pictures": _pictures(made, version),
        "template": template,
        "answer_with": _form(template, made),
    }
    lines = [
        f"Round {made.id}: {len(made.pictures)} pictures, {left} left in the {what} pass.",
        f"Look at {made.sheet}",
        *(f"  {number}  {picture}" for number, (picture, _) in enumerate(made.pictures, 1)),
        "",
        template["ask"],
        *(f"- {rule}" for rule in template["rules"]),
        "",
        "Answer as JSON:",
        json.dumps(_form(template, made)),
    ]
    return Answer(
        data,
        "\n".join(lines),
        (f"ategnatos train dataset captions set {name} {made.id} ANSWERS.json",),
    )


def set_answers(
    call: Call,
    name: Dataset,
    round_id: Annotated[str, typer.Argument(metavar="ROUND", help="The id that 'next' gave.")],
    answers: Annotated[str, typer.Argument(help="A JSON file, or - for standard input.")],
    by: Annotated[
        str, typer.Option("--by", metavar="MODEL", help="Which model looked. Default: who calls.")
    ] = "",
) -> Answer:
    """Take the answers of a round: good ones are saved, bad ones refused with why."""
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset.captions import rounds

    project = call.project()
    made = rounds.find(project, name, round_id)
    given = _read_json(answers)
    taken = rounds.take(project, made, given, author=author_of(by), actor=actor(), now=moment())
    return _told(project, made, taken)


def _compose_anew(draft: Draft, like: Wanted) -> None:
    """Captions whose parts are known, with the trigger and dialect that count now."""
    from ategnatos.train.dataset.captions.protocol import compose

    for name, picture in list(draft.pictures.items()):
        had = picture.caption
        if had is not None and had.parts:
            text = compose(like.trigger, had.parts, like.dialect)
            draft.caption(name, text, author=had.author, parts=had.parts)


def _told(project: Project, made: Round, taken: Taken) -> Answer:
    from ategnatos.train.dataset.captions import answers, rounds

    left = len(rounds.lacking(taken.version, made.what))
    log = rounds.log_path(project, made.dataset)
    data: dict[str, Any] = {
        "dataset": made.dataset,
        "round": made.id,
        "saved": list(taken.saved),
        "skipped": [{"picture": one, "why": why} for one, why in taken.skipped],
        "refused": [
            {"number": one.number, "picture": one.picture, "why": one.why} for one in taken.refused
        ],
        "left": left,
        "version": taken.version.number,
        "digest": taken.version.digest(),
    }
    lines = [f"{len(taken.saved)} captions saved, {left} pictures left in the {made.what} pass."]
    lines += [f"  skipped {name}: {why}" for name, why in taken.skipped]
    lines += [
        f"  refused {f'{one.number} {one.picture}' if one.number else 'one without a number'}:"
        f" {one.why}"
        for one in taken.refused
    ]
    failed = None
    if taken.refused:
        failed = StudioError(
            answers.CAPTIONS_REFUSED,
            f"{len(taken.refused)} answers were refused and their pictures have no new caption;"
            f" {len(taken.saved)} are saved.",
            hint=f"Answer those numbers again with 'ategnatos train dataset captions set"
            f" {made.dataset} {made.id} -'; what was refused stands in {log}.",
            refused=len(taken.refused),
            saved=len(taken.saved),
        )
    more = f"ategnatos train dataset captions {'next' if left else 'lint'} {made.dataset}"
    return Answer(data, "\n".join(lines), (more,), failed)


def passed_over(name: str, broken: tuple[str, ...]) -> str:
    """What to say of broken pictures."""
    return (
        f"{len(broken)} pictures cannot be decoded and were passed over"
        f" ({', '.join(broken[:5])}): ategnatos train dataset audit {name} --apply"
    )


def _pictures(made: Round, version: Version) -> list[dict[str, Any]]:
    from ategnatos.train.dataset.captions import rounds

    known = version.by_name()
    return [
        {
            "number": number,
            "name": picture,
            "sha256": sha,
            "file": str(rounds.single(made, number)),
            "seed": rounds.seed_of(known[picture]),
        }
        for number, (picture, sha) in enumerate(made.pictures, 1)
    ]


def _form(template: dict[str, Any], made: Round) -> dict[str, Any]:
    answer: dict[str, Any] = {"number": 1, **dict.fromkeys(template["parts"], "...")}
    if template["questions"]:
        answer["answers"] = {
            question: " | ".join(values) for question, values in template["questions"].items()
        }
    return {"round": made.id, "answers": [answer]}


def _read_json(given: str) -> Any:
    from ategnatos.train.dataset.captions.answers import CAPTION_ANSWERS

    try:
        if given == "-":
            raw = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with Path(given).open("rb") as file:
                raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise ValueError(f"it is longer than {_MOST_BYTES} bytes")
        return json.loads(raw)
    except (OSError, ValueError, RecursionError) as error:
        raise StudioError(
            CAPTION_ANSWERS,
            f"The answers in {given!r} could not be read as JSON ({error}); nothing was saved.",
            hint='Give {"answers": [{"number": 1, "content": "...", "style": "..."}]}.',
        ) from error


def author_of(by: str) -> str:
    """Who a caption is by: the model named, the agent that calls, or a person."""
    from ategnatos.guard.actor import actor

    named = " ".join(by.split())
    if named:
        return f"model {named}"
    who = actor()
    return f"model {who.split(':')[1]}" if who.startswith("agent:") else "person"


def moment() -> datetime:
    """The time of an act."""
    return datetime.now(UTC)
