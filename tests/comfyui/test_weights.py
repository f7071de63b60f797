"""The record says which weights made a picture, where that is known for certain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ategnatos.grimoire.project import Project
from ategnatos.pictures.metadata import read_raw_texts
from tests.comfyui.at_hand import account, fake
from tests.comfyui.fake import FakeComfyUI
from tests.conftest import Run
from tests.engines.test_comfyui_contract import CHECKPOINT
from tests.studio.models.conftest import safetensors
from tests.studio.models.test_header import SD15

__all__ = ["account", "fake"]

ORDER = ("art", "generate", "a red potion", "--engine", "comfyui", "--family", "sd15/base",
         "--steps", "2", "--size", "64x64", "-n", "1", "--json")  # fmt: skip


@pytest.fixture
def checkpoint(tmp_path: Path, fake: FakeComfyUI) -> Path:
    """The model's file on this machine; the server says of it what it says of every file."""
    path = tmp_path / "models" / "checkpoints" / CHECKPOINT
    path.parent.mkdir(parents=True)
    path.write_bytes(safetensors(SD15))
    facts = path.stat()
    fake.model_files["checkpoints"] = [
        {
            "name": CHECKPOINT,
            "pathIndex": 0,
            "modified": facts.st_mtime,
            "created": facts.st_ctime,
            "size": facts.st_size,
        }
    ]
    return path


def scanned(run: Run, project: Project, checkpoint: Path) -> str:
    models = checkpoint.parent.parent
    ran = run("studio", "models", "scan", "--models", models, "--json", cwd=project.root)
    assert ran.code == 0, ran.out
    (entry,) = json.loads((project.state / "models.json").read_bytes())["files"]
    return str(entry["sha256"])


def settings(run: Run, project: Project, *more: str) -> dict[str, Any]:
    ran = run(*ORDER, *more, cwd=project.root)
    assert ran.code == 0, ran.out
    return inside(ran.data["candidates"][0])


def inside(candidate: dict[str, Any]) -> dict[str, Any]:
    """The settings that the picture itself carries."""
    texts, _ = read_raw_texts(Path(candidate["path"]).read_bytes())
    made_with: dict[str, Any] = json.loads(texts["ategnatos"])["settings"]
    return made_with


def test_the_hash_of_the_inventory_is_that_of_the_servers_file(
    run: Run, project: Project, checkpoint: Path
) -> None:
    digest = scanned(run, project, checkpoint)
    checkpoint.unlink()  # nothing is read again
    made_with = settings(run, project)
    assert (made_with["model_file"], made_with["model_sha256"]) == (CHECKPOINT, digest)


@pytest.mark.parametrize("change", [{"size": 7}, {"modified": 1.0}, {"name": "other.safetensors"}])
def test_another_file_of_that_name_has_no_hash(
    run: Run, project: Project, checkpoint: Path, fake: FakeComfyUI, change: dict[str, Any]
) -> None:
    scanned(run, project, checkpoint)
    fake.model_files["checkpoints"][0].update(change)
    assert settings(run, project)["model_sha256"] is None


def test_a_server_that_says_nothing_of_its_files_leaves_it_unknown(
    run: Run, project: Project, checkpoint: Path, fake: FakeComfyUI
) -> None:
    scanned(run, project, checkpoint)
    fake.model_files.clear()
    assert settings(run, project)["model_sha256"] is None


def test_a_studio_without_an_inventory_asks_nothing(
    run: Run, project: Project, fake: FakeComfyUI
) -> None:
    assert settings(run, project)["model_sha256"] is None
    assert not [path for _, path, _ in fake.requests if "experiment" in path]


def test_a_lost_picture_comes_back_whatever_was_learned_since(
    run: Run, project: Project, checkpoint: Path
) -> None:
    first = run(*ORDER, cwd=project.root).data["candidates"][0]
    before = Path(first["path"]).read_bytes()
    Path(first["path"]).unlink()
    scanned(run, project, checkpoint)
    assert run(*ORDER, cwd=project.root).code == 0
    assert Path(first["path"]).read_bytes() == before


def test_every_file_of_the_graph_is_named(
    run: Run, project: Project, checkpoint: Path, fake: FakeComfyUI
) -> None:
    lora = checkpoint.parent.parent / "loras" / "ink" / "ink.safetensors"
    lora.parent.mkdir(parents=True)
    lora.write_bytes(safetensors({"x.lora_up.weight": (2, 2)}))
    facts = lora.stat()
    fake.model_files["loras"] = [
        {"name": "ink\\ink.safetensors", "modified": facts.st_mtime, "size": facts.st_size}
    ]
    graph = json.loads(run("studio", "workflow", "get", "txt2img", "--family", "sd15").out)
    graph["ink"] = {
        "class_type": "LoraLoader",
        "inputs": {
            "model": ["checkpoint", 0], "clip": ["checkpoint", 1], "strength_model": 0.5,
            "strength_clip": 0.5, "lora_name": "ink\\ink.safetensors",
        },
    }  # fmt: skip
    graph["sampler"]["inputs"]["model"] = ["ink", 0]
    info = json.loads(json.dumps(fake.object_info["LoraLoader"]))
    info["input"]["required"]["lora_name"][0].append("ink\\ink.safetensors")
    fake.object_info["LoraLoader"] = info
    path = project.root / "mine.json"
    path.write_text(json.dumps(graph))
    run("studio", "models", "scan", "--models", checkpoint.parent.parent, cwd=project.root)
    order = ("art", "generate", "--engine", "comfyui", "--workflow", path, "-n", "1", "--json")
    ran = run(*order, cwd=project.root)
    assert ran.code == 0, ran.out
    made_with = inside(ran.data["candidates"][0])
    files = json.loads((project.state / "models.json").read_bytes())["files"]
    digests = {one["name"]: one["sha256"] for one in files}
    assert made_with["weights"] == [
        {"name": "ink\\ink.safetensors", "sha256": digests["ink/ink.safetensors"]}
    ]
    assert made_with["model_sha256"] == digests[CHECKPOINT]
