"""The starter trainer's speed, beside the same steps in torch and peft.

    python benchmarks/train_starter.py [--steps 5] [--whole]

One process for both, one thread each, taking turns: the same model, batch, rank-8 pairs on the
same layers, and AdamW. Prints seconds of processor time a step (the least of the steps, the
figure that a busy machine spoils least) and their ratio, and how far apart the losses and the
gradients are. With ``--whole`` it also trains the sixteen owls of ``quickstart --train`` on all
cores, and says how long that takes.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from ategnatos.starter.model import StarterModel, load_model  # noqa: E402
from ategnatos.starter.threads import one_core_a_product  # noqa: E402
from ategnatos.starter.training.course import Course  # noqa: E402
from ategnatos.starter.training.examples import Example, as_model  # noqa: E402
from ategnatos.starter.training.passes import Batch, Pass  # noqa: E402
from ategnatos.starter.training.recipe import Recipe  # noqa: E402

NEEDED = ("torch", "diffusers", "transformers", "peft")
RECIPE = Recipe(steps=220, seed=1, rate=3e-3, caption_dropout=0.1, prior_weight=0.3)


def owls() -> list[Example]:
    """The packaged owls."""
    from PIL import Image

    found = []
    for path in sorted((ROOT / "ategnatos" / "starter" / "owls").glob("*.png")):
        pixels = as_model(np.asarray(Image.open(path).convert("RGBA")), 32)
        found.append(Example(pixels, path.with_suffix(".txt").read_text().strip()))
    return found


def ours(course: Course) -> Callable[[Batch], tuple[float, Any]]:
    """A step of ours in one thread."""
    flat = np.zeros_like(course.adapters.parameters)
    one = Pass(course.model, course.adapters, flat, text_encoder=False)
    rate = np.full(1, RECIPE.rate, np.float32)

    def step(batch: Batch) -> tuple[float, Any]:
        flat[:] = 0
        loss = float(one.run(batch).sum())
        course.optimizer.move(course.adapters.parameters, flat, rate, 0)
        course.adapters.refresh()
        return loss, flat.copy()

    return step


def theirs(course: Course) -> Callable[[Batch], tuple[float, Any]]:
    """The same in torch with peft's layers, its gradients in our order."""
    import torch
    from diffusers import DDPMScheduler, UNet2DConditionModel
    from peft import LoraConfig, inject_adapter_in_model
    from transformers import CLIPTextModel

    torch.set_num_threads(1)
    folder = course.model.description.folder
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
    text = CLIPTextModel.from_pretrained(folder / "text_encoder", dtype=torch.float32)
    scheduler = DDPMScheduler.from_pretrained(folder / "scheduler", prediction_type="v_prediction")
    unet.requires_grad_(False)
    text.requires_grad_(False)
    pairs = {layer: pair for (_, layer), pair in course.adapters.items()}
    config = LoraConfig(r=RECIPE.rank, lora_alpha=RECIPE.alpha, target_modules=list(pairs))
    inject_adapter_in_model(config, unet)
    modules = dict(unet.named_modules())
    trained = []
    for layer, pair in pairs.items():
        down, up = pair.pair(course.adapters.parameters)
        halves = [modules[layer].lora_A["default"].weight, modules[layer].lora_B["default"].weight]
        with torch.no_grad():
            for weight, value in zip(halves, (down, up), strict=True):
                weight.copy_(torch.from_numpy(value))
        trained += halves
    optimizer = torch.optim.AdamW(trained, lr=RECIPE.rate, weight_decay=RECIPE.weight_decay)

    def planes(pixels: Any) -> Any:
        return torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))

    def step(batch: Batch) -> tuple[float, Any]:
        times = torch.from_numpy(batch.timesteps)
        pictures, noise = planes(batch.pictures), planes(batch.noise)
        with torch.no_grad():
            states = text(torch.from_numpy(batch.tokens)).last_hidden_state
        found = unet(scheduler.add_noise(pictures, noise, times), times, states).sample
        error = found - scheduler.get_velocity(pictures, noise, times)
        loss = ((error**2).mean(dim=(1, 2, 3)) * torch.from_numpy(batch.weights)).sum()
        optimizer.zero_grad()
        loss.backward()
        gradients = [one.grad.numpy().copy() for one in trained]
        optimizer.step()
        return loss.item(), gradients

    return step


def distance(course: Course, flat: Any, gradients: list[Any]) -> float:
    """How far our whole gradient is from theirs, relative to its length."""
    wrong = whole = 0.0
    for number, (_, pair) in enumerate(course.adapters.items()):
        for found, wanted in zip(pair.pair(flat), gradients[2 * number :], strict=False):
            wrong += float(((found - wanted).astype(np.float64) ** 2).sum())
            whole += float((wanted.astype(np.float64) ** 2).sum())
    return float((wrong / whole) ** 0.5)


def timed(step: Callable[[Batch], tuple[float, Any]], batch: Batch) -> tuple[float, float, Any]:
    """Processor seconds, loss and gradients of one step."""
    began = time.process_time()
    loss, gradients = step(batch)
    return time.process_time() - began, loss, gradients


def whole(model: StarterModel) -> None:
    """The training of quickstart, without its prior pictures."""
    course = Course(model, RECIPE, owls())
    wall, processor = time.perf_counter(), time.process_time()
    while not course.finished:
        course.advance()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    first, last = np.mean(course.losses[:20]), np.mean(course.losses[-20:])
    print(
        f"The owls, {RECIPE.steps} steps of {RECIPE.batch}: {wall:.1f} s, {processor:.1f} CPU-s; "
        f"loss {first:.3f} -> {last:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5, help="timed steps of each (default 5)")
    parser.add_argument("--whole", action="store_true", help="train the owls too")
    arguments = parser.parse_args()
    model = load_model()
    course = Course(model, RECIPE, owls())
    # Up is zero at first, and with it half of the gradients.
    course.adapters.parameters += (
        np.random.default_rng(0).normal(0, 0.02, len(course.adapters.parameters)).astype(np.float32)
    )
    course.adapters.refresh()
    steps = {"numpy": ours(course)}
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"No comparison: {', '.join(missing)} not installed.")
    else:
        steps["torch + peft"] = theirs(course)
    least = dict.fromkeys(steps, float("inf"))
    with one_core_a_product():
        for number in range(arguments.steps + 1):
            found = {name: timed(step, course.batch(number)) for name, step in steps.items()}
            if number == 0 and "torch + peft" in found:
                (_, loss, flat), (_, peer, gradients) = found["numpy"], found["torch + peft"]
                print(f"first step: loss {loss:.6f} and {peer:.6f}, ", end="")
                print(f"gradients {distance(course, flat, gradients):.1e} apart (relative)")
            elif number:
                least = {name: min(least[name], found[name][0]) for name in steps}
    print(f"one step of {RECIPE.batch}, rank {RECIPE.rank}, one thread, processor seconds:")
    for name, seconds in least.items():
        print(f"  {name:14}{seconds:8.3f}{seconds / least['numpy']:8.2f}x")
    if arguments.whole:
        whole(model)


if __name__ == "__main__":
    main()
