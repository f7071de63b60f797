"""What every trainer must do, ours or a stranger's.

Subclass :class:`TrainerContract` in a test module and give it ``case``: a trainer, a plan that it
trains, a dataset laid out for it, and the folder of the run. A stranger's trainer needs nothing
else of these tests.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ategnatos.grimoire.errors import StudioError
from ategnatos.trainers import (
    TRAINER_CANNOT,
    Checkpoint,
    Dataset,
    Parser,
    Trainer,
    Translation,
)
from ategnatos.trainers.events import Event
from ategnatos.trainers.plan import Plan


@dataclass(frozen=True)
class Case:
    """A trainer with what it can train."""

    trainer: Trainer
    plan: Plan
    dataset: Dataset
    folder: Path

    def translated(self, **values: Any) -> Translation:
        return self.trainer.translate(self.plan.change(**values), self.dataset, self.folder)


def in_it(path: str) -> bool:
    """Whether a path stays within the folder that it is relative to."""
    parts = PurePosixPath(path)
    return bool(path) and not parts.is_absolute() and ".." not in parts.parts


class TrainerContract:
    """The tests; subclasses give ``case``."""

    @pytest.fixture
    def case(self, request: pytest.FixtureRequest) -> Case:
        raise NotImplementedError

    def test_it_is_a_trainer(self, case: Case) -> None:
        assert isinstance(case.trainer, Trainer)
        assert isinstance(case.trainer.parser(), Parser)
        assert case.trainer.name
        assert case.trainer.label
        assert case.trainer.trains(case.plan) == ""

    def test_a_translation_can_be_started_and_writes_nothing(self, case: Case) -> None:
        before = sorted(case.folder.rglob("*"))
        made = case.translated()
        assert sorted(case.folder.rglob("*")) == before
        assert made.files
        assert all(in_it(name) and isinstance(raw, bytes) for name, raw in made.files.items())
        assert in_it(made.output)
        assert made.steps == case.dataset.steps > 0
        command, _, environment = made.placed("/opt/home", "/opt/python")
        assert command
        for text in (*command, *environment.values()):
            assert isinstance(text, str)
            assert "{home}" not in text
            assert "{python}" not in text

    def test_the_same_plan_says_the_same(self, case: Case) -> None:
        assert case.translated() == case.translated()

    def test_another_seed_or_rank_is_not_lost(self, case: Case) -> None:
        for values in ({"seed": case.plan.seed + 1}, {"rank": case.plan.rank * 2}):
            assert case.translated(**values).files != case.translated().files

    def test_a_loss_names_a_value_of_the_plan_and_why(self, case: Case) -> None:
        for one in case.translated().losses:
            assert one.field in {*Plan.model_fields, "masks"}
            assert one.kind in ("dropped", "approximated", "fixed")
            assert one.gets
            assert one.why

    def test_what_would_be_worthless_is_refused(self, case: Case) -> None:
        for wrong in (
            dataclasses.replace(case.dataset, subsets=()),
            dataclasses.replace(case.dataset, digest="0" * 64),
            dataclasses.replace(case.dataset, layout="another"),
        ):
            with pytest.raises(StudioError) as refused:
                case.trainer.translate(case.plan, wrong, case.folder)
            assert refused.value.code == TRAINER_CANNOT
        unknown = case.plan.model_copy(update={"family": "no-such-family/base"})
        assert case.trainer.trains(unknown)
        with pytest.raises(StudioError):
            case.trainer.translate(unknown, case.dataset, case.folder)

    def test_a_dry_run_is_short_and_keeps_out_of_the_run(self, case: Case) -> None:
        real = case.translated()
        dry = case.trainer.dry_run(case.plan, case.dataset, case.folder, 3)
        assert dry.steps == 3
        assert dry.output != real.output
        assert not set(dry.files) & set(real.files) or dry.files != real.files

    def test_nothing_is_resumed_from_nothing(self, case: Case) -> None:
        point = Checkpoint(None, None, None, None)
        with pytest.raises(StudioError) as refused:
            case.trainer.resume(case.plan, case.dataset, case.folder, point)
        assert refused.value.code == TRAINER_CANNOT
        assert refused.value.hint

    @settings(
        max_examples=60,
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.differing_executors,
        ],
    )
    @given(lines=st.lists(st.text(max_size=120), max_size=8))
    def test_a_parser_takes_any_line(self, case: Case, lines: list[str]) -> None:
        parser = case.trainer.parser()
        for line in [*lines, "\x1b[31m" + "".join(lines), "\x00", ""]:
            found = parser.parse(line)
            assert isinstance(found, tuple)
            assert all(isinstance(one, get_args(Event)) for one in found)

    def test_an_output_that_is_empty_or_gone_holds_no_checkpoint(
        self, case: Case, tmp_path: Path
    ) -> None:
        assert case.trainer.checkpoints(tmp_path, case.plan.name) == ()
        assert case.trainer.checkpoints(tmp_path / "gone", case.plan.name) == ()
        (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
        assert case.trainer.checkpoints(tmp_path, case.plan.name) == ()

    def test_a_machine_that_cannot_be_asked_has_no_trainer(self, case: Case) -> None:
        def silent(command: Any) -> tuple[int, str]:
            raise OSError("no route to host")

        for ask in (silent, lambda command: (127, "not found"), lambda command: (0, "?")):
            found = case.trainer.detect(ask, "")
            assert not found.ok
            assert found.message
            assert found.hint

    def test_it_says_what_it_was_tested_with(self, case: Case) -> None:
        assert case.trainer.versions().tested
        assert all(case.trainer.versions().tested)

    def test_paths_of_the_training_machine_are_enough(self, case: Case) -> None:
        """The machine may be another one: nothing is looked for where the plan is translated."""
        far = PurePosixPath("/far/away/run")
        moved = dataclasses.replace(case.dataset, root=PurePath("/far/away/data"))
        assert case.trainer.translate(case.plan, moved, far).files
