"""The page ``intent.md``: what a LoRA is for, what a person answered, and what was changed since.

It is rendered from the plan's versions each time that one is made; nothing is kept here alone.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.grimoire.files import explained, write_atomic
from ategnatos.grimoire.markdown import escape
from ategnatos.train.plan import fields, store

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.plan.store import Kept

NAME = "intent.md"


def write(project: Project, kept: Kept) -> Path:
    """Write it to ``grimoire/training/<plan>/``. Raises StudioError (``write_failed``,
    ``disk_full``); the plan is on record all the same.
    """
    path = project.grimoire / "training" / kept.name / NAME
    with explained(path, "The plan is on record; only its page is not written."):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, page(project, kept).encode())
    return path


def _purpose(first: Kept) -> str:
    # What the store writes where nobody said anything.
    if first.because == f"preset {first.plan.preset}":
        return "nobody said (--because of 'ategnatos train plan new')."
    return first.because


def page(project: Project, kept: Kept) -> str:
    """The whole page."""
    versions = [store.load(project, kept.name, one) for one in range(1, kept.versions + 1)]
    first, facts = versions[0], kept.plan.facts()
    lines = [
        f"# {escape(kept.name)}: intent",
        "",
        f"What it is for: {escape(_purpose(first))}",
        "",
        f"Asked for by {escape(first.actor)} at {first.at}.",
        "",
        "| question | answer |",
        "|---|---|",
    ]
    lines += [
        f"| {escape(words.ask)} | {escape(fields.shown(facts[name]))} |"
        for name, words in fields.words().items()
        if words.ask
    ]
    if versions[1:]:
        lines += ["", "## Changed since", "", "| version | what | why | by | at |"]
        lines.append("|---|---|---|---|---|")
    for before, after in pairwise(versions):
        told = ", ".join(
            f"{name} {fields.shown(was)} -> {fields.shown(now)}"
            for name, (was, now) in store.differences(before.plan, after.plan).items()
            if not name.endswith("_digest")
        )
        lines.append(
            f"| {after.number} | {escape(told)} | {escape(after.because)} | {escape(after.actor)}"
            f" | {after.at} |"
        )
    lines += ["", f"Every value with its reason: `ategnatos train plan show {kept.name} --explain`"]
    return "\n".join(lines) + "\n"
