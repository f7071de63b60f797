"""What a voter sees: two columns of pictures, left and right, without a name anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ategnatos.grimoire.errors import ErrorCode, StudioError
from ategnatos.grimoire.files import sha256_file
from ategnatos.train.evaluation.grids import Row, draw

if TYPE_CHECKING:
    from pathlib import Path

    from ategnatos.train.evaluation.record import Evaluation
    from ategnatos.train.evaluation.votes import Pair

EVALUATION_PICTURE = ErrorCode(
    "evaluation_picture", "A picture of the evaluation is gone or was changed."
)


def sheet(evaluation: Evaluation, pair: Pair) -> bytes:
    """The two as one PNG: the same prompts and seeds on both sides, in the same order.

    Raises StudioError (``evaluation_picture``): what was not looked at is not voted on.
    """
    chosen = {one.name: one for one in evaluation.contenders}
    sides = [chosen[pair.left], chosen[pair.right]]
    rows = []
    for prompt in evaluation.prompts:
        columns: list[list[Path]] = []
        for one in sides:
            cells = [
                evaluation.cell(one.checkpoint, one.weight, prompt.name, seed)
                for seed in evaluation.seeds
            ]
            paths = []
            for cell in cells:
                assert cell is not None  # every contender has every prompt and seed
                path = evaluation.picture(cell)
                if not path.is_file() or sha256_file(path) != cell.sha256:
                    raise changed(evaluation, str(path))
                paths.append(path)
            columns.append(paths)
        rows.append(Row(prompt.text, prompt.kind, columns))
    return draw(f"{evaluation.plan}: which is better?", ["left", "right"], rows)


def intact(evaluation: Evaluation) -> None:
    """Hold every picture to the hash in the record. Raises StudioError (``evaluation_picture``)."""
    for cell in {one.key: one for one in evaluation.cells}.values():
        path = evaluation.picture(cell)
        if not path.is_file() or sha256_file(path) != cell.sha256:
            raise changed(evaluation, str(path))


def changed(evaluation: Evaluation, path: str) -> StudioError:
    """The refusal of an act on a picture that is not the one that was made."""
    return StudioError(
        EVALUATION_PICTURE,
        f"A picture of {evaluation.name} is gone or was changed ({path}); nothing was recorded.",
        hint=f"Make it again: delete the file, then ategnatos train eval {evaluation.plan} as"
        " before.",
        path=path,
    )
