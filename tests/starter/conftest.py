"""The shipped model, and small things to draw with it."""

from __future__ import annotations

import numpy as np
import pytest

from ategnatos.starter.canvas import ByteArray
from ategnatos.starter.model import StarterModel, load_model
from ategnatos.starter.pipeline import generate
from ategnatos.starter.request import StarterRequest


@pytest.fixture(scope="session")
def model() -> StarterModel:
    return load_model()


@pytest.fixture(scope="session")
def potion(model: StarterModel) -> ByteArray:
    """A drawn sprite at twice its size (64, 64, 4)."""
    request = StarterRequest("a red potion", seed=3, width=64, height=64, steps=6)
    return generate(request, model=model).pictures[0].pixels()


@pytest.fixture(scope="session")
def lower_half() -> ByteArray:
    """A mask (64, 64) that lets the lower half change."""
    mask = np.zeros((64, 64), np.uint8)
    mask[32:] = 255
    return mask
