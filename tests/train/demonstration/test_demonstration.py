"""The owl of ``quickstart --train``: its record, its process, its sweep."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.starter.words import vocabulary
from ategnatos.studio.init import init_studio
from ategnatos.train import sweep
from ategnatos.train.demonstration import owl, process
from ategnatos.train.plan import store
from ategnatos.trainers import events
from tests.conftest import Run

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def studio(tmp_path: Path) -> Project:
    return init_studio(tmp_path / "studio").project


def short(project: Project, with_prior: bool = False) -> store.Kept:
    """The owl's plan, with four steps instead of hundreds."""
    version = owl.owls(project, "test", NOW)
    if with_prior:
        owl.prior(project, "test", NOW)
    owl.plan(project, version, with_prior, "test", NOW)
    values = {"steps": 4, "save_every_steps": 2, "rank": 2, "conv_rank": 2, "batch": 2}
    store.change(project, owl.PLAN, values, actor="test", because="a test", now=NOW)
    return store.load(project, owl.PLAN)


def test_from_packaged_pictures_to_a_lora_and_its_sweep(studio: Project) -> None:
    laid = owl.lay_out(studio, short(studio, with_prior=True))
    assert [(one.pictures, one.regularisation) for one in laid.dataset.subsets] == [
        (16, False),
        (4, True),
    ]
    seen: list[events.Event] = []
    process.run(laid, seen.append)
    steps = [one.step for one in seen if isinstance(one, events.Progress)]
    assert steps == [1, 2, 3, 4]
    assert laid.lora.is_file()
    assert (laid.place / process.LOG).read_text().count("\nstep ") == 4
    rows: list[tuple[int, int]] = []
    raw = sweep.draw(
        laid.lora,
        [sweep.Column("an ategnatos owl", 1)],
        (0.0, 4.0),
        lambda done, of: rows.append((done, of)),
    )
    assert rows == [(1, 2), (2, 2)]
    with Image.open(io.BytesIO(raw)) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    cells = [row for row in range(len(pixels)) if (pixels[row] == (150, 203, 240)).all(-1).any()]
    assert len(cells) > 2 * 90, "two rows of pictures"
    half = (cells[0] + cells[-1]) // 2
    upper, lower = pixels[cells[0] : cells[0] + 90], pixels[half + 5 : half + 95]
    assert np.abs(upper - lower).max() > 100, "the weight changes the pictures"


def test_stopped_half_way_it_goes_on_where_it_was(studio: Project) -> None:
    kept = short(studio)
    laid = owl.lay_out(studio, kept)

    def ctrl_c(event: events.Event) -> None:
        if isinstance(event, events.Progress) and event.step == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        process.run(laid, ctrl_c)
    again = owl.lay_out(studio, kept)
    seen: list[events.Event] = []
    process.run(again, seen.append)
    resumed = [
        one.value for one in seen if isinstance(one, events.Fact) and one.name == "resumed_at"
    ]
    steps = [one.step for one in seen if isinstance(one, events.Progress)]
    assert resumed, "the first process saved when it was asked to stop"
    assert steps == list(range(resumed[0] + 1, 5))
    assert again.lora.is_file()


def test_the_same_plan_is_taken_again_and_another_one_is_not(studio: Project) -> None:
    version = owl.owls(studio, "test", NOW)
    assert owl.owls(studio, "test", NOW).digest() == version.digest()
    first = owl.plan(studio, version, False, "test", NOW)
    assert owl.plan(studio, version, False, "test", NOW).digest == first.digest
    with pytest.raises(StudioError) as refused:
        owl.plan(studio, version, True, "test", NOW)
    assert refused.value.code == store.PLAN_EXISTS


def test_the_model_knows_no_owl_and_every_other_word_of_the_captions() -> None:
    known = vocabulary()
    words = set()
    for path in owl.PACKAGED.glob("*.txt"):
        words |= set(path.read_text().replace(",", " ").split())
    assert "owl" not in known.kinds
    assert {word for word in words if word not in known} == {"ategnatos", "owl"}


def test_a_dry_run_writes_nothing(program: Run, tmp_path: Path) -> None:
    done = program("quickstart", "s", "--train", "--dry-run", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.data["dry_run"]
    assert not (tmp_path / "s").exists()
