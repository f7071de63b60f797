"""The page in a run's folder for whoever has it and nothing else: what it is, how to repeat it."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

from ategnatos.grimoire.files import write_atomic
from ategnatos.train.run import attempts, state

if TYPE_CHECKING:
    from ategnatos.train.run.attempts import Attempt
    from ategnatos.train.run.preparing import Laid
    from ategnatos.train.run.record import Run
    from ategnatos.trainers import Translation

FILE = "README.md"


def write(run: Run, laid: Laid, tried: Attempt, made: Translation) -> None:
    """Write the page. Raises StudioError (``disk_full``, ``write_failed``)."""
    write_atomic(run.folder / FILE, "\n".join(_lines(run, laid, tried, made)).encode() + b"\n")


def _lines(run: Run, laid: Laid, tried: Attempt, made: Translation) -> list[str]:
    plan = laid.plan
    known = state.read(run.folder)
    return [
        f"# Training run {run.id}",
        "",
        f"A {plan.network} of rank {plan.rank} for {plan.family}, trained by {run.trainer} on"
        f" {laid.dataset.pictures} pictures of the dataset {run.dataset} (version"
        f" {run.dataset_version}) for {tried.steps} steps, seed {plan.seed}.",
        *([f"It goes on from {run.parent}, which lost its machine."] if run.parent else []),
        "",
        "## What lies here",
        "",
        "| | |",
        "| --- | --- |",
        "| `plan.json` | the plan, every value; `ategnatos train plan show` explains it |",
        f"| {', '.join(f'`{name}`' for name in made.files)} | the same for {run.trainer} |",
        "| `dataset/` | the pictures and captions as the trainer saw them |",
        f"| `{tried.output}/` | what the trainer saved |",
        "| `ledger.json` | every checkpoint: hash, losses when it was saved, whole or not |",
        "| `metrics.jsonl` | the loss of each step |",
        "| `attempts/N/` | each start of the trainer: `command.sh`, its files, `log.txt` whole |",
        "| `environment.json` | the machine, the trainer's version, the packages |",
        "| `training-state.json` | how the run stands |",
        "",
        "## How to repeat it",
        "",
        *_repeat(run, known),
        "",
        "## Which bytes",
        "",
        f"- plan: version {run.number}, digest `{run.digest}`",
        f"- dataset: digest `{plan.dataset_digest}`",
        *(
            [
                f"- prior pictures: {plan.regularisation} version {plan.regularisation_version},"
                f" digest `{plan.regularisation_digest}`"
            ]
            if plan.regularisation_version
            else []
        ),
        f"- base model: `{plan.model or 'the one that comes with the trainer'}`"
        + (f", sha256 `{plan.model_sha256}`" if plan.model_sha256 else ""),
        *_changes(run),
        "",
    ]


def _pattern(place: str) -> str:
    """A path as sed looks for it, inside of single quotes."""
    return re.sub(r"([\\.*\[\]^$|])", r"\\\1", place).replace("'", "'\\''")


def _repeat(run: Run, known: dict[str, Any]) -> list[str]:
    install = known.get("install", {})
    first = attempts.every(run.folder)[0] if attempts.every(run.folder) else None
    place = known.get("output_dir", "").removesuffix(f"/{known.get('output', '')}")
    lines = [
        f"1. Install {' '.join(filter(None, (run.trainer, install.get('version'))))}"
        + (f" at commit `{install['commit']}`" if install.get("commit") else "")
        + "; `environment.json` names the packages.",
        "2. In this folder, wherever it lies now, put back what the trainer was given; the last"
        " line names the new place in it:",
        "",
        "       mv output output-before",
        "       cp -R attempts/1/files/. .",
        f"       sed -i.before 's|{_pattern(place)}|'\"$PWD\"'|g'"
        " attempts/1/command.sh $(cd attempts/1/files && find . -type f)",
        "",
        "3. Start it with `sh attempts/1/command.sh` (where the new path has blanks, put quotes"
        " around it there). As it ran first:",
        "",
    ]
    if first is not None:
        command = (first.folder(run.folder) / "command.sh").read_text(encoding="utf-8")
        lines += [f"       {line}" for line in command.splitlines()[1:]]
    lines += [
        "",
        "In a studio that has the plan and the dataset it is one command: "
        f"`ategnatos train launch {shlex.quote(run.plan)} --trainer {run.trainer}`.",
    ]
    return lines


def _changes(run: Run) -> list[str]:
    made = [one for one in attempts.every(run.folder) if one.change]
    if not made:
        return []
    told = [f"  - try {one.number}: {one.change.get('said', '')}" for one in made]
    values = [json.dumps(one.change.get("values", {})) for one in made]
    return ["- changed on the way, because memory ran out:", *told, f"  - values: {values}"]
