"""An evaluation through ComfyUI: what lies where the server looks, and what does not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ategnatos.grimoire.locks import hold
from ategnatos.grimoire.project import Project
from ategnatos.train.evaluation import making
from tests.comfyui.fake import FakeComfyUI
from tests.conftest import Run
from tests.engines.test_comfyui_contract import serving
from tests.train.evaluation.test_evaluation import lora

WORDS = ("--family", "sd15/base", "--weights", "1", "--seeds", "1", "--prompts", "one.txt",
         "--steps", "1", "--size", "64x64", "--json")  # fmt: skip


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeComfyUI]:
    with serving() as (fake, server):
        monkeypatch.setenv("ATEGNATOS_COMFYUI_URL", server.url)
        yield fake


def _lists(fake: FakeComfyUI, name: str) -> None:
    """The server sees that file among its LoRAs."""
    for loader in ("LoraLoader", "LoraLoaderModelOnly"):
        info = json.loads(json.dumps(fake.object_info[loader]))
        info["input"]["required"]["lora_name"][0].append(name)
        fake.object_info[loader] = info


def _loras(post: dict) -> dict[str, float]:
    return {
        node["inputs"]["lora_name"]: node["inputs"]["strength_model"]
        for node in post["prompt"].values()
        if "lora_name" in node["inputs"]
    }


def test_a_file_that_the_server_does_not_see_is_said_before_anything_is_made(
    run: Run, project: Project, fake: FakeComfyUI
) -> None:
    file = lora(project.root, "ink")
    (project.root / "one.txt").write_text("near: an inky cat\n", encoding="utf-8")
    ran = run("train", "eval", "ink", "--files", file, *WORDS, cwd=project.root)
    error = ran.envelope["error"]
    assert error["code"] == "engine_cannot"
    assert "ink.safetensors" in json.dumps(error)
    assert fake.posts == []
    assert not (project.root / "workspace" / "training" / "ink").exists()


def test_placed_files_lie_where_the_server_looks_for_as_long_as_it_takes(
    run: Run, project: Project, fake: FakeComfyUI, tmp_path: Path
) -> None:
    file = lora(project.root, "ink")
    (project.root / "one.txt").write_text("near: an inky cat\n", encoding="utf-8")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    name = f"ategnatos-ink-{digest[:12]}.safetensors"
    _lists(fake, name)
    loras = tmp_path / "models" / "loras"
    loras.mkdir(parents=True)
    seen: list[bool] = []
    fake.before_post = lambda: seen.append((loras / name).is_file())
    words = ["--place", "--models", tmp_path / "models", *WORDS]
    ran = run("train", "eval", "ink", "--files", file, *words, cwd=project.root)
    assert ran.code == 0, ran.out
    assert (ran.data["pictures"], ran.data["made"]) == (2, 2)
    assert [_loras(post) for post in fake.posts] == [{}, {name: 1.0}]
    assert seen == [True, True]
    assert list(loras.iterdir()) == []
    again = run("train", "eval", "ink", "--files", file, *words, cwd=project.root)
    assert again.data["made"] == 0
    assert len(fake.posts) == 2


def test_placed_files_are_left_to_the_evaluation_that_reads_them(
    run: Run, project: Project, fake: FakeComfyUI, tmp_path: Path
) -> None:
    file = lora(project.root, "ink")
    (project.root / "one.txt").write_text("near: an inky cat\n", encoding="utf-8")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    name = f"ategnatos-ink-{digest[:12]}.safetensors"
    _lists(fake, name)
    loras = tmp_path / "models" / "loras"
    loras.mkdir(parents=True)
    words = ["--files", file, "--place", "--models", tmp_path / "models", *WORDS, "--dry-run"]
    with hold(project, making.lock_of("ink")):
        assert run("train", "eval", "ink", *words, cwd=project.root).code == 0
    assert (loras / name).is_file()
    assert run("train", "eval", "ink", *words, cwd=project.root).code == 0
    assert list(loras.iterdir()) == []
