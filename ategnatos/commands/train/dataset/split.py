"""``train dataset split``: pictures set apart to measure with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(app, "split", example="ategnatos train dataset split ann --share 0.1", dry_run=True)
def split(
    call: Call,
    name: Annotated[str, typer.Argument(help="The dataset.")],
    share: Annotated[
        float, typer.Option("--share", help="How much is set apart; 0 takes it all back.")
    ] = 0.1,
    seed: Annotated[int, typer.Option("--seed", help="Another number, another choice.")] = 0,
) -> Answer:
    """Set a share apart by groups: duplicates and look-alikes never stand on both sides."""
    from ategnatos.guard.actor import actor
    from ategnatos.train.dataset import record, relatives
    from ategnatos.train.dataset.structure import split as splitting

    project = call.project()
    wanted = splitting.parse_share(share)
    version = record.load(project, name)
    groups = relatives.groups(project, version)
    chosen = splitting.split(version.pictures, groups, wanted, seed)
    if share == 0:
        chosen = dict.fromkeys(chosen, "")
    if not call.dry_run:
        because = f"split: {share:.0%} for validation, seed {seed}"
        with record.edit(
            project, name, actor=actor(), because=because, now=datetime.now(UTC)
        ) as draft:
            for one, side in chosen.items():
                if draft.picture(one).split != side:
                    draft.change(one, split=side)
        assert draft.version is not None
        version = draft.version
    apart = sorted(one for one, side in chosen.items() if side == splitting.VALIDATION)
    whole = splitting.grouped(version.pictures, groups)
    together = [sorted(p.name for p in group) for group in whole if len(group) > 1]
    data = {
        "dataset": name,
        "version": version.number,
        "validation": apart,
        "train": len(chosen) - len(apart),
        "groups": together,
        "dry_run": call.dry_run,
    }
    words = (
        f"{len(apart)} of {len(chosen)} pictures are set apart"
        f" ({len(together)} groups of related pictures stayed together):"
        f" {', '.join(apart) or 'none'}"
    )
    return Answer(data, words, (f"ategnatos train dataset structure {name} --trainer kohya",))
