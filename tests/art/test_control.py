"""A control picture holds what is made, where the engine and the family have a way for it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ategnatos.engines import ENGINE_CANNOT, Request
from ategnatos.engines.comfyui.prepare import prepare
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from tests.comfyui.fake import FakeComfyUI
from tests.conftest import Run
from tests.engines.test_comfyui_contract import serving

SDXL = ("--engine", "comfyui", "--family", "sdxl")
POSE = "control_v11p_sd15_openpose_fp16.safetensors"


def drawn(width: int, height: int) -> bytes:
    output = io.BytesIO()
    Image.new("RGB", (width, height), "black").save(output, "PNG")
    return output.getvalue()


@pytest.fixture
def pose(tmp_path: Path) -> Path:
    path = tmp_path / "pose.png"
    Image.new("RGB", (96, 64), "black").save(path)
    return path


def graph_of(family: str, kind: str, **more: Any) -> dict[str, Any]:
    data = drawn(96, 64)
    asked = Request("an owl", 7, family=family, control_image=data, control_type=kind, **more)
    return prepare(asked).graph(7)


def classes(graph: dict[str, Any]) -> set[str]:
    return {spec["class_type"] for spec in graph.values()}


@pytest.mark.parametrize(
    ("kind", "said"),
    [("pose", "openpose"), ("depth", "depth"), ("canny", "canny/lineart/anime_lineart/mlsd")],
)
def test_a_union_controlnet_is_told_what_the_picture_shows(kind: str, said: str) -> None:
    graph = graph_of("sdxl", kind)
    typed = next(one for one in graph.values() if one["class_type"] == "SetUnionControlNetType")
    assert typed["inputs"]["type"] == said
    # Edges are drawn from an ordinary picture; a pose or depth map is taken as it is.
    assert ("Canny" in classes(graph)) == (kind == "canny")


def test_each_kind_has_its_own_file_where_the_family_has_several() -> None:
    loaders = [
        next(one for one in graph_of("sd15", kind).values() if "ControlNetLoader" in str(one))
        for kind in ("pose", "depth", "canny")
    ]
    assert len({one["inputs"]["control_net_name"] for one in loaders}) == 3


def test_the_plan_says_strength_and_a_size_of_the_pictures_shape() -> None:
    data = drawn(1500, 1000)
    asked = Request("an owl", 7, family="sdxl", control_image=data, control_type="depth")
    prepared = prepare(asked)
    exact = prepared.exact
    assert (exact.width, exact.height) == (1216, 832)
    assert exact.control_strength == 0.8
    assert prepare(exact).exact == exact


@pytest.mark.parametrize(
    ("family", "kind", "more"),
    [
        ("qwen-image", "pose", {}),
        ("flux2", "canny", {}),
        ("sdxl", "pose", {"init_image": drawn(64, 64)}),
    ],
)
def test_what_a_family_has_no_way_for_is_refused(
    family: str, kind: str, more: dict[str, Any]
) -> None:
    with pytest.raises(StudioError) as refused:
        graph_of(family, kind, **more)
    assert refused.value.code is ENGINE_CANNOT
    assert "nothing was made" in refused.value.message


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--control", "POSE", "--control-type", "pose"), "'starter' takes no control picture"),
        ((*SDXL, "--control", "POSE"), "not what it shows"),
        (
            (*SDXL, "--control", "POSE", "--control-type", "smell"),
            "'smell' is no type",
        ),
        ((*SDXL, "--control-type", "pose"), "need a picture"),
        (
            (*SDXL, "--control", "POSE", "--control-type", "pose", "--control-strength", "9"),
            "at most 2",
        ),
    ],
)
def test_halves_of_it_and_engines_without_it_are_refused(
    run: Run, project: Project, pose: Path, words: tuple[str, ...], part: str
) -> None:
    words = tuple(str(pose) if one == "POSE" else one for one in words)
    refused = run("art", "generate", "an owl", *words, "--json", cwd=project.root)
    assert refused.code == 1
    error = refused.envelope["error"]
    assert error["code"] == "engine_cannot"
    assert part in error["message"]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeComfyUI]:
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    with serving() as (fake, server):
        loader = json.loads(json.dumps(fake.object_info["ControlNetLoader"]))
        loader["input"]["required"]["control_net_name"][0].append(POSE)
        fake.object_info["ControlNetLoader"] = loader
        monkeypatch.setenv("ATEGNATOS_COMFYUI_URL", server.url)
        yield fake


def test_it_is_made_recorded_varied_and_made_again(
    run: Run, project: Project, pose: Path, fake: FakeComfyUI
) -> None:
    words = ("--engine", "comfyui", "--family", "sd15", "--steps", "2", "--size", "96x64")
    held = ("--control", str(pose), "--control-type", "pose", "--control-strength", "0.7")
    ran = run("art", "generate", "an owl", *words, *held, "-n", "1", "--json", cwd=project.root)
    assert ran.code == 0, ran.out
    shown = run("art", "show", "j1", "--json", cwd=project.root).data
    assert (shown["request"]["control_type"], shown["request"]["control_strength"]) == ("pose", 0.7)
    settings = shown["candidates"][0]["settings"]
    assert settings["control_image_sha256"] == shown["request"]["control"]
    pose.unlink()
    again = run("art", "reproduce", "j1#1", "--json", cwd=project.root)
    assert again.data["agreement"] == "bytes", again.out
    varied = run("art", "vary", "j1#1", "--change", "darker", "--from-seed", "-n", "1", "--json",
                 cwd=project.root)  # fmt: skip
    assert varied.code == 0, varied.out
    child = run("art", "show", varied.data["job"], "--json", cwd=project.root).data
    assert child["request"]["control"] == shown["request"]["control"]
