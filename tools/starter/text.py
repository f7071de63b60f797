"""The text encoder, trained alone on captions and then frozen.

Learned jointly with the pictures it picks up kinds long before colours. Alone it takes seconds:
what a caption says has to be readable off its mean state through fixed orthonormal directions.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import CLIPTextModel, CLIPTokenizer

from .captions import STYLES, Fact
from .data import Examples
from .network import WIDTH, make_text_encoder
from .sprites.chance import Chance
from .tokens import TOKENS, save_tokenizer
from .words import Words

STEPS, BATCH, RATE, SHARPNESS = 700, 192, 1.5e-3, 4.0


def prepare_tokenizer(words: Words, folder: Path) -> CLIPTokenizer:
    """Write the tokenizer files into `folder` and load them."""
    save_tokenizer(words.known(), folder)
    return CLIPTokenizer.from_pretrained(folder)


def encode(tokenizer: CLIPTokenizer, captions: list[str]) -> torch.Tensor:
    """Return token numbers (captions, 32), padded with the end token, cut when too long."""
    return tokenizer(
        captions, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt"
    ).input_ids


def answers(fact: Fact, words: Words) -> list[int]:
    """Return the class of `fact` in each group of `group_sizes`; 0 is silence."""
    return [
        1 + list(words.kinds).index(fact.kind) if fact.kind else 0,
        1 + list(words.colours).index(fact.colour) if fact.colour else 0,
        1 + list(words.sizes).index(fact.size) if fact.size else 0,
        *(int(style in fact.styles) for style in STYLES),
    ]


def group_sizes(words: Words) -> list[int]:
    """Return the number of classes of kind, colour, size and each style."""
    return [1 + len(words.kinds), 1 + len(words.colours), 1 + len(words.sizes), 2, 2, 2]


def train_text_encoder(
    words: Words, examples: Examples, tokenizer: CLIPTokenizer, seed: int = 1
) -> tuple[CLIPTextModel, float]:
    """Train a text encoder; return it and its accuracy on fresh captions (all groups right)."""
    torch.manual_seed(seed)
    chance = Chance(np.random.default_rng(seed))
    encoder = make_text_encoder(len(tokenizer))
    sizes = group_sizes(words)
    directions = torch.linalg.qr(torch.randn(WIDTH, WIDTH))[0][:, : sum(sizes)]
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)

    def logits(count: int) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
        pairs = [examples.caption(chance) for _ in range(count)]
        tokens = encode(tokenizer, [caption for caption, _ in pairs])
        mean = encoder(tokens).last_hidden_state.mean(1)
        targets = torch.tensor([answers(fact, words) for _, fact in pairs])
        return (SHARPNESS * mean @ directions).split(sizes, dim=1), targets

    for _ in range(STEPS):
        groups, targets = logits(BATCH)
        loss = sum(
            functional.cross_entropy(group, targets[:, number])
            for number, group in enumerate(groups)
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    encoder.eval().requires_grad_(False)
    with torch.no_grad():
        groups, targets = logits(2000)
        right = torch.stack(
            [group.argmax(1) == targets[:, number] for number, group in enumerate(groups)]
        )
    return encoder, float(right.all(0).float().mean())
