"""A wrong graph cannot be built, and what can be built passes the check."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ategnatos.engines.comfyui.graph import preflight
from ategnatos.engines.comfyui.graph.builder import Builder
from ategnatos.engines.comfyui.graph.node_classes import Catalogue
from ategnatos.grimoire.errors import StudioError
from tests.comfyui import recordings

CLASSES = Catalogue(recordings.object_info())


def picture(**sampler: Any) -> Builder:
    build = Builder(CLASSES)
    model, clip, vae = build.node("CheckpointLoaderSimple", ckpt_name="random-mini.safetensors")
    words = build.node("CLIPTextEncode", clip=clip, text="a lighthouse").only
    latent = build.node("EmptyLatentImage", width=64, height=64).only
    inputs = {"model": model, "positive": words, "negative": words, "latent_image": latent}
    drawn = build.node("KSampler", **{**inputs, **sampler}).named("LATENT")
    image = build.node("VAEDecode", samples=drawn, vae=vae)[0]
    build.node("SaveImage", images=image, filename_prefix="built")
    return build


def test_a_built_graph_passes_the_check() -> None:
    assert preflight.check(picture(steps=4).graph(), CLASSES) == []


@given(
    steps=st.integers(1, 10_000),
    seed=st.integers(0, 2**64 - 1),
    cfg=st.floats(0, 100),
    sampler=st.sampled_from(CLASSES["KSampler"].inputs["sampler_name"].options or ()),
)
def test_whatever_can_be_built_passes(steps: int, seed: int, cfg: float, sampler: str) -> None:
    build = picture(steps=steps, seed=seed, cfg=cfg, sampler_name=sampler)
    assert preflight.check(build.graph(), CLASSES) == []


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"seed": -1}, "never -1|at least 0"),
        ({"seed": 2**64}, "at most"),
        ({"steps": 0}, "at least 1"),
        ({"steps": "many"}, "whole number"),
        ({"steps": 4.5}, "silently takes it as 4"),
        ({"sampler_name": "eulr"}, "Did you mean 'euler'"),
        ({"scheduler": "normall"}, "Did you mean 'normal'"),
        ({"stepz": 4}, "Did you mean 'steps'"),
        ({"cfg": float("nan")}, "not a number"),
        ({"latent_image": "5"}, "takes a link to a LATENT"),
    ],
)
def test_a_wrong_value_is_refused_at_its_line(inputs: dict[str, Any], said: str) -> None:
    with pytest.raises(StudioError, match=said) as refused:
        picture(**inputs)
    assert refused.value.code.code == "graph_cannot_build"


def test_a_link_of_the_wrong_type_is_refused() -> None:
    build = Builder(CLASSES)
    model, _clip, vae = build.node("CheckpointLoaderSimple", ckpt_name="random-mini.safetensors")
    with pytest.raises(StudioError, match="takes CLIP; output 0 of node 1 gives MODEL"):
        build.node("CLIPTextEncode", clip=model, text="x")
    with pytest.raises(StudioError, match="needs samples: a link to a LATENT"):
        build.node("VAEDecode", vae=vae)


def test_an_output_of_another_graph_is_refused() -> None:
    _model, clip, _vae = Builder(CLASSES).node(
        "CheckpointLoaderSimple", ckpt_name="random-mini.safetensors"
    )
    with pytest.raises(StudioError, match="another graph"):
        Builder(CLASSES).node("CLIPTextEncode", clip=clip, text="x")


def test_both_forms_of_a_choice_are_held() -> None:
    build = Builder(CLASSES)
    with pytest.raises(StudioError, match="has no file"):
        build.node("UpscaleModelLoader", model_name="absent.safetensors")  # ["COMBO", {...}]
    with pytest.raises(StudioError, match="has no file"):
        build.node("CheckpointLoaderSimple", ckpt_name="absent.safetensors")  # [[...], {...}]


def test_what_has_a_default_may_be_left_out_and_a_graph_must_save_something() -> None:
    build = Builder(CLASSES)
    made = build.node("EmptyImage")
    assert build.node("ImageInvert", image=made.only).outputs[0].type == "IMAGE"
    with pytest.raises(StudioError, match="saves or shows"):
        build.graph()
