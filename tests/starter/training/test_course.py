"""A training: what it learns, and that its chances are its seed's alone."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ategnatos.starter.model import StarterModel, load_model
from ategnatos.starter.pipeline import generate
from ategnatos.starter.request import LoraWeight, StarterRequest
from ategnatos.starter.training import lora_file
from ategnatos.starter.training.course import Course
from ategnatos.starter.training.examples import Example, Order, as_model
from ategnatos.starter.training.recipe import Recipe

OWLS = Path(__file__).parents[3] / "ategnatos" / "starter" / "owls"
TINY = Recipe(steps=2, seed=3, rank=2, alpha=2.0, convolution_rank=2, batch=3, caption_dropout=0.5)


@pytest.fixture(scope="module")
def model() -> StarterModel:
    return load_model()


@pytest.fixture(scope="module")
def owls() -> list[Example]:
    """The sixteen captioned owls of the package."""
    found = []
    for path in sorted(OWLS.glob("*.png")):
        with Image.open(path) as picture:
            pixels = as_model(np.asarray(picture.convert("RGBA")), 32)
        found.append(Example(pixels, path.with_suffix(".txt").read_text().strip()))
    assert len(found) == 16
    return found


def test_a_short_training_learns_its_pictures(
    model: StarterModel, owls: list[Example], tmp_path: Path
) -> None:
    course = Course(model, Recipe(steps=24, seed=1, rate=4e-3, batch=4, schedule="constant"), owls)
    before = course.validation_loss(owls[:4])
    while not course.finished:
        course.advance()
    assert course.validation_loss(owls[:4]) < 0.75 * before
    path = tmp_path / "owl.safetensors"
    path.write_bytes(
        lora_file.contents(course, {"modelspec.trigger_phrase": "ategnatos owl"}, np.float16)
    )
    # The cream of the belly and face, which is neither on a picture of the plain model.
    cream = {weight: cream_pixels(model, path, weight) for weight in (0.0, 1.0)}
    assert cream[1.0] > cream[0.0] + 40, cream


def cream_pixels(model: StarterModel, lora: Path, weight: float) -> int:
    request = StarterRequest(
        "a blue ategnatos owl, outlined", 1, width=32, height=32, loras=(LoraWeight(lora, weight),)
    )
    red, green, blue, alpha = generate(request, model=model).pictures[0].sprite.transpose(2, 0, 1)
    warm = (alpha == 255) & (red > 200) & (green > 180) & (blue > 140) & (red > blue)
    return int(warm.sum())


def test_one_core_and_many_give_the_same_numbers(
    model: StarterModel, owls: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    def weights(cores: int) -> bytes:
        monkeypatch.setattr("ategnatos.starter.training.course.workers", lambda: cores)
        course = Course(model, replace(TINY, batch=5), owls)
        while not course.finished:
            course.advance()
        return course.adapters.parameters.tobytes()

    assert weights(1) == weights(2) == weights(3)


def test_the_same_seed_is_the_same_file_and_another_is_not(
    model: StarterModel, owls: list[Example]
) -> None:
    def trained(seed: int) -> bytes:
        course = Course(model, replace(TINY, seed=seed), owls)
        while not course.finished:
            course.advance()
        return lora_file.contents(course, {"b": "2", "a": "1"}, np.float16)

    assert trained(3) == trained(3)
    assert trained(3) != trained(4)


def test_captions_are_dropped_as_often_as_asked(model: StarterModel, owls: list[Example]) -> None:
    course = Course(model, replace(TINY, batch=16, caption_dropout=0.25), owls)
    nothing = model.tokenizer.encode("")
    seen = np.concatenate([course.batch(step).tokens for step in range(20)])
    share = float((seen == nothing).all(axis=1).mean())
    assert 0.15 < share < 0.35
    whole = Course(model, replace(TINY, caption_dropout=0.0), owls)
    assert not (whole.batch(0).tokens == nothing).all(axis=1).any()


def test_shuffled_captions_keep_their_first_part(model: StarterModel, owls: list[Example]) -> None:
    said = "an owl, red, small, shiny, flat"
    example = replace(owls[0], caption=said)
    recipe = replace(TINY, shuffle_captions=True, caption_dropout=0.0, batch=1)
    course = Course(model, recipe, [example])
    seen = {tuple(course.batch(step).tokens[0]) for step in range(12)}
    assert len(seen) > 3
    first = len(model.tokenizer.tokens("an owl")) + 1
    assert len({tokens[:first] for tokens in seen}) == 1
    assert len({tuple(sorted(tokens)) for tokens in seen}) == 1, "the same words"


def test_a_prior_picture_weighs_what_it_is_told(model: StarterModel, owls: list[Example]) -> None:
    mixed = [owls[0], replace(owls[1], prior=True)]
    batch = Course(model, replace(TINY, batch=2, prior_weight=0.3), mixed).batch(0)
    assert sorted(batch.weights.tolist()) == pytest.approx([0.15, 0.5])


def test_min_snr_lessens_what_is_nearly_clean(model: StarterModel, owls: list[Example]) -> None:
    course = Course(model, replace(TINY, batch=16, min_snr_gamma=5.0), owls)
    batch = course.batch(0)
    ratio = model.schedule.sigmas[batch.timesteps] ** -2
    wanted = np.minimum(ratio, 5) / (ratio + 1) / 16
    assert np.allclose(batch.weights, wanted, rtol=1e-4)


def test_an_epoch_shows_each_picture_as_often_as_its_repeats(owls: list[Example]) -> None:
    order = Order([replace(owls[0], repeats=3), owls[1], replace(owls[2], repeats=2)], 4, seed=1)
    assert order.steps_an_epoch == 2
    for epoch in range(3):
        steps = range(2 * epoch, 2 * epoch + 2)
        shown = Counter(int(number) for step in steps for number in order.at(step))
        assert shown == {0: 3, 1: 1, 2: 2}
    assert [order.epoch(step) for step in range(4)] == [0, 0, 1, 1]


def test_pictures_of_any_size_become_the_models_square() -> None:
    sprite = np.zeros((32, 32, 4), np.uint8)
    sprite[8:24, 4:28] = (200, 100, 50, 255)
    plain = as_model(sprite, 32)
    assert (as_model(sprite.repeat(16, 0).repeat(16, 1), 32) == plain).all(), "enlarged pixel art"
    assert (plain[0, 0] == [0, 0, 0, -1]).all()
    small = as_model(sprite[8:24, 8:24], 32)
    assert (small[..., 3] == 1).all(), "half the side: grown by two"
    wide = as_model(np.full((50, 100, 4), 255, np.uint8), 32)
    assert [(wide[row, :, 3] == 1).all() for row in (7, 8, 23, 24)] == [False, True, True, False]


def test_the_packaged_owls_are_what_the_tool_draws(tmp_path: Path) -> None:
    from tools.starter.owls import write_owls

    write_owls(tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(os.listdir(OWLS))
    for path in sorted(tmp_path.iterdir()):
        if path.suffix == ".txt":
            assert path.read_text() == (OWLS / path.name).read_text()
        else:
            with Image.open(path) as ours, Image.open(OWLS / path.name) as kept:
                assert (np.asarray(ours) == np.asarray(kept)).all(), path.name
