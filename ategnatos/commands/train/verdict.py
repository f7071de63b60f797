"""``train verdict``: the votes are over, the names are said, and a person signs the winner."""

from __future__ import annotations

import shlex
from collections.abc import Sized
from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(app, "verdict", example="ategnatos train verdict owl")
def verdict(
    call: Call,
    name: Annotated[str, typer.Argument(help="A plan (its newest evaluation), or owl/2.")],
    winner: Annotated[
        str,
        typer.Option(
            "--winner", metavar="NAME@WEIGHT", help="Or STEP@WEIGHT; default: you are asked."
        ),
    ] = "",
    because: Annotated[str, typer.Option("--because", help="Why, for the record.")] = "",
) -> Answer:
    """Reveal which is which, read what the votes say, and sign for one. A person's act."""
    from datetime import UTC, datetime

    from ategnatos.guard.actor import person
    from ategnatos.guard.gate import terminal
    from ategnatos.train.evaluation import pairs, record, reporting, votes
    from ategnatos.train.evaluation import verdict as room_of

    project = call.project()
    one = record.load(project, name)
    redo = shlex.join(
        ["ategnatos", "train", "verdict", one.name, *(["--winner", winner] if winner else [])]
    )
    record.require_finished(project, one)
    if winner:
        winner = room_of.contender(one, winner).name
    pairs.intact(one)  # before names are said: that cannot be taken back
    if not room_of.revealed(project, one):
        given = votes.cast_votes(project, one)
        voters = ", ".join(sorted({found.voter for found in given})) or "nobody"
        terminal.confirm(
            [
                f"{one.name}: {len(given)} {_s('vote', given)} of {voters},"
                f" {len(one.contenders)} {_s('contender', one.contenders)}.",
                "Revealing which is which ends the votes: after it no vote is blind.",
                "Reveal?",
            ],
            redo=redo,
        )
    ranked = room_of.reveal(project, one, actor=person(), now=datetime.now(UTC))
    reporting.write(project, one)
    names = [found.contender for found in ranked.places]
    lines = [
        f"  {number}. {found.contender:<40} score {found.score:+.2f} ({found.low:+.2f} to"
        f" {found.high:+.2f}), won {found.wins}, lost {found.losses}, tied {found.ties}"
        for number, found in enumerate(ranked.places, 1)
    ]
    if not winner:
        answer = terminal.ask(
            [*ranked.said, *lines],
            "Which one shall it be? its number, or none:",
            (*(str(number) for number in range(1, len(names) + 1)), "none"),
            redo=redo,
        )
        if answer == "none":
            before = room_of.standing(project, one.plan, one)
            stands = (
                ""
                if before is None
                else f" {before.checkpoint} at {before.best:g}, chosen before, stands as it was."
                f" {before.covers}"
            )
            return Answer(
                {"evaluation": one.name, "winner": None, "ranking": ranked.facts()},
                f"Nobody won: nothing was signed. The names are known now.{stands}",
                (f"ategnatos train seen {one.plan} 'too strong'",) if one.dataset else (),
            )
        winner = names[int(answer) - 1]
    decided = room_of.decide(
        project, one, winner, now=datetime.now(UTC), reason=because.strip() or None
    )
    report = reporting.write(project, one)
    return Answer(
        {
            "evaluation": one.name,
            "winner": winner,
            "checkpoint": decided.checkpoint,
            "sha256": decided.sha256,
            "weight": decided.best,
            "weight_range": [decided.low, decided.high],
            "approver": decided.approver,
            "signed": decided.signed,
            "event": decided.event,
            "pictures_sha256": decided.pictures_sha256,
            "ranking": ranked.facts(),
            "report": str(report),
        },
        "\n".join(
            [
                *ranked.said,
                *lines,
                f"{decided.approver} chose {decided.checkpoint} at {decided.best:g}"
                f"{' (signed)' if decided.signed else ''}, to be used at {decided.low:g} to"
                f" {decided.high:g}. {decided.covers}",
                f"Report: {report}",
            ]
        ),
        (f"ategnatos train register {record.short_name(project, one)}",),
    )


def _s(word: str, of: Sized) -> str:
    return word if len(of) == 1 else f"{word}s"
