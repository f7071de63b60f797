"""A machine's own runs move the estimate: towards them, on that machine alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ategnatos.grimoire import documents, journal
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.train.vram import measured
from ategnatos.train.vram.estimate import estimate, shipped
from ategnatos.train.vram.workload import of_plan
from ategnatos.trainers.plan import Plan
from tests.trainers.plans import large as plan

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def ran(project: Project, number: int, made: Plan, gb: float, machine: str = "tower") -> None:
    measured.record_peak(
        project,
        run=f"run{number}",
        machine=machine,
        plan=made,
        trainer="kohya",
        gb=gb,
        gpu="NVIDIA GeForce RTX 4090",
        now=NOW + timedelta(hours=number),
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.create(tmp_path / "studio")


def test_without_runs_a_machine_is_like_any_other(project: Project) -> None:
    made = measured.for_plan(project, plan(), "kohya", "tower")
    assert made.likely == estimate(of_plan(plan(), "kohya")).likely
    assert made.calibration.readings == 0


def test_readings_of_a_machine_move_its_estimate_of_plans_that_never_ran(project: Project) -> None:
    # A desktop and a picture server hold 3 GiB on this machine, and its allocator wastes more.
    def truth(one: Plan) -> float:
        shape = estimate(of_plan(one, "kohya"))
        return shape.likely + 3.0 + 0.15 * shape.parts["working"]

    unseen = plan(batch=6, rank=64)
    before = measured.for_plan(project, unseen, "kohya", "tower").likely
    errors = [abs(before / truth(unseen) - 1)]
    for number, values in enumerate(({"batch": 1}, {"batch": 4}, {"rank": 16}, {"batch": 2})):
        one = plan(**values)
        ran(project, number, one, truth(one))
        after = measured.for_plan(project, unseen, "kohya", "tower").likely
        errors.append(abs(after / truth(unseen) - 1))
    assert errors[0] > 0.15
    assert errors[-1] < 0.04
    assert measured.for_plan(project, unseen, "kohya", "laptop").likely == before


def test_the_bars_draw_in_as_readings_agree_and_open_as_they_do_not(project: Project) -> None:
    for number in range(6):
        one = plan(batch=number + 1)
        ran(project, number, one, estimate(of_plan(one, "kohya")).likely)
    calm = measured.calibration(project, "tower")
    assert calm.above < shipped().above
    for number in range(6):
        one = plan(batch=number + 1)
        off = 1.35 if number % 2 else 0.7
        ran(project, number, one, estimate(of_plan(one, "kohya")).likely * off, "wild")
    wild = measured.calibration(project, "wild")
    assert wild.above > shipped().above
    assert wild.below > shipped().below


def test_a_plan_that_ran_is_answered_by_what_it_took(project: Project) -> None:
    ran(project, 1, plan(), 12.5)
    made = measured.for_plan(project, plan(), "kohya", "tower")
    assert made.likely == 12.5
    assert made.low < 12.5 < made.high < 13.1
    assert sum(made.parts.values()) == pytest.approx(12.5)
    assert measured.for_plan(project, plan(rank=33), "kohya", "tower").likely != 12.5


def test_the_same_run_twice_is_one_reading_and_stands_in_the_journal(project: Project) -> None:
    ran(project, 1, plan(), 12.5)
    ran(project, 1, plan(), 12.75)
    peaks = documents.read(project, "vram").peaks
    assert [one.gb for one in peaks] == [12.75]
    kinds = [one.kind for one in journal.read(project)]
    assert kinds.count(measured.PEAK_EVENT) == 2


@pytest.mark.parametrize("gb", [0.0, -1.0, 24576.0, float("nan"), float("inf")])
def test_a_peak_that_no_gpu_has_is_refused_and_nothing_is_kept(project: Project, gb: float) -> None:
    with pytest.raises(StudioError) as refused:
        ran(project, 1, plan(), gb)
    assert refused.value.code is measured.PEAK_ODD
    assert documents.read(project, "vram").peaks == []
