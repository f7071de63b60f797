"""What every engine promises, as tests that any engine can be run through.

Subclass :class:`EngineContract` in a test file, name it ``Test...``, and give it two fixtures:
``engine``, ready to work, and ``request_of``, the smallest request that it makes a picture of.
Class attributes say what of the contract applies to this engine. A stranger's engine copies
this file or reads it from the source distribution; it needs nothing but pytest and Pillow.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from PIL import Image as PillowImage

from ategnatos.engines import (
    Capabilities,
    Engine,
    Health,
    Image,
    PriceEstimate,
    Progress,
    Request,
    Result,
)
from ategnatos.grimoire.errors import StudioError

NEEDED_SETTINGS = {
    "engine", "model", "model_sha256", "prompt", "negative", "seed", "steps", "cfg", "sampler",
    "width", "height",
}  # fmt: skip


class StoppedError(Exception):
    """Raised by a test from inside the progress callback, as Ctrl-C would be."""


def decoded(image: Image) -> PillowImage.Image:
    """The picture's pixels as RGBA; fails where the bytes are no PNG."""
    with PillowImage.open(io.BytesIO(image.png), formats=["PNG"]) as opened:
        return opened.convert("RGBA")


def pixels(result: Result) -> list[bytes]:
    """The pixels of each picture, without the file around them."""
    return [decoded(image).tobytes() for image in result.images]


def encoded(mode: str, size: tuple[int, int], colour: Any) -> bytes:
    """A PNG of one colour."""
    output = io.BytesIO()
    PillowImage.new(mode, size, colour).save(output, "PNG")
    return output.getvalue()


