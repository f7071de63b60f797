"""A vision model of the user's looks at the pictures, in a process of its own."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.train.dataset import store
from ategnatos.train.evaluation import embedding, record, reporting
from tests.train.dataset.pictures import dataset
from tests.train.evaluation.blender import Blender
from tests.train.evaluation.test_evaluation import made, planned


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model by chance: equal pictures have equal vectors, and others have not."""
    pytest.importorskip("torch", reason="needs the extra 'torch'")
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

    folder = tmp_path_factory.mktemp("model")
    small = Dinov2Config(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14
    )
    Dinov2Model(small).save_pretrained(folder)
    size = {"height": 28, "width": 28}
    BitImageProcessor(size=size, crop_size=size, do_center_crop=False).save_pretrained(folder)
    return folder


@pytest.mark.torch
def test_a_copy_is_as_close_as_can_be(project: Project, model: Path) -> None:
    version = dataset(project, captioned=True)
    copied = store.path_of(project, "owls", "003.png", version.by_name()["003.png"].sha256)
    engine = Blender(
        draws=lambda request, seed: (
            copied.read_bytes() if any(one.weight == 1 for one in request.loras) else None
        )
    )
    done = made(project, engine, planned(project, engine, "late", version=version))
    seen = embedding.add(project, done, model, sys.executable)
    columns = {one["weight"]: one["closeness"] for one in seen.numbers["columns"]}
    assert columns[1.0] == pytest.approx(1, abs=1e-5)
    assert columns[0.5] < 0.9999
    assert seen.numbers["embedding"]["model"] == "Dinov2Model"
    assert record.load(project, "owl") == seen
    assert "closeness" in (seen.folder / reporting.REPORT).read_text(encoding="utf-8")
    page = (project.root / "grimoire/training/owl/eval.md").read_text(encoding="utf-8")
    table = page.partition("## Numbers")[2].partition("Another seed")[0]
    assert {row.count("|") for row in table.splitlines() if row.startswith("|")} == {10}


def test_what_is_no_model_and_no_python_is_said(project: Project, tmp_path: Path) -> None:
    version = dataset(project, captioned=True)
    engine = Blender()
    done = made(project, engine, planned(project, engine, "late", version=version))
    with pytest.raises(StudioError, match=r"config\.json"):
        embedding.add(project, done, tmp_path, sys.executable)
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StudioError, match="could not be run"):
        embedding.add(project, done, tmp_path, str(tmp_path / "no-python"))
    with pytest.raises(StudioError, match="it said nothing") as refused:
        embedding.add(project, done, tmp_path, shutil.which("false") or "")
    assert refused.value.code is embedding.EMBEDDING_FAILED
    assert record.load(project, "owl") == done
