"""An approved picture is enlarged for its export: by a model, by Lanczos, by whole pixels."""

from __future__ import annotations

import copy
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from ategnatos.art import upscale
from ategnatos.engines import Place
from ategnatos.engines.comfyui import enlarge as engine
from ategnatos.grimoire.errors import StudioError
from ategnatos.grimoire.project import Project
from ategnatos.guard.locks.store import FOLDER_VARIABLE
from ategnatos.pictures.metadata import embed_texts, read_raw_texts
from tests.comfyui import fake_nodes
from tests.comfyui.conftest import Server
from tests.conftest import AtTerminal, Run

NOWHERE = "127.0.0.1:9"


@pytest.fixture(autouse=True)
def _locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "locks"))


@pytest.fixture
def upscaling(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The fake with a 4x model that mirrors the picture, so that its work is told from ours."""

    async def four_times(
        _server: Any, _run: Any, _node: str, inputs: dict[str, Any], value: Any
    ) -> Any:
        image = inputs["image"].frames()[0].transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return _scaled(value, image, 4), None

    async def scaled(_s: Any, _run: Any, _node: str, inputs: dict[str, Any], value: Any) -> Any:
        return _scaled(value, inputs["image"].frames()[0], inputs["scale_by"]), None

    monkeypatch.setitem(fake_nodes._SPECIAL, "ImageUpscaleWithModel", four_times)
    monkeypatch.setitem(fake_nodes._SPECIAL, "ImageScaleBy", scaled)
    return server


def _scaled(value: Any, image: Image.Image, factor: float) -> Any:
    size = (round(image.width * factor), round(image.height * factor))
    return replace(value, width=size[0], height=size[1], picture=image.resize(size))


SIDE = 300


def photograph(mode: str = "RGB") -> bytes:
    """A picture that is no pixel art: large, with a gradient from red on its left."""
    ramp = Image.linear_gradient("L").resize((SIDE, SIDE))
    image = Image.merge("RGB", (ramp.rotate(-90), ramp, ramp.rotate(45)))
    if mode == "RGBA":
        image.putalpha(128)
    return _png(image)


def sprite() -> bytes:
    image = Image.new("RGB", (64, 64), "white")
    draw = ImageDraw.Draw(image)
    for place in range(0, 64, 8):
        draw.rectangle((place, place, place + 7, place + 7), fill=(place * 3, 20, 90))
    return _png(image)


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def through(server: Server) -> upscale.Enlarger:
    place = Place(server=server.address.url)
    return lambda picture, factor: engine.enlarge(picture, factor, place)


@pytest.mark.parametrize("factor", [2, 4])
def test_a_model_of_the_server_enlarges(upscaling: Server, factor: int) -> None:
    made = engine.enlarge(photograph(), factor, Place(server=upscaling.address.url))
    assert (made.width, made.height) == (SIDE * factor, SIDE * factor)
    assert made.by == "ComfyUI (random-x4.safetensors)"
    with Image.open(io.BytesIO(made.data)) as image:
        assert image.convert("RGB").getpixel((SIDE * factor - 2, 2))[0] > 200, "it was the model"
    graph = upscaling.fake.posts[-1]["prompt"]
    assert ("ImageScaleBy" in {node["class_type"] for node in graph.values()}) == (factor == 2)


@pytest.mark.parametrize(
    ("name", "factor"),
    [("4x-UltraSharp.pth", 4), ("RealESRGAN_x2plus.pth", 2), ("remacri_original.pt", 4),
     ("2xLexicaRRDBNet.pth", 2), ("8x_NMKD.pth", 8), ("model-1024x.pt", 4)],
)  # fmt: skip
def test_a_models_factor_is_read_from_its_name(name: str, factor: int) -> None:
    assert engine.stated_factor(name) == factor


def test_the_model_of_the_right_factor_is_chosen() -> None:
    models = ["8x_a.pth", "4x_b.pth", "2x_c.pth"]
    assert [engine.best(models, factor) for factor in (2, 4)] == ["2x_c.pth", "4x_b.pth"]
    assert engine.best(["2x_c.pth"], 4) == "2x_c.pth"


@pytest.mark.parametrize("form", [[[]], ["COMBO", {"options": []}]])
def test_a_server_without_a_model_is_said(server: Server, form: list[Any]) -> None:
    info = copy.deepcopy(server.fake.object_info)
    info["UpscaleModelLoader"]["input"]["required"]["model_name"] = form
    server.fake.object_info = info
    with pytest.raises(StudioError) as raised:
        engine.enlarge(photograph(), 2, Place(server=server.address.url))
    assert raised.value.code is engine.NO_UPSCALE_MODEL
    assert server.fake.files == {}
    made = upscale.enlarge(photograph(), upscale.Upscale(2), through(server))
    assert made.by == "lanczos"
    assert "no upscale model" in made.notes[1]


def test_without_a_server_it_is_lanczos_and_says_so() -> None:
    place = Place(server=NOWHERE)
    made = upscale.enlarge(
        photograph(), upscale.Upscale(4), lambda p, f: engine.enlarge(p, f, place)
    )
    assert (made.by, made.resample, made.width) == ("lanczos", "lanczos", 4 * SIDE)
    assert made.notes[0] == "enlarged by Lanczos"
    assert made.notes[1].startswith("ComfyUI was not used: ")


def test_a_way_that_was_asked_for_is_taken_or_refused(upscaling: Server) -> None:
    with pytest.raises(StudioError):
        upscale.enlarge(
            photograph(),
            upscale.Upscale(2, "comfyui"),
            lambda p, f: engine.enlarge(p, f, Place(server=NOWHERE)),
        )
    for way, by in (("lanczos", "lanczos"), ("pixels", "pixels")):
        made = upscale.enlarge(photograph(), upscale.Upscale(2, way), through(upscaling))
        assert made.by == by
    assert upscaling.fake.posts == []


def test_pixel_art_is_not_redrawn_unless_asked(upscaling: Server) -> None:
    made = upscale.enlarge(sprite(), upscale.Upscale(2), through(upscaling))
    assert (made.by, made.resample) == ("pixels", "nearest")
    assert "--upscale-by comfyui" in made.notes[1]
    asked = upscale.enlarge(sprite(), upscale.Upscale(2, "comfyui"), through(upscaling))
    assert asked.by.startswith("ComfyUI")


@pytest.mark.parametrize("way", ["auto", "comfyui"])
def test_transparency_is_kept_beside_the_models_colours(upscaling: Server, way: str) -> None:
    clear = photograph(mode="RGBA")
    made = upscale.enlarge(clear, upscale.Upscale(2, way), through(upscaling))
    assert made.by.startswith("ComfyUI")
    assert "its transparency by Lanczos" in made.notes
    with Image.open(io.BytesIO(made.source)) as image:
        assert (image.mode, image.size) == ("RGBA", (2 * SIDE, 2 * SIDE))
        assert image.getchannel("A").getextrema() == (128, 128)
        assert image.getpixel((2 * SIDE - 2, 2))[0] > 200, "the colours are the model's"


def test_without_a_server_transparency_is_kept_too() -> None:
    made = upscale.enlarge(photograph(mode="RGBA"), upscale.Upscale(2), None)
    assert (made.by, made.source) == ("lanczos", photograph(mode="RGBA"))


def test_a_candidates_own_texts_stay_and_the_servers_go(upscaling: Server) -> None:
    picture = embed_texts(photograph(), {"ategnatos": json.dumps({"candidate": "j1#1"})})
    made = upscale.enlarge(picture, upscale.Upscale(2), through(upscaling))
    assert read_raw_texts(made.source)[0] == {"ategnatos": '{"candidate": "j1#1"}'}


@pytest.mark.parametrize(
    ("factor", "way", "sized"),
    [("3x", "auto", False), ("2", "auto", False), ("2x", "magic", False), (None, "pixels", False),
     ("2x", "auto", True)],
)  # fmt: skip
def test_what_cannot_be_is_refused(factor: str | None, way: str, sized: bool) -> None:
    with pytest.raises(StudioError) as raised:
        upscale.parse(factor, way, sized=sized)
    assert raised.value.code is upscale.UPSCALE_INVALID


def test_an_export_is_enlarged_and_says_by_what(
    run: Run, at_terminal: AtTerminal, project: Project, upscaling: Server
) -> None:
    order = ("a red potion, outlined", "--steps", "2", "--size", "64x64", "--count", "1")
    run("art", "generate", *order, cwd=project.root)
    approved = at_terminal(["art", "approve", "j1#1"], cwd=project.root, answers=["yes"])
    assert approved.code == 0, approved.out
    export = ("art", "export", "j1#1", "--json", "--upscale", "4x")
    by_pixels = run(*export, "--as", "potion", cwd=project.root).data
    assert (by_pixels["width"], by_pixels["height"]) == (256, 256)
    assert "enlarged by whole pixels" in by_pixels["notes"]
    through_model = run(
        *export, "--as", "painted", "--upscale-by", "comfyui", "--server", upscaling.address.url,
        cwd=project.root,
    ).data  # fmt: skip
    assert "enlarged by ComfyUI (random-x4.safetensors)" in through_model["notes"]
    assert (through_model["width"], through_model["height"]) == (256, 256)
    manifest = json.loads((project.exports / "manifest.json").read_text())
    kept = {one["name"]: one["provenance"]["export"]["upscale"] for one in manifest["entries"]}
    assert kept == {
        "potion": {"factor": 4, "by": "pixels"},
        "painted": {"factor": 4, "by": "ComfyUI (random-x4.safetensors)"},
    }
    refused = run(*export, "--as", "x", "--size", "9x9", cwd=project.root)
    assert refused.envelope["error"]["code"] == "upscale_invalid"
