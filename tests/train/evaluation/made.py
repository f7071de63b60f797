"""Evaluations by hand, for tests that need no engine."""

from __future__ import annotations

from ategnatos.grimoire.project import Project
from ategnatos.train.evaluation import record
from ategnatos.train.evaluation.record import Cell, Checkpoint, Evaluation, Prompt


def by_hand(
    project: Project,
    checkpoints: tuple[str, ...] = ("early", "late"),
    weights: tuple[float, ...] = (0.0, 0.5, 1.0),
    plan: str = "owl",
    number: int = 1,
) -> Evaluation:
    """An evaluation of files that need not be there, with two prompts and two seeds."""
    prompts = (Prompt("p1", "near", "an owl"), Prompt("p2", "other", "a chest"))
    cells = tuple(
        Cell("" if weight == 0 else name, weight, prompt.name, seed, key, f"pictures/{key}.png")
        for name in checkpoints
        for weight in weights
        for prompt in prompts
        for seed in (7, 8)
        for key in [f"{'' if weight == 0 else name}-{weight:g}-{prompt.name}-{seed}"]
    )
    question = {"plan": plan, "number": number, "files": list(checkpoints)}
    return record.save(
        Evaluation(
            plan=plan,
            number=number,
            digest=record.digest_of(question),
            at="2026-11-21T12:00:00Z",
            engine="starter",
            family="starter",
            training="object",
            trigger="ategnatos owl",
            dataset="owls",
            dataset_version=1,
            dataset_digest="0" * 64,
            run="",
            checkpoints=tuple(
                Checkpoint(name, f"workspace/{name}.safetensors", name.ljust(64, "0"))
                for name in checkpoints
            ),
            weights=weights,
            prompts=prompts,
            seeds=(7, 8),
            settings={},
            cells=tuple({one.key: one for one in cells}.values()),
            home=record.home_of(project, plan),
        )
    )
