"""The model's files: what is checked when they are opened, and what is shared afterwards."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.starter import threads
from ategnatos.starter.description import SHIPPED
from ategnatos.starter.errors import STARTER_WEIGHTS
from ategnatos.starter.model import StarterModel, load_model
from ategnatos.starter.weights import Weights


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped model to damage."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "model"))


def setting(file: str, key: str, value: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / file
        config = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(config | {key: value}), encoding="utf-8")

    return change


def content(file: str, text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).write_text(text, encoding="utf-8") and None


def without(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (without("unet/config.json"), "unet/config.json"),
        (without("unet/diffusion_pytorch_model.safetensors"), "unet/diffusion_pytorch_model"),
        (without("tokenizer/merges.txt"), "tokenizer/merges.txt"),
        (content("vae/config.json", "{"), "vae/config.json"),
        (content("vae/config.json", "[]"), "vae/config.json"),
        (content("text_encoder/model.safetensors", "x" * 99), "text_encoder/model.safetensors"),
        (setting("unet/config.json", "act_fn", "gelu"), "act_fn = 'gelu'"),
        (setting("unet/config.json", "down_block_types", ["KDownBlock2D"]), "KDownBlock2D"),
        (setting("text_encoder/config.json", "hidden_act", "relu"), "relu"),
        (setting("vae/config.json", "num_decoder_blocks", [3]), "num_decoder_blocks"),
        (setting("scheduler/scheduler_config.json", "prediction_type", "epsilon"), "epsilon"),
        (setting("scheduler/scheduler_config.json", "solver_order", 3), "3"),
        (setting("tokenizer/tokenizer_config.json", "pad_token", "nothing"), "nothing"),
    ],
)
def test_a_model_that_would_be_computed_wrongly_is_refused(
    folder: Path, damage: Callable[[Path], None], named: str
) -> None:
    damage(folder)
    with pytest.raises(StudioError) as refused:
        StarterModel(folder)
    assert refused.value.code == STARTER_WEIGHTS
    assert named in refused.value.message
    assert "pip install" in refused.value.hint


def test_a_model_is_loaded_once_a_process() -> None:
    assert load_model() is load_model(SHIPPED)


def test_the_hash_is_that_of_the_files_and_not_of_their_description(
    folder: Path, model: StarterModel
) -> None:
    (folder / "README.md").write_text("other words", encoding="utf-8")
    assert StarterModel(folder).sha256 == model.sha256
    setting("scheduler/scheduler_config.json", "note", 1)(folder)
    assert StarterModel(folder).sha256 != model.sha256


def test_a_convolution_becomes_a_matrix_in_the_order_of_a_window() -> None:
    kernel = np.random.default_rng(0).standard_normal((5, 3, 2, 2)).astype(np.float16)
    matrix = Weights({"a.weight": kernel}).matrix("a.weight")
    assert matrix.dtype == np.float32
    assert (matrix == kernel.transpose(2, 3, 1, 0).reshape(-1, 5)).all()


def test_what_a_change_leaves_alone_is_shared() -> None:
    base = Weights({"a.weight": np.ones((2, 2)), "b.weight": np.ones((2, 2))})
    changed = base.with_changes({"a.weight": np.full((2, 2), 0.5, np.float32)})
    assert changed.matrix("b.weight") is base.matrix("b.weight")
    assert changed.matrix("a.weight").tolist() == [[1.5, 1.5], [1.5, 1.5]]
    assert base.matrix("a.weight").tolist() == [[1, 1], [1, 1]]


def test_blas_gets_its_threads_back() -> None:
    functions = threads._blas_thread_functions()
    if functions is None:
        pytest.skip("this numpy has another BLAS, which is left as it is")
    before = functions[0]()
    with threads.one_core_a_product(), threads.one_core_a_product():
        assert functions[0]() == 1
    assert functions[0]() == before
