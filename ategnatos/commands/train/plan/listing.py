"""``train plan list``: the plans of this studio."""

from __future__ import annotations

from ategnatos.commands.contract import Answer, Call, command, room

app = room()


@command(app, "list", example="ategnatos train plan list")
def listing(call: Call) -> Answer:
    """Every plan with its family, dataset and length."""
    from ategnatos.train.plan import store

    found = store.every(call.project())
    rows = [
        {
            "name": one.name,
            "number": one.number,
            "family": one.plan.family,
            "preset": one.plan.preset,
            "dataset": one.plan.dataset,
            "dataset_version": one.plan.dataset_version,
            "epochs": one.plan.epochs,
            "steps": one.plan.steps,
            "digest": one.digest,
            "at": one.at,
        }
        for one in found
    ]
    lines = [
        f"{one['name']}  version {one['number']}  {one['family']}  {one['preset']}"
        f"  {one['dataset']} v{one['dataset_version']}"
        for one in rows
    ] or ["There is no plan yet."]
    return Answer(
        {"plans": rows},
        "\n".join(lines),
        () if rows else ("ategnatos train plan new NAME --dataset DATASET --family FAMILY",),
    )
