"""What the real ai-toolkit does with its own folder: no save is lost to it, none is mistaken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.train.dataset.version import Version
from ategnatos.train.run.attempts import Attempt
from ategnatos.train.run.resuming import Point
from ategnatos.train.run.saves import Saves
from ategnatos.train.watching.monitor import Monitor
from ategnatos.trainers import Checkpoint, load_trainer
from ategnatos.trainers.events import Progress, Sampled, Saved
from ategnatos.trainers.lines import Lines
from ategnatos.trainers.plan import Plan
from tests.train.checkpoints import saves
from tests.trainers import plans


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Version]:
    project = Project.create(tmp_path_factory.mktemp("studio") / "studio")
    return project, plans.pictures(project)


@pytest.mark.parametrize(
    ("name", "taken"),
    [("sam", "samples"), ("con", "config.yaml"), ("optimizer", "optimizer.pt"), ("o", "optimizer")],
)
def test_a_name_that_its_own_files_begin_with_is_refused(
    studio: tuple[Project, Version], name: str, taken: str
) -> None:
    """Started as ``sam`` it goes on from the folder ``samples``, which is no save."""
    plan = plans.plan(studio[1], plans.usual("ai-toolkit"))
    chosen = load_trainer("ai-toolkit")
    assert taken in chosen.trains(replace_name(plan, name))
    assert chosen.trains(replace_name(plan, f"{name}uel-lora")) == ""


def replace_name(plan: Plan, name: str) -> Plan:
    return plan.model_copy(update={"name": name})


@pytest.mark.parametrize("part", ["anna_cn", "my_LoRA_art", "x_t2i", "[art] studio", "what?"])
def test_a_folder_in_which_it_finds_no_save_again_is_refused(
    studio: tuple[Project, Version], tmp_path: Path, part: str
) -> None:
    """Resumed there it begins anew, without a word."""
    project, version = studio
    plan = plans.plan(version, plans.usual("ai-toolkit"))
    chosen = load_trainer("ai-toolkit")
    folder = tmp_path / part / "runs" / "owl-1"
    dataset = plans.laid(project, plan, chosen.layout, folder)
    with pytest.raises(StudioError, match="begins anew"):
        chosen.translate(plan, dataset, folder)
    with pytest.raises(StudioError, match="begins anew"):
        chosen.dry_run(plan, dataset, folder)
    # With the same mark in the job's name it looks at them.
    if part.endswith("_cn"):
        named = replace_name(plan, "owl_cn")
        assert chosen.translate(named, dataset, folder).output == "output/owl_cn"


def test_a_run_goes_on_from_the_save_and_not_from_the_state_that_all_share(tmp_path: Path) -> None:
    weights = tmp_path / "owl_000000008.safetensors"
    found = Checkpoint(weights, tmp_path / "optimizer.pt", 8, None)
    point = Point(found, 8, None, (), ())  # type: ignore[arg-type]
    assert point.name == weights.name
    other = replace(found, weights=None, state=tmp_path / "owl-step00000008-state")
    assert replace(point, checkpoint=other).name == "owl-step00000008-state"


def test_pictures_belong_to_the_save_of_their_step_and_to_no_other(tmp_path: Path) -> None:
    output = tmp_path / "output" / "owl"
    (output / "samples" / ".thumbs").mkdir(parents=True)
    (output / "owl_000000004.safetensors").write_bytes(saves.tensors())
    for step in (4, 40, 4000):
        (output / "samples" / f"1795298757069__{step:09d}_0.jpg").touch()
    tried = Attempt(1, 0, "", "output/owl", 4000, "2026-11-21T22:00:00Z")
    looked = Saves(tmp_path, load_trainer("ai-toolkit"), "owl", 1)
    (entry,) = looked.look(tried, Monitor(4000), datetime.now(UTC), over=True)
    assert [Path(one).name for one in entry.samples] == ["1795298757069__000000004_0.jpg"]


def test_pictures_that_it_draws_between_steps_are_no_steps() -> None:
    """Bytes of a real run: the second bar is drawn below the first, and taken away again."""
    raw = (
        b"owl:  38%|###8      | 6/16 [00:49<00:46,  4.66s/it, lr: 6.0e-05 loss: 1.081e+00]\n"
        b"Saving at step 6\nSaved checkpoint to /r/output/owl/owl_000000006.safetensors\n"
        b"Saved optimizer to /r/output/owl/optimizer.pt\n\n"
        b"\rGenerating Images:   0%|          | 0/2 [00:00<?, ?it/s]\x1b[A\n"
        b"\rGenerating Images: 100%|##########| 2/2 [00:15<00:00,  8.15s/it]\x1b[A\n"
        b"\r                                          \x1b[A\n"
        b"\rowl:  44%|####3     | 7/16 [00:57<00:41,  4.66s/it, lr: 5.0e-05 loss: 1.071e+00]"
        b"\rowl:  50%|#####     | 8/16 [00:57<00:31,  3.94s/it, lr: 5.0e-05 loss: 1.071e+00]"
        b"Terminated\n"
    )
    parser, lines = load_trainer("ai-toolkit").parser(), Lines()
    found = [one for line in [*lines.feed(raw), *lines.close()] for one in parser.parse(line)]
    steps = [(one.step, one.loss_step) for one in found if isinstance(one, Progress)]
    assert steps == [(6, 7), (7, 8), (8, 8)]
    assert [one.step for one in found if isinstance(one, Saved)] == [6, 6]
    assert len([one for one in found if isinstance(one, Sampled)]) == 2
