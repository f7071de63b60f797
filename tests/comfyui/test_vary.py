"""A ComfyUI picture is varied: from the picture, from its seed, within a mask; the rest pinned."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ategnatos.engines import Request
from ategnatos.engines.comfyui.prepare import prepare
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.knowledge import families
from ategnatos.knowledge.families import Variant
from tests.comfyui.conftest import sampled
from tests.comfyui.fake import FakeComfyUI
from tests.conftest import Ran, Run
from tests.engines.contract import encoded
from tests.engines.test_comfyui_contract import serving

OTHER = "other.safetensors"
CHANGE = "blue instead of red"


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeComfyUI]:
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    with serving() as (fake, server):
        loader = copy.deepcopy(fake.object_info["CheckpointLoaderSimple"])
        loader["input"]["required"]["ckpt_name"][0].append(OTHER)
        fake.object_info["CheckpointLoaderSimple"] = loader
        monkeypatch.setenv("ATEGNATOS_COMFYUI_URL", server.url)
        yield fake


@pytest.fixture
def parent(run: Run, project: Project, fake: FakeComfyUI) -> dict[str, Any]:
    """The second of two pictures of a family, made with a model and settings of its own."""
    made = run(
        "art", "generate", "a red potion, outlined", "--engine", "comfyui", "--family", "sd15",
        "--model", OTHER, "--steps", "3", "--cfg", "4", "--sampler", "dpmpp_2m",
        "--size", "64x48", "-n", "2", "--json", cwd=project.root,
    )  # fmt: skip
    assert made.code == 0, made.out
    found: dict[str, Any] = made.data["candidates"][1]
    return found


def vary(run: Run, project: Project, parent: dict[str, Any], *more: str) -> Ran:
    order = ("art", "vary", parent["candidate"], "--change", CHANGE, "-n", "1", "--json")
    return run(*order, *more, cwd=project.root)


def posted(fake: FakeComfyUI) -> dict[str, Any]:
    graph: dict[str, Any] = fake.posts[-1]["prompt"]
    return graph


def pinned(graph: dict[str, Any], parent: dict[str, Any]) -> None:
    sampler = graph["sampler"]["inputs"]
    assert sampler["seed"] == parent["seed"]
    assert (sampler["steps"], sampler["cfg"], sampler["sampler_name"]) == (3, 4.0, "dpmpp_2m")
    assert graph["checkpoint"]["inputs"]["ckpt_name"] == OTHER
    assert graph["positive"]["inputs"]["text"] == "a blue potion, outlined"


@pytest.mark.parametrize(("more", "strength"), [((), 0.7), (("--strength", "0.4"), 0.4)])
def test_it_starts_from_the_picture_and_changes_one_word(
    run: Run,
    project: Project,
    fake: FakeComfyUI,
    parent: dict[str, Any],
    more: tuple[str, ...],
    strength: float,
) -> None:
    made = vary(run, project, parent, *more)
    assert made.data["difference"]["prompt"]["plain"] == "a [-red-] {+blue+} potion, outlined"
    graph = posted(fake)
    pinned(graph, parent)
    assert graph["sampler"]["inputs"]["denoise"] == strength
    name = next(one["inputs"] for one in graph.values() if one["class_type"] == "LoadImage")
    assert fake.files[("input", "", name["image"])] == Path(parent["path"]).read_bytes()
    (candidate,) = made.data["candidates"]
    assert (candidate["width"], candidate["height"]) == (64, 48)


def test_from_the_seed_it_starts_from_the_same_noise(
    run: Run, project: Project, fake: FakeComfyUI, parent: dict[str, Any]
) -> None:
    assert vary(run, project, parent, "--from-seed").code == 0
    graph = posted(fake)
    pinned(graph, parent)
    assert "LoadImage" not in {one["class_type"] for one in graph.values()}


def test_a_variation_is_varied_in_turn(
    run: Run, project: Project, fake: FakeComfyUI, parent: dict[str, Any]
) -> None:
    second = vary(run, project, parent).data["candidates"][0]
    made = run(
        "art", "vary", second["candidate"], "--change", "sword instead of potion", "-n", "1",
        "--json", cwd=project.root,
    )  # fmt: skip
    assert made.data["prompt"] == "a blue sword, outlined"
    assert posted(fake)["sampler"]["inputs"]["seed"] == parent["seed"]


@pytest.mark.parametrize(
    "variant",
    [one for one in families.every_variant() if {"txt2img", "img2img"} <= set(one.templates)],
    ids=lambda one: str(one.key),
)
def test_every_family_starts_from_its_own_picture_with_the_same_settings(variant: Variant) -> None:
    model = None if {"ckpt_name", "unet_name"} & set(variant.files) else "given.safetensors"
    first = prepare(Request("a red potion", seed=3, family=variant.key, model=model)).exact
    size = (first.width or 0, first.height or 0)
    again = replace(first, prompt="a blue potion", init_image=encoded("RGB", size, "red"))
    for task in {"img2img", "inpaint"} & set(variant.templates):
        drawn = encoded("L", size, 255) if task == "inpaint" else None
        exact = prepare(replace(again, strength=0.5, mask=drawn)).exact
        assert exact == replace(again, strength=0.5, mask=drawn)


def test_what_a_family_wants_is_said_by_the_option_of_an_order() -> None:
    for change, option in (
        ({"family": "krea2/raw"}, "--model FILE"),
        ({"family": "z-image", "width": 1001}, "--size WxH"),
        ({"family": "z-image", "cfg": float("nan")}, "--cfg"),
    ):
        with pytest.raises(StudioError) as raised:
            prepare(Request("a potion", seed=1, **change))  # type: ignore[arg-type]
        assert raised.value.code.code == "engine_cannot"
        assert option in raised.value.hint


def mask(folder: Path, size: tuple[int, int] = (64, 48)) -> Path:
    """White on its left half."""
    drawn = Image.new("L", size, 0)
    drawn.paste(255, (0, 0, size[0] // 2, size[1]))
    path = folder / "mask.png"
    drawn.save(path)
    return path


def test_within_a_mask_the_rest_stays_to_the_pixel(
    run: Run, project: Project, fake: FakeComfyUI, parent: dict[str, Any]
) -> None:
    made = vary(run, project, parent, "--mask", str(mask(project.root)))
    graph = posted(fake)
    pinned(graph, parent)
    assert graph["sampler"]["inputs"]["denoise"] == 0.9, "the template's own"
    before, after = (
        Image.open(io.BytesIO(Path(path).read_bytes())).convert("RGB")
        for path in (parent["path"], made.data["candidates"][0]["path"])
    )
    right, left = (32, 0, 64, 48), (0, 0, 32, 48)
    assert after.crop(right).tobytes() == before.crop(right).tobytes()
    assert after.crop(left).tobytes() != before.crop(left).tobytes()
    third = vary(run, project, parent, "--mask", str(mask(project.root)), "--strength", "0.5")
    assert third.code == 0
    assert posted(fake)["sampler"]["inputs"]["denoise"] == 0.5


def test_a_mask_of_another_size_and_two_starts_at_once_are_refused(
    run: Run, project: Project, fake: FakeComfyUI, parent: dict[str, Any]
) -> None:
    sent = len(fake.posts)
    small = vary(run, project, parent, "--mask", str(mask(project.root, (32, 32))))
    assert "32x32" in small.envelope["error"]["message"]
    both = vary(run, project, parent, "--from-seed", "--mask", str(mask(project.root)))
    assert both.envelope["error"]["code"] == "usage"
    assert len(fake.posts) == sent


def test_a_workflow_without_a_place_for_a_picture_is_varied_from_its_seed(
    run: Run, project: Project, fake: FakeComfyUI
) -> None:
    path = project.root / "mine.json"
    path.write_text(json.dumps(sampled(prompt="a red lighthouse")))
    order = ("art", "generate", "--engine", "comfyui", "--workflow", path, "-n", "1", "--json")
    (first,) = run(*order, cwd=project.root).data["candidates"]
    made = vary(run, project, first)
    assert made.code == 0, made.out
    assert any("same seed instead of the picture" in one for one in made.envelope["warnings"])
    graph = posted(fake)
    assert graph["6"]["inputs"]["text"] == "a blue lighthouse"
    assert graph["3"]["inputs"]["seed"] == first["seed"]
    asked = vary(run, project, first, "--strength", "0.5")
    assert asked.envelope["error"]["code"] == "engine_cannot", "what was asked for is not dropped"
