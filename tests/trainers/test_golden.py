"""The files of some plans as a person read them through. A change of one shows as a difference.

After a change that is meant, run ``python -m tests.trainers.test_golden`` and read what differs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from ategnatos.grimoire.project import Project
from ategnatos.trainers import Translation, load_trainer
from tests.trainers import plans

GOLDEN = Path(__file__).parent / "golden"
PLANS = {
    "kohya-sdxl": ("kohya", "sdxl/base", {}),
    "kohya-flux1": ("kohya", "flux1/dev", {"samples": plans.SAMPLES, "sample_every_epochs": 3}),
    "simpletuner-z-image": ("simpletuner", "z-image/turbo", {"model": ""}),
    "musubi-qwen-image": ("musubi", "qwen-image/2512", {"validation": True, "keep": 3}),
    "musubi-flux2": (
        "musubi",
        "flux2/klein-base-9b",
        {"samples": plans.SAMPLES, "sample_every_epochs": 3, "block_swap": 90},
    ),
    "ai-toolkit-qwen-image": ("ai-toolkit", "qwen-image/2512", {"model": "", "validation": True}),
}


def made(name: str, project: Project) -> Translation:
    trainer, family, values = PLANS[name]
    version = plans.pictures(project, apart=1)
    parts = plans.parts(family, trainer) if trainer in ("kohya", "musubi") else {}
    plan = plans.plan(version, family, "standard", **{"parts": parts, **values})
    chosen = load_trainer(trainer)
    folder = Path("/runs/owl")
    return chosen.translate(plan, plans.laid(project, plan, chosen.layout, folder), folder)


def told(translation: Translation) -> dict[str, bytes]:
    """The files, and beside them the command line and the losses as text."""
    lines = [
        *(
            f"before: {one.name} ({one.mark}): {' '.join(one.command)}"
            for one in translation.before
        ),
        " ".join(translation.command),
        f"in {translation.cwd}, output {translation.output}, {translation.steps} steps",
        *(f"{key}={value}" for key, value in translation.environment.items()),
        *(
            f"{one.field} {one.kind}: {one.asked} -> {one.gets} ({one.why})"
            for one in translation.losses
        ),
    ]
    return {**translation.files, "told.txt": "\n".join(lines).encode() + b"\n"}


@pytest.mark.parametrize("name", PLANS)
def test_the_files_are_those_that_were_read(name: str, project: Project) -> None:
    found = told(made(name, project))
    kept = {one.name: one.read_bytes() for one in (GOLDEN / name).iterdir()}
    assert found == kept


if __name__ == "__main__":
    for one in PLANS:
        with tempfile.TemporaryDirectory() as place:
            (GOLDEN / one).mkdir(parents=True, exist_ok=True)
            for file, raw in told(made(one, Project.create(Path(place) / "studio"))).items():
                (GOLDEN / one / file).write_bytes(raw)
