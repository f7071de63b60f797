"""What a voter may see of an evaluation: pictures by their key, sides and letters, no name.

A key is the hash of what made a picture; it tells nobody which checkpoint that was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ategnatos.grimoire.files import canonical_json, sha256_bytes, sha256_file
from ategnatos.train.evaluation.pairs import changed

if TYPE_CHECKING:
    from ategnatos.train.evaluation.record import Cell, Contender, Evaluation, Prompt
    from ategnatos.train.evaluation.votes import Pair


@dataclass(frozen=True, slots=True)
class Column:
    """One contender in a grid. ``title`` is its name, or a letter while that is hidden."""

    title: str
    contender: Contender | None
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """A pair as it is shown: for each prompt the pictures of either side, and their hash."""

    rows: tuple[tuple[Prompt, tuple[Cell, ...], tuple[Cell, ...]], ...]
    sha256: str


def pair_of(evaluation: Evaluation, pair: Pair) -> Seen:
    """The pictures of a pair, each held to its hash. Raises StudioError
    (``evaluation_picture``): what was not looked at is not voted on.
    """
    chosen = {one.name: one for one in evaluation.contenders}
    left, right = (_cells(evaluation, chosen[name]) for name in (pair.left, pair.right))
    for cell in (cell for side in (left, right) for row in side for cell in row):
        path = evaluation.picture(cell)
        if not path.is_file() or sha256_file(path) != cell.sha256:
            raise changed(evaluation, str(path))
    shown = [[[cell.sha256 for cell in row] for row in side] for side in (left, right)]
    rows = tuple(zip(evaluation.prompts, left, right, strict=True))
    return Seen(rows, sha256_bytes(canonical_json(shown)))


def columns(evaluation: Evaluation, voter: str, *, named: bool) -> list[Column]:
    """The grid: the model alone, then every contender; in an order that says nothing, under
    letters, until the names are known.
    """
    contenders = list(evaluation.contenders)
    if not named:
        salt = f"{evaluation.digest}\n{voter}\n"
        contenders.sort(key=lambda one: sha256_bytes(f"{salt}{one.name}".encode()))
    titles = [one.name if named else letter(place) for place, one in enumerate(contenders)]
    found = [
        Column(title, one, _cells(evaluation, one))
        for title, one in zip(titles, contenders, strict=True)
    ]
    alone = tuple(
        tuple(
            cell
            for seed in evaluation.seeds
            if (cell := evaluation.cell("", 0.0, prompt.name, seed))
        )
        for prompt in evaluation.prompts
    )
    return [Column("the model alone", None, alone), *found] if any(alone) else found


def letter(place: int) -> str:
    """A, B ... Z, AA, AB ...

    >>> [letter(one) for one in (0, 25, 26, 27)]
    ['A', 'Z', 'AA', 'AB']
    """
    lead, last = divmod(place, 26)
    return (letter(lead - 1) if lead else "") + chr(ord("A") + last)


def _cells(evaluation: Evaluation, one: Contender) -> tuple[tuple[Cell, ...], ...]:
    return tuple(
        tuple(
            cell
            for seed in evaluation.seeds
            if (cell := evaluation.cell(one.checkpoint, one.weight, prompt.name, seed)) is not None
        )
        for prompt in evaluation.prompts
    )
