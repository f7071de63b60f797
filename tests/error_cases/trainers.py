"""Codes of the trainers' Protocol and of the plan they share."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ategnatos import trainers
from ategnatos.trainers.plan import Plan, read


def _plan() -> Plan:
    return read(
        {
            "name": "owl",
            "family": "sdxl/base",
            "dataset": "owl",
            "dataset_version": 1,
            "dataset_digest": "d" * 64,
        }
    )


def _no_pictures(folder: Path) -> None:
    class Willing:
        name = layout = "kohya"

        def trains(self, plan: Plan) -> str:
            return ""

    empty = trainers.Dataset("owl", 1, "d" * 64, "kohya", PurePosixPath("/data"), (), (), 0, 0, 0)
    trainers.check(Willing(), _plan(), empty)  # type: ignore[arg-type]


def _declared_and_broken(folder: Path) -> None:
    """A package that declares a trainer whose module is gone."""
    import sys

    package = folder / "packages"
    (package / "stale-1.0.dist-info").mkdir(parents=True)
    (package / "stale-1.0.dist-info" / "METADATA").write_text("Name: stale\nVersion: 1.0\n")
    (package / "stale-1.0.dist-info" / "entry_points.txt").write_text(
        "[ategnatos.trainers]\nstale = stale_module:Trainer\n"
    )
    sys.path.insert(0, str(package))
    try:
        trainers.load_trainer("stale")
    finally:
        sys.path.remove(str(package))


CASES = {
    "plan_invalid": lambda folder: _plan().change(rank="32"),
    "trainer_unknown": lambda folder: trainers.load_trainer("nobody"),
    "trainer_unavailable": _declared_and_broken,
    "trainer_cannot": _no_pictures,
}
