"""Let a captioner look at everything that lacks a caption, a batch at a time.

Each batch is saved before the next is shown, so a run that is stopped or fails goes on where it
was. A picture whose answer was refused is not asked for again in the same run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ategnatos.train.dataset import record, store
from ategnatos.train.dataset.captions import captioner as captioners
from ategnatos.train.dataset.captions import protocol, rounds, templates

if TYPE_CHECKING:
    from ategnatos.grimoire.project import Project
    from ategnatos.train.dataset.captions.answers import Refusal


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did; ``version`` is the dataset's newest after it, ``broken`` were passed over."""

    rounds: int
    saved: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    refused: tuple[Refusal, ...]
    log: Path
    version: int
    broken: tuple[str, ...] = ()


def run(
    project: Project,
    dataset: str,
    looker: captioners.Captioner,
    *,
    what: str,
    batch: int,
    most: int,
    actor: str,
    now: Callable[[], datetime],
    say: Callable[[str], None],
) -> Done:
    """Caption at most ``most`` pictures (0: all). Raises StudioError (``captioner_failed``, and
    those of :func:`rounds.open_round` and :func:`rounds.take`).
    """
    saved: list[str] = []
    skipped: list[tuple[str, str]] = []
    refused: list[Refusal] = []
    broken: list[str] = []
    asked: set[str] = set()
    count = 0
    while True:
        version = record.load(project, dataset)
        names = [one.name for one in rounds.lacking(version, what) if one.name not in asked]
        if most:
            names = names[: most - len(asked)]
        if not names:
            return Done(
                count,
                tuple(saved),
                tuple(skipped),
                tuple(refused),
                rounds.log_path(project, dataset),
                version.number,
                tuple(broken),
            )
        made = rounds.open_round(project, version, what=what, batch=batch, chosen=names)
        assert made is not None
        broken += made.broken
        asked.update(made.broken, (name for name, _ in made.pictures))
        given = _looked(project, looker, made, protocol.wanted(version), now)
        taken = rounds.take(
            project, made, given, author=f"model {looker.name}", actor=actor, now=now()
        )
        count += 1
        saved += taken.saved
        skipped += taken.skipped
        refused += taken.refused
        say(f"{len(saved)} captions saved, {len(names) - len(made.pictures)} pictures to go")


def _looked(
    project: Project,
    looker: captioners.Captioner,
    made: rounds.Round,
    like: protocol.Wanted,
    now: Callable[[], datetime],
) -> object:
    looks = [
        captioners.Look(number, name, store.path_of(project, made.dataset, name, sha))
        for number, (name, sha) in enumerate(made.pictures, 1)
    ]
    try:
        return list(looker.look(looks, templates.template(made.what, like)))
    except Exception as error:  # it is somebody else's code
        why = f"{type(error).__name__}: {error}"
        rounds.log_failure(project, made, f"model {looker.name}", why, now=now())
        raise captioners.failed(looker.name, error) from error
