"""``train vote``: which of two is better, without knowing which is which. A person's act."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ategnatos.commands.contract import USAGE, Answer, Call, command, room
from ategnatos.grimoire.errors import StudioError

if TYPE_CHECKING:
    from ategnatos.train.evaluation.record import Evaluation
    from ategnatos.train.evaluation.votes import Pair

app = room()

_ANSWERS = {
    "l": "left", "left": "left", "1": "left",
    "r": "right", "right": "right", "2": "right",
    "t": "tie", "tie": "tie", "0": "tie",
    "q": "stop", "stop": "stop",
    "u": "undo", "undo": "undo",
}  # fmt: skip
_WAYS = ("auto", "kitty", "iterm", "sixel", "none")


@command(app, "vote", example="ategnatos train vote owl --as ann")
def vote(
    call: Call,
    name: Annotated[str, typer.Argument(help="A plan (its newest evaluation), or owl/2.")],
    voter: Annotated[
        str, typer.Option("--as", metavar="NAME", help="Who votes; default: this account.")
    ] = "",
    most: Annotated[int, typer.Option("--most", help="Stop after so many; 0: all pairs.")] = 0,
    pictures: Annotated[
        str, typer.Option("--pictures", help="auto, kitty, iterm, sixel or none.")
    ] = "auto",
) -> Answer:
    """Look at pairs and say left, right or tie. It goes on where you stopped."""
    from datetime import UTC, datetime

    from ategnatos.grimoire.files import sha256_bytes, write_atomic
    from ategnatos.guard.actor import login
    from ategnatos.guard.gate import terminal
    from ategnatos.train.evaluation import pairs, record, verdict, votes

    if pictures not in _WAYS:
        raise StudioError(
            USAGE, f"{pictures[:20]!r} is no way to show pictures; nothing was recorded.",
            hint=f"Say --pictures {', '.join(_WAYS)}.",
        )  # fmt: skip
    project = call.project()
    one = record.load(project, name)
    who = " ".join((voter or login()).split())
    redo = shlex.join(["ategnatos", "train", "vote", one.name, "--as", who])
    if not terminal.person_present():
        # Said before anything is drawn; 'ask' would say the same.
        with terminal.opened(redo):
            pass
    record.require_finished(project, one)
    if verdict.revealed(project, one):
        raise votes.closed(one)
    votes.check_voter(one, who)
    whole = len(votes.pairs(one, who))
    if not whole:
        return _alone(one, who)
    sheet = one.folder / f"pair-{sha256_bytes(who.encode())[:8]}.png"
    cast = 0
    before: list[Pair] = []
    back: Pair | None = None
    try:
        while not most or cast < most:
            pair = back or votes.next_pair(project, one, who)
            back = None
            if pair is None:
                break
            png = pairs.sheet(one, pair)
            write_atomic(sheet, png)
            done = sum(given.voter == who for given in votes.cast_votes(project, one))
            answer = _asked(pair, png, sheet, done + 1, whole, pictures, redo)
            if answer == "stop":
                break
            if answer == "undo":
                # Said again, the later word counts.
                back = before.pop() if before else pair
                cast -= back is not pair
                continue
            votes.cast(
                project,
                one,
                who,
                pair.id,
                answer,
                datetime.now(UTC),
                shown_sha256=sha256_bytes(png),
            )
            cast += 1
            before.append(pair)
    finally:  # Ctrl-C too: what is on the disk is of a vote that was not given
        sheet.unlink(missing_ok=True)
    given = votes.cast_votes(project, one)
    mine = sum(found.voter == who for found in given)
    voters = sorted({found.voter for found in given})
    short = record.short_name(project, one)
    lines = [
        f"{who}: {mine} of {whole} {'pair' if whole == 1 else 'pairs'} of {one.name}, {cast} of"
        f" them now.{' None is left for you.' if mine == whole else ''}",
        f"Votes: {len(given)}, of {len(voters)} {'voter' if len(voters) == 1 else 'voters'}."
        " Which is which stays hidden until somebody reveals it.",
    ]
    return Answer(
        {
            "evaluation": one.name,
            "voter": who,
            "cast": cast,
            "votes_of_voter": mine,
            "pairs": whole,
            "votes": len(given),
            "voters": voters,
        },
        "\n".join(lines),
        (f"ategnatos train vote {short} --as SOMEBODY", f"ategnatos train verdict {short}"),
    )


def _alone(one: Evaluation, who: str) -> Answer:
    """Nothing to choose between: what a verdict is asked of is the only one."""
    return Answer(
        {
            "evaluation": one.name, "voter": who, "cast": 0, "votes_of_voter": 0, "pairs": 0,
            "votes": 0, "voters": [],
        },
        f"{one.name} has one contender, one file at one weight: there is nothing to compare it"
        " with, and nothing to vote on.",
        (f"ategnatos train verdict {one.name}",),
    )  # fmt: skip


def _asked(
    pair: Pair, png: bytes, sheet: Path, number: int, whole: int, pictures: str, redo: str
) -> str:
    from ategnatos.guard.gate import terminal

    way = _way(pictures)
    if way != "none":
        from shutil import get_terminal_size

        from ategnatos.pictures.terminal_pictures import Window, shown

        columns, rows = get_terminal_size()
        drawn, lines = shown(png, way, Window(columns, rows), rows=max(8, rows - 6))
        with terminal.opened(redo) as tty:
            tty.write(b"\n" + drawn + (b"\n" * lines if way == "kitty" else b"\n"))
    said = terminal.ask(
        [f"Pair {number} of {whole} is {sheet}"],
        "Which is better? left, right, tie (undo, stop):",
        tuple(_ANSWERS),
        redo=redo,
    )
    return _ANSWERS[said]


def _way(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    from ategnatos.pictures import terminal_pictures

    found = terminal_pictures.way_of(os.environ)
    return found if found in _WAYS else "none"
