"""``train dataset concept``: which pictures belong together under one name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(
    app,
    "concept",
    example="ategnatos train dataset concept ann knight 001.png 002.png",
    dry_run=True,
)
def concept(
    call: Call,
    name: Annotated[str, typer.Argument(help="The dataset.")],
    concept_name: Annotated[str, typer.Argument(metavar="CONCEPT", help="Letters, digits, '-'.")],
    pictures: Annotated[list[str], typer.Argument(help="The pictures that belong to it.")],
) -> Answer:
    """Put pictures under a concept, for 'structure --concepts'."""
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset import record
    from ategnatos.train.dataset.structure import concepts

    project = call.project()
    (parsed,) = concepts.parse(concept_name) or (concepts.Concept(""),)
    version = record.load(project, name)
    found = [record.find(version.by_name(), one, name) for one in pictures]
    if not call.dry_run:
        because = f"concept {parsed.name}: {len(found)} pictures"
        with record.edit(
            project, name, actor=actor(), because=because, now=datetime.now(UTC)
        ) as draft:
            for one in found:
                draft.change(one.name, notes={**one.notes, "concept": parsed.name})
        assert draft.version is not None
        version = draft.version
    counts: dict[str, int] = {}
    for one in version.pictures:
        said = concepts.concept_of(one) or "(none)"
        counts[said] = counts.get(said, 0) + 1
    data = {"dataset": name, "version": version.number, "concepts": counts, "dry_run": call.dry_run}
    lines = [f"{said}: {count} pictures" for said, count in sorted(counts.items())]
    return Answer(data, "\n".join(lines))
