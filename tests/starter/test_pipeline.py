"""What the starter model promises to whoever asks it for pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ategnatos.grimoire.errors import StudioError
from ategnatos.starter import denoise, threads
from ategnatos.starter.canvas import ByteArray
from ategnatos.starter.errors import STARTER_REQUEST
from ategnatos.starter.model import StarterModel
from ategnatos.starter.pipeline import Pictures, generate
from ategnatos.starter.planning import plan
from ategnatos.starter.request import LoraWeight, StarterRequest

QUICK = StarterRequest("a red potion", seed=11, width=32, height=32, steps=3)


def sprites(made: Pictures) -> ByteArray:
    return np.stack([picture.sprite for picture in made.pictures])


def test_the_same_request_makes_the_same_pictures(model: StarterModel) -> None:
    first, second = (sprites(generate(QUICK, model=model)) for _ in range(2))
    assert (first == second).all()


def test_picture_i_of_many_is_the_single_picture_of_seed_plus_i(model: StarterModel) -> None:
    together = generate(replace(QUICK, count=6), model=model)
    assert [picture.seed for picture in together.pictures] == [11, 12, 13, 14, 15, 16]
    for picture in together.pictures:
        alone = generate(replace(QUICK, seed=picture.seed), model=model)
        assert (alone.pictures[0].sprite == picture.sprite).all()


def test_the_number_of_cores_changes_nothing(
    model: StarterModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = sprites(generate(replace(QUICK, count=2), model=model))
    for module in (threads, denoise):
        monkeypatch.setattr(module, "workers", lambda: 1)
    one = sprites(generate(replace(QUICK, count=2), model=model))
    assert (many == one).all()


def test_seed_prompt_steps_cfg_and_sampler_each_change_the_picture(model: StarterModel) -> None:
    base = sprites(generate(QUICK, model=model))
    for change in (
        {"seed": 12},
        {"prompt": "a blue potion"},
        {"steps": 4},
        {"guidance": 3.0},
        {"sampler": "ddim"},
        {"negative": "a red sword"},
    ):
        assert (sprites(generate(replace(QUICK, **change), model=model)) != base).any(), change


def test_it_draws_the_colour_that_was_asked_for(model: StarterModel) -> None:
    def colour(name: str) -> Any:
        request = StarterRequest(f"a {name} gem", seed=1, count=2, width=32, height=32, steps=6)
        drawn = sprites(generate(request, model=model))
        return drawn[drawn[..., 3] == 255][:, :3].mean(axis=0)

    red, blue = colour("red"), colour("blue")
    assert red[0] > red[2]
    assert blue[2] > blue[0]


def test_alpha_is_hard_and_nothing_hides_under_it(model: StarterModel) -> None:
    drawn = sprites(generate(QUICK, model=model))
    alpha = drawn[..., 3]
    assert set(np.unique(alpha)) == {0, 255}
    assert (drawn[alpha == 0] == 0).all()


def test_a_backdrop_fills_what_was_left_empty(model: StarterModel) -> None:
    picture = generate(QUICK, model=model).pictures[0]
    laid = picture.pixels(backdrop=(10, 20, 30))
    empty = picture.pixels()[..., 3] == 0
    assert (laid[empty] == (10, 20, 30, 255)).all()
    assert (laid[~empty] == picture.pixels()[~empty]).all()


def test_progress_rises_and_ends_at_the_total(model: StarterModel) -> None:
    seen: list[tuple[int, int]] = []
    generate(replace(QUICK, count=5), lambda done, total: seen.append((done, total)), model)
    assert {total for _, total in seen} == {15}
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (15, 15)


def test_what_the_callback_raises_stops_the_work_at_that_step(model: StarterModel) -> None:
    class CancelledError(Exception):
        pass

    calls = []

    def cancel(done: int, total: int) -> None:
        calls.append(done)
        raise CancelledError

    with pytest.raises(CancelledError):
        generate(replace(QUICK, steps=12), cancel, model)
    assert calls == [1]


def test_planning_a_plan_changes_nothing(model: StarterModel) -> None:
    first = plan(StarterRequest("Two RED potions, (shiny:1.2)", seed=1), model)
    again = plan(first.request, model)
    assert first.warnings
    assert again.request == first.request
    assert again.settings == first.settings


def test_defaults_are_told(model: StarterModel) -> None:
    settings = plan(StarterRequest("a red potion", seed=1), model).settings
    assert (settings.width, settings.height, settings.steps) == (512, 512, 12)
    assert (settings.guidance, settings.sampler, settings.strength) == (2.0, "dpmpp_2m", None)


def test_a_negative_prompt_at_cfg_1_is_reported_and_has_no_effect(model: StarterModel) -> None:
    plain = generate(replace(QUICK, guidance=1.0), model=model)
    negative = generate(replace(QUICK, guidance=1.0, negative="a red sword"), model=model)
    assert not plain.plan.warnings
    assert any("no effect at CFG 1" in warning for warning in negative.plan.warnings)
    assert (sprites(plain) == sprites(negative)).all()


def test_a_size_that_is_no_whole_multiple_is_centred_on_nothing_and_said(
    model: StarterModel,
) -> None:
    made = generate(replace(QUICK, width=100, height=70), model=model)
    picture = made.pictures[0].pixels()
    assert picture.shape == (70, 100, 4)
    assert any("no whole multiple" in warning for warning in made.plan.warnings)
    enlarged = made.pictures[0].sprite.repeat(2, axis=0).repeat(2, axis=1)
    assert (picture[3:67, 18:82] == enlarged).all()
    assert picture[:3].max() == picture[67:].max() == 0


def test_a_stronger_image_to_image_moves_further_from_the_image(
    model: StarterModel, potion: ByteArray
) -> None:
    base = StarterRequest("a blue potion", seed=5, init_image=potion, steps=10)

    def distance(strength: float) -> float:
        picture = generate(replace(base, strength=strength), model=model).pictures[0].pixels()
        return float(np.abs(picture.astype(int) - potion).mean())

    little, much = distance(0.2), distance(0.9)
    assert 0 < little < much


def test_image_to_image_takes_its_size_from_the_image_and_tells_its_strength(
    model: StarterModel, potion: ByteArray
) -> None:
    settings = plan(replace(QUICK, width=None, height=None, init_image=potion), model).settings
    assert (settings.width, settings.height, settings.strength) == (64, 64, 0.6)


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_an_inpaint_keeps_every_unmarked_pixel_to_the_bit(
    model: StarterModel, potion: ByteArray, lower_half: ByteArray, strength: float
) -> None:
    photo = potion.copy()
    noise = np.random.default_rng(0).integers(0, 256, photo.shape)
    photo[:32] = noise[:32]  # no pixel art at all, and half transparent
    request = StarterRequest(
        "a blue potion", seed=5, init_image=photo, mask=lower_half, strength=strength, steps=6
    )
    picture = generate(request, model=model).pictures[0].pixels()
    assert (picture[:32] == photo[:32]).all()
    assert (picture[32:] != photo[32:]).any()


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("seed", {"seed": -1}),
        ("seed", {"seed": 1.5}),
        ("count", {"count": 0}),
        ("count", {"count": 65}),
        ("steps", {"steps": 0}),
        ("steps", {"steps": 1001}),
        ("cfg", {"guidance": 0.5}),
        ("cfg", {"guidance": float("nan")}),
        ("cfg", {"guidance": 21}),
        ("sampler", {"sampler": "euler"}),
        ("width", {"width": 31}),
        ("height", {"height": 31}),
        ("height", {"height": 4097}),
        ("strength", {"strength": 0.5}),
        ("mask", {"mask": np.zeros((32, 32), np.uint8)}),
        ("weight of a.safetensors", {"loras": (LoraWeight(Path("a.safetensors"), 1e9),)}),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_its_field(
    model: StarterModel, field: str, change: dict[str, Any]
) -> None:
    with pytest.raises(StudioError) as refused:
        generate(replace(QUICK, **change), model=model)
    assert refused.value.code == STARTER_REQUEST
    assert refused.value.details["field"] == field
    assert "Nothing was made" in refused.value.message


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("strength", {"strength": 1.1}),
        ("strength", {"strength": -0.1}),
        ("strength", {"strength": 0.0}),
        ("strength", {"strength": 0.05}),
        ("size", {"width": 128, "height": 128}),
        ("mask", {"mask": np.full((32, 32), 255, np.uint8)}),
        ("mask", {"mask": np.zeros((64, 64), np.uint8)}),
        ("init image", {"init_image": np.zeros((64, 64, 3), np.uint8)}),
        ("height", {"init_image": np.zeros((16, 64, 4), np.uint8)}),
    ],
)
def test_a_picture_that_does_not_fit_is_refused(
    model: StarterModel, potion: ByteArray, field: str, change: dict[str, Any]
) -> None:
    request = StarterRequest("a red potion", seed=1, init_image=potion, steps=10)
    with pytest.raises(StudioError) as refused:
        plan(replace(request, **change), model)
    assert refused.value.details["field"] == field


def test_a_mask_outside_of_what_the_model_draws_is_refused(model: StarterModel) -> None:
    wide = np.zeros((64, 128, 4), np.uint8)
    mask = np.zeros((64, 128), np.uint8)
    mask[:, 40:80] = 255
    plan(replace(QUICK, width=None, height=None, init_image=wide, mask=mask), model)
    mask[:, :10] = 255
    with pytest.raises(StudioError, match="outside of the 64x64 square"):
        plan(replace(QUICK, width=None, height=None, init_image=wide, mask=mask), model)
