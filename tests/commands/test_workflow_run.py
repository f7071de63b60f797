"""The commands that run workflows on ComfyUI, used as a person and an agent use them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ategnatos.grimoire.project import Project
from tests.comfyui.conftest import trivial, with_node
from tests.comfyui.fake import FakeComfyUI
from tests.comfyui.fake_http import application
from tests.comfyui.wire import Loopback
from tests.conftest import Run


@pytest.fixture
def comfyui(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[FakeComfyUI, Loopback]]:
    """A fake that the environment names, and locks of this test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    fake = FakeComfyUI()
    with Loopback(application(fake)) as server:
        monkeypatch.setenv("ATEGNATOS_COMFYUI_URL", server.url)
        yield fake, server


def workflow(folder: Path, graph: dict[str, Any]) -> Path:
    path = folder / "my graph.json"
    path.write_text(json.dumps(graph))
    return path


def test_every_file_of_a_workflow_is_brought(
    comfyui: tuple[FakeComfyUI, Loopback], run: Run, tmp_path: Path
) -> None:
    graph = trivial(prefix="inner/a & b")
    graph["3"] = {
        "class_type": "VHS_VideoCombine", "inputs": {"images": ["1", 0], "filename_prefix": "v"},
    }  # fmt: skip
    comfyui[0].object_info.pop("VHS_VideoCombine", None)
    made = run(
        "studio", "workflow", "run", workflow(tmp_path, graph), "--output", tmp_path / "made",
        "--json", cwd=tmp_path,
    )  # fmt: skip
    files = {Path(one["path"]).relative_to(tmp_path / "made"): one for one in made.data["files"]}
    assert set(files) == {Path("inner/a & b_00001_.png"), Path("v_00001_.mp4")}
    assert all(one["verified"] and one["bytes"] for one in files.values())


def test_values_and_pictures_are_put_in(
    comfyui: tuple[FakeComfyUI, Loopback], run: Run, tmp_path: Path
) -> None:
    Image.new("RGB", (10, 6), "red").save(tmp_path / "in; put.png")
    graph = trivial()
    graph["1"] = {"class_type": "LoadImage", "inputs": {"image": "x"}}
    made = run(
        "studio", "workflow", "run", workflow(tmp_path, graph), "--json",
        "--set", f"1.image=@{tmp_path / 'in; put.png'}", "--set", "2.filename_prefix=mine",
        cwd=tmp_path,
    )  # fmt: skip
    (file,) = made.data["files"]
    assert (file["width"], file["height"]) == (10, 6)
    assert Path(file["path"]) == tmp_path / "mine_00001_.png"


def test_a_refusal_offers_the_value_that_mends_it(
    comfyui: tuple[FakeComfyUI, Loopback], run: Run, tmp_path: Path
) -> None:
    path = workflow(tmp_path, trivial())
    refused = run("studio", "workflow", "run", path, "--set", "1.width=0", "--json", cwd=tmp_path)
    assert refused.code == 1
    assert "--set 1.width=1" in refused.envelope["error"]["hint"]
    mended = run("studio", "workflow", "run", path, "--set", "1.width=1", "--json", cwd=tmp_path)
    assert mended.data["files"][0]["width"] == 1


def test_a_dry_run_sends_nothing(
    comfyui: tuple[FakeComfyUI, Loopback], run: Run, tmp_path: Path
) -> None:
    said = run(
        "studio", "workflow", "run", workflow(tmp_path, trivial()), "--dry-run", cwd=tmp_path
    )
    assert said.code == 0
    assert "Nothing was sent" in said.out
    assert not comfyui[0].posts


def test_send_now_and_fetch_later(
    comfyui: tuple[FakeComfyUI, Loopback], run: Run, tmp_path: Path
) -> None:
    graph = with_node("ProbeSleep", seconds=0.3, ticks=3)
    sent = run(
        "studio", "workflow", "run", workflow(tmp_path, graph), "--no-wait", "--json", cwd=tmp_path
    )
    prompt_id = sent.data["prompt_id"]
    brought = run("studio", "workflow", "fetch", prompt_id, "--json", cwd=tmp_path)
    assert Path(brought.data["files"][0]["path"]).is_file()
    over = run("studio", "workflow", "cancel", prompt_id, "--json", cwd=tmp_path)
    assert over.data["was"] == "over"


def test_a_waiting_run_is_cancelled(
    comfyui: tuple[FakeComfyUI, Loopback], run: Run, tmp_path: Path
) -> None:
    comfyui[0].paused = True
    path = workflow(tmp_path, trivial())
    sent = run("studio", "workflow", "run", path, "--no-wait", "--json", cwd=tmp_path)
    stopped = run("studio", "workflow", "cancel", sent.data["prompt_id"], "--json", cwd=tmp_path)
    assert stopped.data["was"] == "waiting"
    assert not comfyui[0].pending


def test_art_makes_candidates_of_a_workflow_and_makes_a_lost_one_again(
    comfyui: tuple[FakeComfyUI, Loopback], run: Run, project: Project
) -> None:
    path = workflow(project.root, trivial())
    order = ("art", "generate", "--engine", "comfyui", "--workflow", path, "-n", "1", "--json")
    made = run(*order, cwd=project.root)
    (candidate,) = made.data["candidates"]
    before = Path(candidate["path"]).read_bytes()
    Path(candidate["path"]).unlink()
    comfyui[0].files.clear()
    again = run(*order, cwd=project.root)
    assert again.data["job"] == made.data["job"]
    assert Path(candidate["path"]).read_bytes() == before


def test_art_without_a_server_hands_out_the_workflow(
    run: Run, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = run(
        "art", "generate", "a red potion", "--engine", "comfyui", "--family", "sd15",
        "--server", "127.0.0.1:9", "--json", cwd=project.root,
    )  # fmt: skip
    error = said.envelope["error"]
    assert (said.code, error["code"]) == (1, "engine_unavailable")
    graph = json.loads(Path(error["details"]["workflow_file"]).read_text())
    assert graph["positive"]["inputs"]["text"] == "a red potion"


def test_the_two_ways_to_say_which_model_do_not_mix_with_an_engine_that_has_one(
    run: Run, project: Project
) -> None:
    refused = run("art", "generate", "a potion", "--family", "sd15", "--json", cwd=project.root)
    assert refused.envelope["error"]["code"] == "engine_cannot"
