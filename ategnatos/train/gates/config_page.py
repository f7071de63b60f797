"""The page ``config.md``: what a person agreed to, value by value, and what the trainer drops."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.files import explained, write_atomic
from ategnatos.grimoire.markdown import escape

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.guard.gate.agreement import Authorisation
    from ategnatos.train.gates.configuration import Configuration

NAME = "config.md"


def write(project: Project, made: Configuration, agreed: Authorisation) -> Path:
    """Write it to ``grimoire/training/<plan>/``. Raises StudioError (``write_failed``,
    ``disk_full``); the agreement is on record all the same.
    """
    path = project.grimoire / "training" / made.kept.name / NAME
    with explained(path, "The agreement is on record; only its page is not written."):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, page(made, agreed).encode())
    return path


def page(made: Configuration, agreed: Authorisation) -> str:
    """The whole page."""
    from ategnatos.train.gates.configuration import origin
    from ategnatos.train.plan import fields

    kept, dataset = made.kept, made.dataset
    how = "signed by" if agreed.signed else "read and agreed to by"
    lines = [
        f"# {escape(kept.name)}: configuration",
        "",
        f"Version {kept.number} of the plan, for {made.trainer}, {how} {escape(agreed.approver)} at"
        f" {agreed.time}.",
        "",
        f"It learns from {dataset.pictures} pictures of {escape(dataset.name)} (version"
        f" {dataset.version}) in {made.translation.steps:,} steps.",
        "",
        f"## What {made.trainer} does not do as the plan says",
        "",
    ]
    if made.translation.losses:
        lines += ["| value | | asked | does | why |", "|---|---|---|---|---|"]
        lines += [
            f"| {one.field} | {one.kind} | {escape(one.asked)} | {escape(one.gets)} |"
            f" {escape(one.why)} |"
            for one in made.translation.losses
        ]
    else:
        lines.append("Nothing: it does everything as the plan says.")
    rows = list(fields.explain(kept))
    for group, title in fields.groups().items():
        lines += ["", f"## {title}", "", "| value | | from |", "|---|---|---|"]
        lines += [
            f"| {one.name} | {escape(fields.shown(one.value))} | {escape(origin(one.because))} |"
            for one in rows
            if one.group == group
        ]
    lines += [
        "",
        "---",
        "",
        f"Plan digest `{kept.digest}`; the record is event `{agreed.event}`. Any change of the plan"
        f" closes gate 2; `ategnatos train confirm {kept.name}` opens it again.",
        "",
    ]
    return "\n".join(lines)
