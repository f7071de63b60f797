"""A classifier of sprites, trained on drawings: it reads kind, colour, size and style.

It sees every combination, the ones withheld from the model too, drawn with another seed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from .data import Examples, draw_maps, to_model
from .sprites.chance import Chance
from .words import Words

STEPS, BATCH, RATE = 1400, 64, 2e-3
MAPS_EACH, MAPS_SEED = 16, 77
HEADS = ("kind", "colour", "size", "outlined", "shiny", "flat")


class Judge(nn.Module):
    """A small convolutional network with one head for each of `HEADS`."""

    def __init__(self, words: Words) -> None:
        super().__init__()
        self.sizes = [len(words.kinds), len(words.colours), 3, 2, 2, 2]

        def block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, stride, 1), nn.GroupNorm(8, outputs), nn.SiLU()
            )

        self.body = nn.Sequential(
            block(4, 32, 1),
            block(32, 48, 2),
            block(48, 64, 1),
            block(64, 96, 2),
            block(96, 128, 1),
            block(128, 192, 2),
            nn.Flatten(),
            nn.Dropout(0.2),
        )
        self.head = nn.Linear(192 * 16, sum(self.sizes))

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the logits of each head for model pixels (n, 4, 32, 32)."""
        return self.head(self.body(pixels)).split(self.sizes, dim=1)

    @torch.no_grad()
    def read(self, rgba: np.ndarray) -> np.ndarray:
        """Return the classes (n, 6) that RGBA bytes (n, 32, 32, 4) show, in order of `HEADS`."""
        self.eval()
        pixels = torch.from_numpy(to_model(rgba))
        parts = [
            torch.stack([head.argmax(1) for head in self(chunk)], 1) for chunk in pixels.split(200)
        ]
        return torch.cat(parts).numpy()


def train_judge(words: Words, path: Path, seed: int = 5) -> tuple[Judge, dict[str, float]]:
    """Train a judge, or load it from `path`; return it and its accuracy on fresh drawings."""
    judge = Judge(words)
    if path.exists():
        state = torch.load(path, weights_only=True)
        judge.load_state_dict(state["judge"])
        return judge.eval(), state["accuracy"]
    torch.manual_seed(seed)
    judge = Judge(words)
    chance = Chance(np.random.default_rng(seed))
    examples = Examples(words, draw_maps(words, MAPS_EACH, MAPS_SEED), withhold=False)
    optimizer = torch.optim.AdamW(judge.parameters(), lr=RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        rgba, _, labels = examples.batch(BATCH, chance)
        pixels = torch.from_numpy(to_model(rgba))
        # generated sprites are a little rough: learn to look past it
        pixels = pixels + 0.08 * torch.rand(len(pixels), 1, 1, 1) * torch.randn_like(pixels)
        loss = sum(
            functional.cross_entropy(logits, torch.from_numpy(labels[:, number]))
            for number, logits in enumerate(judge(pixels))
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    fresh = Examples(words, draw_maps(words, 3, MAPS_SEED + 1), withhold=False)
    rgba, _, labels = fresh.batch(3000, chance)
    right = (judge.read(rgba) == labels).mean(0)
    accuracy = {name: float(share) for name, share in zip(HEADS, right, strict=True)}
    torch.save({"judge": judge.state_dict(), "accuracy": accuracy}, path)
    return judge.eval(), accuracy
