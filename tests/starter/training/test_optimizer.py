"""The optimizers and schedules are those that torch and diffusers have."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ategnatos.starter.training.draws import Draws
from ategnatos.starter.training.optimizer import Optimizer, Schedule, Shape, clipped

STEPS, SIZE = 40, 50


@pytest.mark.torch
def test_adamw_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="the parity tests need torch")
    start = Draws(1).normal(SIZE)
    theirs = torch.nn.Parameter(torch.from_numpy(start.copy()))
    stock = torch.optim.AdamW([theirs], lr=0.01, weight_decay=0.1)
    ours, optimizer = start.copy(), Optimizer("adamw", SIZE, 0.1)
    for step in range(STEPS):
        gradient = Draws(2, step).normal(SIZE)
        theirs.grad = torch.from_numpy(gradient)
        stock.step()
        optimizer.move(ours, gradient, np.full(1, 0.01, np.float32), step)
    assert np.abs(ours - theirs.detach().numpy()).max() < 1e-5
    assert np.abs(ours - start).max() > 0.1


def test_lion_moves_by_the_sign_of_a_mixed_gradient() -> None:
    optimizer = Optimizer("lion", 2, 0.5)
    parameters = np.array([1, -1], np.float32)
    optimizer.move(parameters, np.array([3, -0.1], np.float32), np.full(1, 0.1, np.float32), 0)
    assert np.allclose(parameters, [1 * 0.95 - 0.1, -1 * 0.95 + 0.1])
    assert np.allclose(optimizer.mean, [0.03, -0.001])


@pytest.mark.torch
@pytest.mark.parametrize(
    ("shape", "warmup"),
    [
        ("constant", 0), ("constant-with-warmup", 7), ("linear", 7), ("cosine", 7),
        ("cosine-with-restarts", 7), ("polynomial", 7), ("cosine", 0),
    ],
)  # fmt: skip
def test_schedules_are_those_of_diffusers(shape: Shape, warmup: int) -> None:
    needed = "the parity tests need torch and diffusers"
    torch = pytest.importorskip("torch", reason=needed)
    optimization = pytest.importorskip("diffusers.optimization", reason=needed)
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    names = {"cosine-with-restarts": "cosine_with_restarts"}
    stock = optimization.get_scheduler(
        names.get(shape, shape.replace("-", "_")),
        optimizer,
        num_warmup_steps=warmup,
        num_training_steps=STEPS,
        num_cycles=3,
    )
    ours = Schedule(0.3, STEPS, shape, warmup, 3)
    for step in range(STEPS):
        assert ours.at(step) == pytest.approx(stock.get_last_lr()[0], abs=1e-7), step
        optimizer.step()
        stock.step()


def test_a_long_gradient_is_shortened_and_a_short_one_is_not() -> None:
    gradient = np.array([3, 4], np.float32)
    assert np.allclose(clipped(gradient, 1.0), [0.6, 0.8])
    assert clipped(gradient, 5.5) is gradient
    assert clipped(gradient, 0) is gradient


def test_draws_depend_on_their_name_alone() -> None:
    first = Draws(7, 1, 2).normal(1000)
    Draws(7, 1, 3).normal(5)
    assert (Draws(7, 1, 2).normal(1000) == first).all()
    assert (Draws(7, 2, 1).normal(1000) != first).any()
    assert abs(float(first.mean())) < 4 / math.sqrt(1000)
    assert abs(float(first.std()) - 1) < 0.1
    order = Draws(1).order(50)
    assert sorted(order.tolist()) == list(range(50))
    assert Draws(2).whole(1000, 3).min() == 0
    assert Draws(2).whole(1000, 3).max() == 2
