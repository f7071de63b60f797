"""An evaluation through ComfyUI: what lies where the server looks, and what does not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ategnatos.grimoire.locks import hold
from ategnatos.grimoire.project import Project
from ategnatos.train.evaluation import making
from tests.comfyui.at_hand import account, fake
from tests.comfyui.fake import FakeComfyUI
from tests.conftest import Run
from tests.train.evaluation.test_evaluation import lora

__all__ = ["account", "fake"]

WORDS = ("--family", "sd15/base", "--weights", "1", "--seeds", "1", "--prompts", "one.txt",
         "--steps", "1", "--size", "64x64", "--json")  # fmt: skip


def _lists(fake: FakeComfyUI, name: str) -> None:
    """The server sees that file among its LoRAs."""
    for loader in ("LoraLoader", "LoraLoaderModelOnly"):
        info = json.loads(json.dumps(fake.object_info[loader]))
        info["input"]["required"]["lora_name"][0].append(name)
        fake.object_info[loader] = info


def _asked(project: Project) -> Path:
    """A LoRA to evaluate, and the one prompt for it."""
    (project.root / "one.txt").write_text("near: an inky cat\n", encoding="utf-8")
    return lora(project.root, "ink")


def _placed(project: Project, fake: FakeComfyUI, here: Path) -> tuple[Path, str, Path]:
    """The same with the name it has where the server looks, and with that folder."""
    file = _asked(project)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    name = f"ategnatos-ink-{digest[:12]}.safetensors"
    _lists(fake, name)
    loras = here / "models" / "loras"
    loras.mkdir(parents=True)
    return file, name, loras


def _loras(post: dict) -> dict[str, float]:
    return {
        node["inputs"]["lora_name"]: node["inputs"]["strength_model"]
        for node in post["prompt"].values()
        if "lora_name" in node["inputs"]
    }


def test_a_file_that_the_server_does_not_see_is_said_before_anything_is_made(
    run: Run, project: Project, fake: FakeComfyUI
) -> None:
    file = _asked(project)
    ran = run("train", "eval", "ink", "--files", file, *WORDS, cwd=project.root)
    error = ran.envelope["error"]
    assert error["code"] == "engine_cannot"
    assert "ink.safetensors" in json.dumps(error)
    assert fake.posts == []
    assert not (project.root / "workspace" / "training" / "ink").exists()


def test_placed_files_lie_where_the_server_looks_for_as_long_as_it_takes(
    run: Run, project: Project, fake: FakeComfyUI, tmp_path: Path
) -> None:
    file, name, loras = _placed(project, fake, tmp_path)
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
    file, name, loras = _placed(project, fake, tmp_path)
    words = ["--files", file, "--place", "--models", tmp_path / "models", *WORDS, "--dry-run"]
    with hold(project, making.lock_of("ink")):
        assert run("train", "eval", "ink", *words, cwd=project.root).code == 0
    assert (loras / name).is_file()
    assert run("train", "eval", "ink", *words, cwd=project.root).code == 0
    assert list(loras.iterdir()) == []
