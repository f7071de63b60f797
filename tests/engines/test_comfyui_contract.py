"""The ComfyUI engine keeps the contract, against the stateful fake, and what is its own."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image as PillowImage

from ategnatos.engines import Engine, LoraUse, Place, Request, load_engine
from ategnatos.engines.comfyui.engine import ComfyUIEngine
from ategnatos.grimoire.errors import StudioError
from tests.comfyui.conftest import sampled, trivial
from tests.comfyui.fake import NEW, OLD, FakeComfyUI
from tests.comfyui.fake_http import application
from tests.comfyui.wire import Loopback

from .contract import EngineContract, decoded, encoded

CHECKPOINT = "v1-5-pruned-emaonly-fp16.safetensors"
SMALL = Request("a red potion", seed=7, steps=2, width=64, height=64, family="sd15")


@contextmanager
def serving(line: str = OLD) -> Iterator[tuple[FakeComfyUI, Loopback]]:
    """A fake that has the checkpoint of SD 1.5."""
    fake = FakeComfyUI(line)
    loader = json.loads(json.dumps(fake.object_info["CheckpointLoaderSimple"]))
    loader["input"]["required"]["ckpt_name"][0].append(CHECKPOINT)
    fake.object_info["CheckpointLoaderSimple"] = loader
    with Loopback(application(fake)) as server:
        yield fake, server


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[FakeComfyUI, Loopback]]:
    with serving() as both:
        yield both


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))


def engine_at(server: Loopback, **place: Any) -> ComfyUIEngine:
    engine = load_engine("comfyui", Place(server=server.url, **place))
    assert isinstance(engine, ComfyUIEngine)
    return engine


class TestComfyUIEngineContract(EngineContract):
    free = True
    cannot = (
        {"seed": -1},
        {"family": None},
        {"width": 100, "height": 100, "family": "z-image/turbo"},
        {"loras": (LoraUse("gone", "/nowhere/gone.safetensors"),)},
        {"model": "absent.safetensors"},
    )

    @pytest.fixture
    def engine(self, shared: tuple[FakeComfyUI, Loopback]) -> Engine:
        return engine_at(shared[1])

    @pytest.fixture
    def request_of(self) -> Request:
        return SMALL


@pytest.mark.parametrize("line", [OLD, NEW])
def test_a_family_picks_template_models_and_settings(line: str) -> None:
    with serving(line) as (fake, server):
        result = engine_at(server).generate(replace(SMALL, steps=None, count=2))
        # The two are sent side by side, so either may arrive first.
        graphs = {one["prompt"]["sampler"]["inputs"]["seed"]: one["prompt"] for one in fake.posts}
    assert sorted(graphs) == [7, 8]
    graph = graphs[7]
    assert graph["sampler"]["inputs"]["steps"] == 20
    assert graph["checkpoint"]["inputs"]["ckpt_name"] == CHECKPOINT
    assert graph["positive"]["inputs"]["text"] == "a red potion"
    assert graph["save"]["inputs"]["filename_prefix"].startswith("ategnatos/")
    assert [image.seed for image in result.images] == [7, 8]
    assert result.images[0].settings["family"] == "sd15/base"


def test_what_the_server_lacks_is_said_before_anything_is_sent() -> None:
    with serving(NEW) as (fake, server):
        with pytest.raises(StudioError) as refused:
            engine_at(server).plan(replace(SMALL, family="z-image/turbo", width=None, height=None))
        assert not fake.posts
    error = refused.value
    assert error.code.code == "engine_cannot"
    for file in ("z_image_turbo_bf16.safetensors", "qwen_3_4b.safetensors", "ae.safetensors"):
        assert file in error.message
    assert "ategnatos studio models download https://huggingface.co/" in error.message


def test_a_server_that_is_too_old_is_said() -> None:
    with serving(OLD) as (_, server), pytest.raises(StudioError) as refused:
        engine_at(server).plan(replace(SMALL, family="z-image/turbo", width=None, height=None))
    assert "0.11.0" in refused.value.message


def test_without_a_server_it_plans_and_hands_out_the_workflow(tmp_path: Path) -> None:
    place = Place(server="127.0.0.1:9", folder=tmp_path)
    engine = load_engine("comfyui", place)
    planned, warnings = engine.plan(SMALL)
    assert planned.model == CHECKPOINT
    assert "not checked" in warnings[0]
    assert not engine.health().ok
    with pytest.raises(StudioError) as refused:
        engine.generate(SMALL)
    assert refused.value.code.code == "engine_unavailable"
    assert "a red potion" in refused.value.message
    graph = json.loads(Path(refused.value.details["workflow_file"]).read_text())
    assert graph["positive"]["inputs"]["text"] == "a red potion"
    assert graph["sampler"]["inputs"]["seed"] == 7


def test_an_address_beyond_this_machine_is_refused_until_a_person_insists() -> None:
    with pytest.raises(StudioError, match="not this machine"):
        load_engine("comfyui", Place(server="203.0.113.5:8188"))
    load_engine("comfyui", Place(server="203.0.113.5:8188", allow_remote=True))


def test_an_engine_without_a_server_refuses_one() -> None:
    with pytest.raises(StudioError, match="works by itself"):
        load_engine("starter", Place(server="127.0.0.1:8188"))


def test_the_address_comes_from_the_option_the_environment_or_the_record(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from ategnatos.engines.comfyui.address import find_address

    record = {"host": "127.0.0.1", "port": 8190}
    assert find_address(record, environment={}).port == 8190
    assert find_address({}, environment={}).port == 8188
    named = {"ATEGNATOS_COMFYUI_URL": "http://localhost:8200"}
    assert find_address(record, environment=named).port == 8200
    assert find_address(record, server="127.0.0.1:9", environment=named).port == 9


def workflow(graph: dict[str, Any], **changes: Any) -> Request:
    return Request("", seed=3, workflow=json.dumps(graph), **changes)


def test_a_workflow_is_run_with_what_was_asked_in_its_places(
    shared: tuple[FakeComfyUI, Loopback],
) -> None:
    fake, server = shared
    asked = replace(workflow(sampled()), prompt="a red potion", steps=5, cfg=4.5, width=96)
    result = engine_at(server).generate(replace(asked, negative="fog"))
    graph = fake.posts[-1]["prompt"]
    assert graph["6"]["inputs"]["text"] == "a red potion"
    assert graph["7"]["inputs"]["text"] == "fog"
    sampler = graph["3"]["inputs"]
    assert (sampler["seed"], sampler["steps"], sampler["cfg"]) == (3, 5, 4.5)
    assert graph["5"]["inputs"]["width"] == 96
    assert decoded(result.images[0]).size == (96, 64)
    assert result.images[0].settings["model"] == "random-mini.safetensors"


def test_a_workflow_keeps_what_was_not_asked(shared: tuple[FakeComfyUI, Loopback]) -> None:
    planned, _ = engine_at(shared[1]).plan(workflow(sampled()))
    assert planned.prompt == "a lighthouse"
    assert planned.negative == "blurry"
    assert (planned.steps, planned.cfg, planned.sampler) == (3, 7.0, "euler")
    assert engine_at(shared[1]).plan(planned)[0] == planned


def test_a_workflow_without_a_sampler_leaves_its_settings_open(
    shared: tuple[FakeComfyUI, Loopback],
) -> None:
    planned, _ = engine_at(shared[1]).plan(workflow(trivial()))
    assert (planned.steps, planned.cfg, planned.sampler) == (None, None, None)
    assert (planned.width, planned.height) == (64, 64)
    result = engine_at(shared[1]).generate(workflow(trivial(), count=2))
    assert len(result.images) == 2
    assert "no seed" in result.warnings[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": "a potion"}, "prompt"),
        ({"steps": 9}, "steps"),
        ({"init_image": encoded("RGB", (64, 64), "red")}, "init"),
        ({"loras": (LoraUse("x", "/x.safetensors"),)}, "LoRA"),
        ({"model": "x.safetensors"}, "model"),
    ],
)
def test_what_a_workflow_has_no_place_for_is_refused(
    shared: tuple[FakeComfyUI, Loopback], change: dict[str, Any], said: str
) -> None:
    with pytest.raises(StudioError) as refused:
        engine_at(shared[1]).plan(replace(workflow(trivial()), **change))
    assert refused.value.code.code == "engine_cannot"
    assert said in refused.value.message


def test_a_workflow_that_starts_from_a_picture_gets_it(
    shared: tuple[FakeComfyUI, Loopback],
) -> None:
    graph = trivial()
    graph["1"] = {"class_type": "LoadImage", "inputs": {"image": "whatever.png"}}
    asked = workflow(graph, init_image=encoded("RGB", (40, 24), (200, 30, 30)))
    (image,) = engine_at(shared[1]).generate(asked).images
    assert decoded(image).getcolors() == [(40 * 24, (200, 30, 30, 255))]


def test_the_picture_carries_the_graph_and_opens_in_comfyui(
    shared: tuple[FakeComfyUI, Loopback],
) -> None:
    fake, server = shared
    first = engine_at(server).generate(SMALL).images[0]
    with PillowImage.open(io.BytesIO(first.png)) as opened:
        graph = json.loads(opened.info["prompt"])
    assert graph["positive"]["inputs"]["text"] == "a red potion"
    fake.files.clear()
    assert engine_at(server).generate(SMALL).images[0].png == first.png, "to the byte"


def test_a_workflow_that_makes_no_picture_is_refused_with_what_it_made(
    shared: tuple[FakeComfyUI, Loopback],
) -> None:
    graph = trivial()
    graph["2"] = {
        "class_type": "VHS_VideoCombine",
        "inputs": {"images": ["1", 0], "filename_prefix": "v"},
    }
    fake, server = shared
    fake.object_info["VHS_VideoCombine"] = {
        "input": {"required": {"images": ["IMAGE"], "filename_prefix": ["STRING"]}},
        "output": [],
        "output_node": True,
    }
    with pytest.raises(StudioError, match="no still picture"):
        engine_at(server).generate(workflow(graph))


def test_partner_nodes_that_bill_are_refused(shared: tuple[FakeComfyUI, Loopback]) -> None:
    fake, server = shared
    told = json.loads(json.dumps(fake.object_info["EmptyImage"])) | {"api_node": True}
    graph = trivial()
    graph["1"]["class_type"] = "FluxProUltraImageNode"
    fake.object_info["FluxProUltraImageNode"] = told
    with pytest.raises(StudioError, match="bill your Comfy account"):
        engine_at(server).plan(workflow(graph))


def test_previews_go_to_the_file_that_was_named(tmp_path: Path) -> None:
    with serving() as (fake, server):
        fake.previews = True
        engine_at(server, preview=tmp_path / "now.jpg").generate(SMALL)
    assert (tmp_path / "now.jpg").read_bytes().startswith(b"\xff\xd8\xff")
