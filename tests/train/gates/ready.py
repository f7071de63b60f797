"""A studio with a dataset that is GO and a plan of it, ready for the gates behind the first."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ategnatos.grimoire.project import Project
from ategnatos.guard.policy import Policy
from ategnatos.train.dataset import record
from ategnatos.train.dataset.report import writing
from ategnatos.train.plan import store
from ategnatos.train.plan.store import Kept
from tests.train.dataset.pictures import STYLE, VIEWS, dataset, drawn

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
# A step takes some hundredths of a second.
SMALL: dict[str, Any] = {
    "rank": 2,
    "alpha": 2.0,
    "conv_rank": 0,
    "network": "lora",
    "epochs": 0,
    "steps": 8,
    "save_every_epochs": 0,
    "save_every_steps": 4,
    "batch": 1,
    "sample_every_epochs": 0,
}


def pictures(project: Project, count: int = 16) -> None:
    """A dataset 'owls' of which the report says GO."""
    dataset(project, count=count, bytes_of=lambda i: drawn(i * 5 + 1, (160, 120 + i * 2)))
    with record.edit(project, "owls", actor="a", because="c", now=NOW) as draft:
        for index, name in enumerate(sorted(draft.pictures)):
            content = f"{VIEWS[index % 6]}, branch {index} of the year, moss and lichen"
            parts = {"content": content, "style": STYLE}
            draft.caption(name, f"zrvkowl, {content}, {STYLE}", author="person", parts=parts)
    weighed = writing.weigh(project, record.load(project, "owls"), Policy())
    writing.write(project, weighed, actor="user:ann", now=NOW)


def sdxl(project: Project, model: Path, **values: Any) -> Kept:
    """The same for SDXL, with a base model's file."""
    small = {
        "model": str(model),
        "optimizer": "adamw",
        "learning_rate": 1e-4,
        "precision": "fp16",
        "rank": 4,
    }
    return plan(project, "sdxl/base", **(small | values))


def plan(project: Project, family: str = "starter", **values: Any) -> Kept:
    """The plan 'owl' of that dataset."""
    version = record.load(project, "owls")
    small = SMALL if family == "starter" else {}
    return store.new(
        project,
        "owl",
        family=family,
        preset="quick",
        dataset=("owls", version.number, version.digest()),
        values={"trigger": "zrvkowl", "training": "character", **small, **values},
        actor="user:ann",
        now=NOW,
    )
