"""``train dataset list``: the datasets of the studio."""

from __future__ import annotations

from typing import Any

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(app, "list", example="ategnatos train dataset list")
def datasets(call: Call) -> Answer:
    """The datasets of this studio, with how many pictures and captions each has."""
    from ategnatos.train.dataset import record

    found: list[dict[str, Any]] = []
    lines: list[str] = []
    for row in record.rows(call.project()):
        newest = row.versions[-1]
        found.append(
            {
                "name": row.name,
                "version": newest.number,
                "digest": newest.digest,
                "pictures": newest.pictures,
                "captioned": newest.captioned,
                "quarantine": len(row.quarantine),
                "made": row.made,
                "changed": newest.at,
            }
        )
        aside = f", {len(row.quarantine)} set aside" if row.quarantine else ""
        lines.append(
            f"{row.name}  version {newest.number}: {newest.pictures} pictures,"
            f" {newest.captioned} with captions{aside} ({newest.at})"
        )
    if not lines:
        return Answer(
            {"datasets": []},
            "There is no dataset yet.",
            ("ategnatos train dataset import FOLDER --as NAME",),
        )
    steps = (f"ategnatos train dataset show {found[-1]['name']}",)
    return Answer({"datasets": found}, "\n".join(lines), steps)
