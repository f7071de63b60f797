"""Training of the denoiser: v-prediction, data-parallel over gloo, resumable, timed by a clock.

Learning rate: warm-up, a long constant phase, a cosine decay over the last part (DECAY_FROM). The
plan is in minutes or in samples; the file `RUN/plan` (one number) replaces it while training runs:
a larger number extends the constant phase, a smaller one brings the decay forward.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.distributed as distributed
from safetensors.torch import load_file
from torch.nn import functional
from transformers import CLIPTextModel, CLIPTokenizer

from .data import Examples, draw_maps, to_model
from .network import make_scheduler, make_unet
from .sprites.chance import Chance
from .text import encode
from .words import load_words

BATCH = 32  # per process
RATE, WARM_UP, DECAY_FROM, LAST_RATE = 1.5e-3, 200, 0.6, 0.01
EMA = 0.9985
SILENCE = 0.12  # share of empty captions, for guidance
SAVE_SECONDS = 180.0
MAPS_EACH, MAPS_SEED = 32, 11
TRAINING_FILE = "training.json"  # in an exported folder: how far its training was


@dataclass
class Progress:
    """How far training is; summed over all processes and pauses.

    ``continued_from`` are the samples of the exported model that this run began with.
    """

    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    continued_from: int = 0


def pick_times(count: int, generator: torch.Generator) -> torch.Tensor:
    """Draw diffusion times 0..999: 35 % uniform, 65 % logit-normal (the middle matters most)."""
    uniform = torch.rand(count, generator=generator)
    middle = torch.sigmoid(torch.randn(count, generator=generator))
    chosen = torch.where(torch.rand(count, generator=generator) < 0.35, uniform, middle)
    return (chosen * 1000).long().clamp(0, 999)


def rate_at(step: int, done: float) -> float:
    """Return the learning rate at `step` when the share `done` of the plan is over."""
    warm = min(1.0, (step + 1) / WARM_UP)
    decay = min(1.0, max(0.0, (done - DECAY_FROM) / (1 - DECAY_FROM)))
    return RATE * warm * (LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + math.cos(math.pi * decay)))


class Trainer:
    """One process of the training; rank 0 writes checkpoints and the log into `run`."""

    def __init__(
        self, run: Path, plan: float, unit: str, weights: dict[str, float], start: Path | None
    ) -> None:
        self.run, self.plan, self.unit = run, plan, unit
        self.rank = distributed.get_rank()
        self.world = distributed.get_world_size()
        words = load_words()
        maps = draw_maps(words, MAPS_EACH, MAPS_SEED, run / "maps.npy")
        self.examples = Examples(words, maps, weights)
        self.tokenizer = CLIPTokenizer.from_pretrained(run / "tokenizer")
        self.text_encoder = CLIPTextModel.from_pretrained(run / "text_encoder").float().eval()
        self.text_encoder.requires_grad_(False)
        torch.manual_seed(2)
        self.unet = make_unet().train()
        self.average = make_unet().eval().requires_grad_(False)
        self.average.load_state_dict(self.unet.state_dict())
        self.parameters = list(self.unet.parameters())
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=RATE, betas=(0.9, 0.99), weight_decay=0.01
        )
        self.signal = make_scheduler().alphas_cumprod.sqrt()
        self.progress = Progress()
        self.first_step = 0  # of this optimizer: its rate warms up from here
        if not self.resume() and start:
            self.start_from(start)
        seed = 1000 * self.progress.step + self.rank
        self.chance = Chance(np.random.default_rng(seed))
        self.generator = torch.Generator().manual_seed(seed)

    # --- checkpoints --------------------------------------------------------------------------

    def resume(self) -> bool:
        """Continue from the checkpoint of `run`; return whether there is one."""
        path = self.run / "checkpoint.pt"
        if not path.exists():
            return False
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.unet.load_state_dict(state["unet"])
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])
        return True

    def start_from(self, folder: Path) -> None:
        """Begin with the exported denoiser of `folder` and its counts, but a new optimizer."""
        exported = load_file(folder / "unet" / "diffusion_pytorch_model.safetensors")
        for unet in (self.unet, self.average):
            unet.load_state_dict({name: value.float() for name, value in exported.items()})
        self.progress = Progress(**json.loads((folder / TRAINING_FILE).read_text()))
        self.progress.continued_from = self.progress.samples
        self.first_step = self.progress.step

    def save(self) -> None:
        """Write the checkpoint, and the averaged weights apart; whole or not at all."""
        states = {
            "checkpoint.pt": {
                "unet": self.unet.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "progress": vars(self.progress),
            },
            "average.pt": {
                "average": self.average.state_dict(),
                "progress": vars(self.progress),
            },
        }
        for name, state in states.items():
            part = self.run / (name + ".part")
            torch.save(state, part)
            part.replace(self.run / name)

    # --- one step -----------------------------------------------------------------------------

    def loss(self) -> torch.Tensor:
        """Return the mean squared error of the v-prediction on a fresh batch."""
        rgba, captions, _ = self.examples.batch(BATCH, self.chance)
        captions = ["" if self.chance.flip(SILENCE) else caption for caption in captions]
        with torch.no_grad():
            text = self.text_encoder(encode(self.tokenizer, captions)).last_hidden_state
        clean = torch.from_numpy(to_model(rgba))
        noise = torch.randn(clean.shape, generator=self.generator)
        times = pick_times(len(clean), self.generator)
        signal = self.signal[times].view(-1, 1, 1, 1)
        spread = (1 - signal**2).sqrt()
        noisy = signal * clean + spread * noise
        target = signal * noise - spread * clean
        with torch.autocast("cpu", torch.bfloat16):
            predicted = self.unet(noisy, times, text).sample
        return functional.mse_loss(predicted.float(), target)

    def share_gradients(self, *facts: float) -> list[float]:
        """Average the gradients over the processes; return each of `facts` summed over them."""
        flat = torch.cat([*(p.grad.reshape(-1) for p in self.parameters), torch.tensor(facts)])
        distributed.all_reduce(flat)
        start = 0
        for parameter in self.parameters:
            count = parameter.numel()
            parameter.grad.copy_(flat[start : start + count].view_as(parameter) / self.world)
            start += count
        return flat[start:].tolist()

    @torch.no_grad()
    def update_average(self) -> None:
        """Move the averaged weights towards the current ones; quicker at the start."""
        step = self.progress.step
        keep = min(EMA, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.average.parameters()), self.parameters, 1 - keep)

    def done(self) -> float:
        """Return the share of the plan that is over; rank 0 alone reads clock and plan file."""
        path = self.run / "plan"
        if path.exists():
            self.plan = float(path.read_text())
        spent = self.progress.seconds / 60 if self.unit == "minutes" else self.progress.samples
        return spent / self.plan

    def train(self) -> None:
        """Train until the plan is over."""
        progress, recent = self.progress, []
        clock, saved = time.monotonic(), time.monotonic()
        cpu = time.process_time()
        log = (self.run / "log.txt").open("a", buffering=1) if self.rank == 0 else None
        while True:
            loss = self.loss()
            self.optimizer.zero_grad()
            loss.backward()
            now, cpu_now = time.monotonic(), time.process_time()
            # what rank 0 knows travels with the gradients, so that all stop and decay together
            done, losses, cpu_spent = self.share_gradients(
                self.done() if self.rank == 0 else 0.0, loss.item(), cpu_now - cpu
            )
            progress.seconds += now - clock
            progress.cpu_seconds += cpu_spent
            clock, cpu = now, cpu_now
            torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
            for group in self.optimizer.param_groups:
                group["lr"] = rate_at(progress.step - self.first_step, done)
            self.optimizer.step()
            progress.step += 1
            progress.samples += BATCH * self.world
            self.update_average()
            recent.append(losses / self.world)
            over = done >= 1.0
            if log and (progress.step % 100 == 0 or over):
                rate = self.optimizer.param_groups[0]["lr"]
                log.write(
                    f"{time.strftime('%H:%M:%S')} step {progress.step} samples {progress.samples} "
                    f"loss {np.mean(recent):.4f} rate {rate:.2e} done {done:.3f} "
                    f"minutes {progress.seconds / 60:.1f} cpu {progress.cpu_seconds / 60:.1f}\n"
                )
                recent = []
            if self.rank == 0 and (over or now - saved > SAVE_SECONDS):
                self.save()
                saved = now
            if over:
                return


def run_process(rank: int, world: int, port: int, arguments: argparse.Namespace) -> None:
    """Train as process `rank` of `world`."""
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    distributed.init_process_group("gloo", rank=rank, world_size=world)
    unit = "samples" if arguments.samples else "minutes"
    weights = dict(pair.split("=") for pair in arguments.weight)
    trainer = Trainer(
        arguments.run,
        arguments.samples or arguments.minutes,
        unit,
        {kind: float(weight) for kind, weight in weights.items()},
        arguments.start,
    )
    trainer.train()
    distributed.destroy_process_group()


def train(arguments: argparse.Namespace) -> None:
    """Start the processes of a training and wait for them."""
    if arguments.start:
        for part in ("text_encoder", "tokenizer"):
            if not (arguments.run / part).exists():
                shutil.copytree(arguments.start / part, arguments.run / part)
    draw_maps(load_words(), MAPS_EACH, MAPS_SEED, arguments.run / "maps.npy")
    torch.multiprocessing.spawn(
        run_process, (arguments.processes, arguments.port, arguments), arguments.processes
    )
