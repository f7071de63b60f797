"""The way from noise to picture, where it can be known without a network."""

from __future__ import annotations

import numpy as np
import pytest

from ategnatos.starter.limits import SOLVER_ORDERS
from ategnatos.starter.model import StarterModel
from ategnatos.starter.noise import noise
from ategnatos.starter.request import first_step
from ategnatos.starter.sampler import Sampler

STEPS = 10


@pytest.mark.parametrize("order", SOLVER_ORDERS.values())
def test_a_perfect_prediction_leads_to_the_picture(model: StarterModel, order: int) -> None:
    picture, start = np.tanh(noise(1, 32, 4)), noise(2, 32, 4)
    sampler = Sampler(model.schedule, STEPS, order)
    sample = sampler.noisy(picture, start, 0)
    for step in range(STEPS):
        assert np.allclose(sample, sampler.noisy(picture, start, step), atol=1e-4)
        sigma = sampler.sigmas[step]
        velocity = (start - sigma * picture) / np.sqrt(1 + sigma * sigma)
        sample = sampler.step(step, sample, velocity.astype(np.float32))
    assert np.allclose(sample, picture, atol=1e-4)


def test_a_prediction_out_of_range_is_clipped_and_its_noise_follows(model: StarterModel) -> None:
    """With eps of the unclipped picture the sample would run away from the clipped one."""
    sampler = Sampler(model.schedule, STEPS, 1)
    sample = np.full((1, 1, 1), 3.0, np.float32)
    for step in range(STEPS):
        sample = sampler.step(step, sample, np.full_like(sample, -5.0))
        assert np.abs(sample).max() < 3.5
    assert sample.item() == 1


def test_noise_falls_to_nothing(model: StarterModel) -> None:
    sampler = Sampler(model.schedule, STEPS, 2)
    assert sampler.timesteps[0] == 999
    assert (np.diff(sampler.timesteps) < 0).all()
    assert (np.diff(sampler.sigmas) < 0).all()
    assert sampler.sigmas[-1] == 0


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 12, 999, 1000])
def test_any_number_of_steps_is_taken(model: StarterModel, steps: int) -> None:
    assert len(Sampler(model.schedule, steps, 2).timesteps) == steps


@pytest.mark.parametrize(
    ("steps", "strength", "first"), [(10, 1.0, 0), (10, 0.5, 5), (12, 0.3, 9), (10, 0.05, 10)]
)
def test_strength_is_the_share_of_steps_taken(steps: int, strength: float, first: int) -> None:
    assert first_step(steps, strength) == first


def test_noise_is_normal_and_the_same_for_ever() -> None:
    made = noise(7, 32, 4)
    assert made.shape == (32, 32, 4)
    assert abs(made.mean()) < 0.05
    assert abs(made.std() - 1) < 0.05
    expected = [0.577923357, 0.465651631, 0.159756094, -0.856152117]
    assert np.allclose(made[0, 0], expected, atol=1e-6)
    assert (noise(8, 32, 4) != made).all()
    assert np.isfinite(noise(2**70, 32, 4)).all()