class EngineContract:
    """The contract. Every test takes the engine as a caller would: by its Protocol alone."""

    same_seed_same_pixels: ClassVar[bool] = True
    """False for a service that does not promise it; its settings must then say so."""

    free: ClassVar[bool] = False
    """True for an engine that bills nothing: its estimate is then exactly zero."""

    cannot: ClassVar[Sequence[dict[str, Any]]] = ()
    """Changes of the request that this engine refuses, beyond those that every engine does."""

    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError("give the engine under test")

    @pytest.fixture
    def request_of(self) -> Request:
        raise NotImplementedError("give the smallest request that works")

    # --- what it says of itself ---------------------------------------------------------------

    def test_it_is_an_engine_with_a_name(self, engine: Engine) -> None:
        assert isinstance(engine, Engine)
        assert engine.name
        assert engine.name == engine.name.lower().strip()

    def test_its_capabilities_are_facts_that_fit_together(self, engine: Engine) -> None:
        able = engine.capabilities()
        assert isinstance(able, Capabilities)
        assert engine.label
        assert able.samplers
        assert able.max_count >= 1
        for side in (able.default_width, able.default_height):
            assert 1 <= able.min_side <= side <= able.max_side

    def test_health_answers_with_a_next_step_when_it_is_not_well(self, engine: Engine) -> None:
        health = engine.health()
        assert isinstance(health, Health)
        assert health.message
        assert health.ok or health.hint
        json.dumps(health.details)

    def test_the_price_is_a_decimal_with_its_reason(
        self, engine: Engine, request_of: Request
    ) -> None:
        price = engine.estimate(request_of)
        assert isinstance(price, PriceEstimate)
        assert isinstance(price.amount_usd, Decimal)
        assert price.amount_usd.is_finite()
        assert price.amount_usd >= 0
        assert price.basis
        assert not self.free or price.amount_usd == 0

    # --- planning -----------------------------------------------------------------------------

    def test_a_plan_leaves_nothing_open(self, engine: Engine, request_of: Request) -> None:
        planned, warnings = engine.plan(request_of)
        for field in ("model", "width", "height", "steps", "cfg", "sampler"):
            assert getattr(planned, field) is not None, field
        assert planned.sampler in engine.capabilities().samplers
        assert (planned.seed, planned.count) == (request_of.seed, request_of.count)
        assert all(isinstance(warning, str) and warning for warning in warnings)

    def test_planning_a_plan_changes_nothing(self, engine: Engine, request_of: Request) -> None:
        planned, _ = engine.plan(request_of)
        assert engine.plan(planned)[0] == planned

    def test_what_was_asked_for_is_in_the_plan(self, engine: Engine, request_of: Request) -> None:
        able = engine.capabilities()
        for change in ({"steps": 3}, {"cfg": 3.0}, {"sampler": able.samplers[-1]}):
            planned, _ = engine.plan(replace(request_of, **change))
            for field, value in change.items():
                assert getattr(planned, field) == value

    # --- making -------------------------------------------------------------------------------

    def test_the_plan_is_made_exactly(self, engine: Engine, request_of: Request) -> None:
        planned, _ = engine.plan(request_of)
        (image,) = engine.generate(request_of).images
        assert set(image.settings) >= NEEDED_SETTINGS
        assert image.settings["engine"] == engine.name
        for field in ("model", "prompt", "negative", "seed", "steps", "cfg", "sampler"):
            assert image.settings[field] == getattr(planned, field), field
        assert json.loads(json.dumps(image.settings)) == image.settings

    def test_the_size_is_that_of_the_plan(self, engine: Engine, request_of: Request) -> None:
        planned, _ = engine.plan(request_of)
        (image,) = engine.generate(request_of).images
        asked = (planned.width, planned.height)
        assert (image.width, image.height) == decoded(image).size == asked
        assert (image.settings["width"], image.settings["height"]) == asked

    def test_as_many_as_asked_for_with_rising_seeds(
        self, engine: Engine, request_of: Request
    ) -> None:
        many = replace(request_of, count=min(3, engine.capabilities().max_count))
        result = engine.generate(many)
        seeds = [request_of.seed + index for index in range(many.count)]
        assert [image.seed for image in result.images] == seeds
        assert [image.settings["seed"] for image in result.images] == seeds
        assert len(set(pixels(result))) == many.count, "another seed is another picture"

    def test_the_same_request_is_the_same_pictures(
        self, engine: Engine, request_of: Request
    ) -> None:
        if not self.same_seed_same_pixels:
            pytest.skip("this engine does not promise it")
        two = replace(request_of, count=min(2, engine.capabilities().max_count))
        first = engine.generate(two)
        assert pixels(engine.generate(two)) == pixels(first)
        last = replace(request_of, seed=first.images[-1].seed)
        assert pixels(engine.generate(last)) == pixels(first)[-1:], "seed + i is picture i"

    def test_another_prompt_is_another_picture(self, engine: Engine, request_of: Request) -> None:
        other = replace(request_of, prompt="a blue sword")
        assert pixels(engine.generate(other)) != pixels(engine.generate(request_of))

    # --- progress and cancel ------------------------------------------------------------------

    def test_progress_rises_and_ends_at_its_total(
        self, engine: Engine, request_of: Request
    ) -> None:
        seen: list[Progress] = []
        engine.generate(replace(request_of, count=1), seen.append)
        assert seen, "there is progress to see"
        done = [progress.done for progress in seen]
        assert done == sorted(done)
        assert done[0] >= 0
        assert seen[-1].done == seen[-1].total
        assert all(0 <= progress.done <= progress.total for progress in seen)

    def test_what_the_callback_raises_stops_the_work_and_leaves_nothing(
        self, engine: Engine, request_of: Request
    ) -> None:
        calls = []

        def stop(progress: Progress) -> None:
            calls.append(progress)
            raise StoppedError

        with pytest.raises(StoppedError):
            engine.generate(request_of, stop)
        assert len(calls) == 1
        assert len(engine.generate(request_of).images) == 1, "the next request is served"

    # --- what it will not do ------------------------------------------------------------------

    def test_a_negative_prompt_without_guidance_is_warned_of(
        self, engine: Engine, request_of: Request
    ) -> None:
        inert = replace(request_of, negative="a blue sword", cfg=1.0)
        _, warnings = engine.plan(inert)
        assert any("negative" in warning.lower() for warning in warnings)
        assert any("negative" in warning.lower() for warning in engine.generate(inert).warnings)

    @pytest.mark.parametrize(
        "change",
        [
            {"count": 0},
            {"steps": 0},
            {"sampler": "no such sampler"},
            {"model": "no such model"},
            {"family": "no such family"},
            {"workflow": "no workflow"},
            {"workflow": "{}"},
            {"strength": 0.5},
            {"mask": encoded("L", (64, 64), 255)},
            {"init_image": b"no picture"},
            {"init_image": encoded("RGB", (64, 64), "red"), "strength": 1.5},
            {"init_image": encoded("RGB", (64, 64), "red"), "mask": encoded("L", (32, 32), 255)},
        ],
        ids=lambda change: " and ".join(change),
    )
    def test_what_no_engine_can_honour_is_refused_before_any_work(
        self, engine: Engine, request_of: Request, change: dict[str, Any]
    ) -> None:
        self.refused(engine, replace(request_of, **change))

    def test_sizes_and_counts_beyond_its_limits_are_refused(
        self, engine: Engine, request_of: Request
    ) -> None:
        able = engine.capabilities()
        for change in (
            {"width": able.min_side - 1},
            {"height": able.max_side + 1},
            {"count": able.max_count + 1},
        ):
            self.refused(engine, replace(request_of, **change))

    def test_what_this_engine_cannot_do_is_refused(
        self, engine: Engine, request_of: Request
    ) -> None:
        for change in self.cannot:
            self.refused(engine, replace(request_of, **change))

    def test_what_its_capabilities_deny_is_refused(
        self, engine: Engine, request_of: Request
    ) -> None:
        able = engine.capabilities()
        picture = encoded("RGB", (able.default_width, able.default_height), "red")
        mask = encoded("L", (able.default_width, able.default_height), 255)
        if not able.image_to_image:
            self.refused(engine, replace(request_of, init_image=picture))
        if not able.inpaint:
            self.refused(engine, replace(request_of, init_image=picture, mask=mask))

    def refused(self, engine: Engine, request: Request) -> None:
        """Plan and generate both raise ``engine_cannot`` with a next step, and make nothing."""
        calls: list[Progress] = []
        for attempt in (engine.plan, lambda asked: engine.generate(asked, calls.append)):
            with pytest.raises(StudioError) as raised:
                attempt(request)
            assert raised.value.code.code == "engine_cannot"
            assert raised.value.message
            assert raised.value.hint
            json.dumps(raised.value.details)
        assert not calls

    # --- pictures that go in ------------------------------------------------------------------

    def test_an_image_to_image_starts_from_the_image(
        self, engine: Engine, request_of: Request
    ) -> None:
        able = engine.capabilities()
        if not able.image_to_image:
            pytest.skip("this engine makes pictures from text only")
        size = (able.default_width, able.default_height)
        asked = replace(request_of, width=None, height=None, steps=4, strength=0.5)
        red = engine.generate(replace(asked, init_image=encoded("RGB", size, (200, 30, 30))))
        blue = engine.generate(replace(asked, init_image=encoded("RGB", size, (30, 30, 200))))
        assert pixels(red) != pixels(blue)
        assert red.images[0].settings["strength"] == 0.5

    def test_an_inpaint_keeps_what_the_mask_does_not_mark(
        self, engine: Engine, request_of: Request
    ) -> None:
        able = engine.capabilities()
        if not able.inpaint:
            pytest.skip("this engine does not inpaint")
        width, height = able.default_width, able.default_height
        mask = PillowImage.new("L", (width, height), 0)
        mask.paste(255, (0, 0, width // 2, height))
        output = io.BytesIO()
        mask.save(output, "PNG")
        asked = replace(
            request_of,
            width=None,
            height=None,
            init_image=encoded("RGB", (width, height), (200, 30, 30)),
            mask=output.getvalue(),
        )
        picture = decoded(engine.generate(asked).images[0])
        kept = picture.crop((width // 2, 0, width, height))
        assert kept.getcolors() == [(kept.width * kept.height, (200, 30, 30, 255))]
        changed = picture.crop((0, 0, width // 2, height))
        assert changed.getcolors() != [(changed.width * changed.height, (200, 30, 30, 255))]
