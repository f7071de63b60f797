"""Every trainer that comes with the package keeps the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from ategnatos.grimoire.project import Project
from ategnatos.trainers import installed_trainers, load_trainer
from tests.trainers import plans
from tests.trainers.contract import Case, TrainerContract

FAMILIES = {
    "kohya": "sdxl/base",
    "simpletuner": "sdxl/base",
    "ai-toolkit": "sdxl/base",
    "musubi": "qwen-image/base",
    "accelerate": "sdxl/base",
    "starter": "starter",
}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    project = Project.create(tmp_path_factory.mktemp("studio") / "studio")
    version = plans.pictures(project, apart=1)
    made = {}
    for name, family in FAMILIES.items():
        trainer = load_trainer(name)
        model = {"starter": "", "accelerate": "/models/base"}.get(name, "/models/base.safetensors")
        parts = plans.parts(family, name) if name == "musubi" else {}
        plan = plans.plan(version, family, "standard", model=model, parts=parts)
        folder = project.workspace / "training" / "owl" / name
        folder.mkdir(parents=True)
        made[name] = Case(trainer, plan, plans.laid(project, plan, trainer.layout, folder), folder)
    return made


class TestOurs(TrainerContract):
    @pytest.fixture(params=sorted(FAMILIES))
    def case(self, request: pytest.FixtureRequest, cases: dict[str, Case]) -> Case:
        return cases[request.param]


def test_none_is_left_out() -> None:
    assert set(installed_trainers()) == set(FAMILIES)


def test_a_stranger_would_be_caught(cases: dict[str, Case], tmp_path: Path) -> None:
    """The suite is no rubber stamp: a trainer that writes while it translates does not pass."""

    class Careless:
        def __init__(self) -> None:
            self.__dict__.update(vars(cases["starter"].trainer))

        def __getattr__(self, name: str) -> object:
            return getattr(cases["starter"].trainer, name)

        def translate(self, plan: object, dataset: object, folder: Path) -> object:
            (folder / "left.txt").write_text("oh", encoding="utf-8")
            return cases["starter"].trainer.translate(plan, dataset, folder)  # type: ignore[arg-type]

    one = cases["starter"]
    careless = Case(Careless(), one.plan, one.dataset, tmp_path)  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        TrainerContract().test_a_translation_can_be_started_and_writes_nothing(careless)
