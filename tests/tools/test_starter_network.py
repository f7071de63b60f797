"""The networks of the starter model are stock classes with the shapes that the card names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # tools/ is not installed with the package

torch = pytest.importorskip("torch", reason="the starter model is trained with torch")
pytest.importorskip("diffusers", reason="the starter model is made of diffusers classes")

from tools.starter import network, train  # noqa: E402

pytestmark = pytest.mark.torch


def test_the_autoencoder_changes_nothing() -> None:
    vae = network.make_identity_vae()
    pixels = torch.rand(2, 4, 32, 32) * 2 - 1
    with torch.no_grad():
        latents = vae.encode(pixels).latents * vae.config.scaling_factor
        back = vae.decode(latents / vae.config.scaling_factor).sample
    assert (latents - pixels).abs().max() < 1e-5
    assert (back - pixels).abs().max() < 5e-4


def test_the_denoiser_has_six_million_parameters() -> None:
    unet = network.make_unet()
    assert sum(parameter.numel() for parameter in unet.parameters()) == 6_026_756
    with torch.no_grad():
        predicted = unet(torch.zeros(1, 4, 32, 32), 500, torch.zeros(1, 32, 96)).sample
    assert predicted.shape == (1, 4, 32, 32)


def test_the_rate_warms_up_stays_and_decays() -> None:
    assert train.rate_at(0, 0.0) < train.RATE / 100
    assert train.rate_at(5000, 0.1) == train.rate_at(9000, train.DECAY_FROM) == train.RATE
    assert train.rate_at(9999, 1.0) == pytest.approx(train.RATE * train.LAST_RATE)


def test_times_cover_the_whole_diffusion() -> None:
    times = train.pick_times(4000, torch.Generator().manual_seed(0))
    assert times.min() < 20
    assert times.max() > 980
    assert ((times > 250) & (times < 750)).float().mean() > 0.55
