"""The report of an evaluation: grids, one HTML file that needs nothing else, and a page in the
grimoire (``grimoire/training/<plan>/eval.md``).

Numbers stand beside what would be much; nothing here says which is best. That is people's word,
and it stands in the report as soon as the names were revealed.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.files import explained, write_atomic
from ategnatos.grimoire.zones import Zone, resolve
from ategnatos.train.evaluation import grids, verdict, votes
from ategnatos.train.evaluation.prompts import why

if TYPE_CHECKING:
    from jinja2 import Environment

    from ategnatos.grimoire.project import Project
    from ategnatos.train.evaluation.record import Evaluation

REPORT = "report.html"
PAGE = "eval.md"
_LEAK = 0.05
_MUCH = 0.8  # of the weights, the one that checkpoints are compared at is nearest to this


def write(project: Project, evaluation: Evaluation) -> Path:
    """Draw what is missing of the grids, and write report and page anew; the report's path.

    Raises StudioError (``write_failed``, ``disk_full``).
    """
    folder = evaluation.folder
    drawn = {}
    for name, title, make in _grids(evaluation):
        path = folder / name
        if not path.is_file():
            write_atomic(path, make())
        drawn[name] = title
    told = told_of(project, evaluation)
    inside = {
        name: "data:image/png;base64," + base64.b64encode((folder / name).read_bytes()).decode()
        for name in drawn
    }
    html = _templates().get_template("report.html").render(**told, grids=drawn, inside=inside)
    write_atomic(folder / REPORT, html.encode())
    _page(project, evaluation, told, drawn)
    return folder / REPORT


def grid_names(evaluation: Evaluation) -> dict[str, str]:
    """The grids of an evaluation by file name, with what they show."""
    return {name: title for name, title, _ in _grids(evaluation)}


def told_of(project: Project, evaluation: Evaluation) -> dict[str, Any]:
    """Everything that a report tells, as plain values."""
    known = verdict.revealed(project, evaluation)
    given = votes.cast_votes(project, evaluation)
    return {
        "evaluation": evaluation,
        "columns": evaluation.numbers.get("columns", []),
        "chance": evaluation.numbers.get("chance"),
        "dataset": evaluation.numbers.get("dataset", {}),
        "copies": evaluation.numbers.get("copies", []),
        "embedding": evaluation.numbers.get("embedding"),
        "notes": notes(evaluation),
        "why": why,
        "votes": len(given),
        "ranking": votes.rank(evaluation, given) if known else None,
        "verdict": verdict.standing(project, evaluation.plan, evaluation) if known else None,
    }


def notes(evaluation: Evaluation) -> list[str]:
    """Where the numbers say to look, in sentences; never which is better."""
    columns = evaluation.numbers.get("columns", [])
    found = []
    for file in evaluation.checkpoints:
        own = [one for one in columns if one["checkpoint"] == file.name]
        for holds, said in _signs(evaluation.numbers, columns[0] if columns else {}, own):
            first = next((one for one in own if holds(one)), None)
            if first is not None:
                found.append(f"{file.name} from {first['weight']:g} on {said(first)}")
    return found


def _signs(
    numbers: dict[str, Any], base: dict[str, Any], own: list[dict[str, Any]]
) -> list[tuple[Callable[[dict[str, Any]], bool], Callable[[dict[str, Any]], str]]]:
    """What is worth a look: whether a column has it, and how it is said."""
    chance = numbers.get("chance") or 0.0
    copies = sum(one["copies"] for one in own)
    return [
        (
            lambda one: (one["bleed"] or 0) > chance / 2 > 0,
            lambda one: (
                f"changes prompts that do not call it by {one['bleed']:.2f}, where another seed"
                f" changes them by {chance:.2f}. Look at the rows 'other'."
            ),
        ),
        (
            lambda one: _above(one["leak"], base.get("leak"), _LEAK),
            lambda one: (
                f"draws pictures without its trigger that are more like the training pictures"
                f" ({one['leak']:.2f}) than those of the model alone ({base['leak']:.2f}). Look at"
                " the rows 'without'."
            ),
        ),
        (
            lambda one: one["copies"] > 0,
            lambda one: (
                f"draws near-copies of training pictures ({copies} in all): it may have learnt"
                " the pictures and not the thing."
            ),
        ),
        (
            lambda one: one["diversity"] is not None and one["diversity"] < chance / 3,
            lambda one: (
                f"draws seeds that differ by {one['diversity']:.2f} only, those of the model alone"
                f" by {chance:.2f}. Look whether every picture is the same."
            ),
        ),
    ]


def _above(value: float | None, other: float | None, by: float) -> bool:
    return value is not None and other is not None and value > other + by


def _grids(evaluation: Evaluation) -> list[tuple[str, str, Any]]:
    found: list[tuple[str, str, Any]] = []
    for number, one in enumerate(evaluation.checkpoints, 1):
        name = one.name
        found.append(
            (
                f"grid-{number}.png",
                f"{name} at every weight",
                lambda name=name: grids.of_checkpoint(evaluation, name),
            )
        )
    if len(evaluation.checkpoints) > 1:
        weight = min((one for one in evaluation.weights if one), key=lambda one: abs(one - _MUCH))
        found.append(
            (
                "grid-checkpoints.png",
                f"every checkpoint at {weight:g}",
                lambda: grids.of_checkpoints(evaluation, weight),
            )
        )
    return found


def _page(
    project: Project, evaluation: Evaluation, told: dict[str, Any], drawn: dict[str, str]
) -> None:
    """The page for people who read the grimoire, with its grids beside it."""
    below = Path("training", evaluation.plan)
    path = resolve(project, Zone.STATE, below / PAGE, for_writing=True)
    pictures = resolve(project, Zone.STATE, below / "eval", for_writing=True)
    with explained(pictures, "The page was not written."):
        pictures.mkdir(parents=True, exist_ok=True)
        for old in pictures.glob("grid-*.png"):
            if old.name not in drawn:
                old.unlink()
    for name in drawn:
        write_atomic(pictures / name, (evaluation.folder / name).read_bytes())
    text = _templates().get_template("eval.md").render(**told, grids=drawn)
    write_atomic(path, text.encode())


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape

    home = files("ategnatos.train.evaluation") / "templates"
    made = Environment(
        loader=FunctionLoader(lambda name: (home / name).read_text(encoding="utf-8")),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["number"] = lambda value: "-" if value is None else f"{value:.2f}"
    made.filters["cell"] = lambda text: " ".join(str(text).replace("|", "\\|").split())
    return made
