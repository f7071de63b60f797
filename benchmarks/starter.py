"""The starter model's speed and memory, beside torch and diffusers with the same weights.

    python benchmarks/starter.py [--runs 5]

Prints, as medians over the runs: a whole process from prompt to PNG file (wall, CPU, peak
memory), four pictures of twelve steps in a warm process, and the ratio of each to stock
diffusers measured in the same run. CPU seconds are the figure to trust on a busy machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PROMPT, NEGATIVE, SEED, STEPS, GUIDANCE, PICTURES, SIDE = "a red potion", "", 7, 12, 2.0, 4, 512
PEERS = ("ours", "stock")
NEEDED_BY_STOCK = ("torch", "diffusers", "transformers")


def ours(png: Path, runs: int) -> list[tuple[float, float]]:
    """One picture to ``png``, then ``runs`` timed batches: wall and CPU seconds of each."""
    from ategnatos.engines import Request
    from ategnatos.engines.starter import StarterEngine

    engine = StarterEngine()
    request = Request(PROMPT, SEED, steps=STEPS, cfg=GUIDANCE, width=SIDE, height=SIDE)
    png.write_bytes(engine.generate(request).images[0].png)
    batch = Request(PROMPT, SEED, PICTURES, steps=STEPS, cfg=GUIDANCE, width=SIDE, height=SIDE)
    return [timed(lambda: engine.generate(batch)) for _ in range(runs)]


def stock(png: Path, runs: int) -> list[tuple[float, float]]:
    """The same with StableDiffusionPipeline, enlarging with Pillow."""
    import torch
    from diffusers import StableDiffusionPipeline
    from diffusers.utils import logging
    from PIL import Image

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder = ROOT / "ategnatos" / "starter" / "weights"
    pipeline = StableDiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)

    def draw(count: int) -> list[Image.Image]:
        made = pipeline(
            PROMPT,
            negative_prompt=NEGATIVE,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            num_images_per_prompt=count,
            generator=torch.Generator().manual_seed(SEED),
        )
        return [image.resize((SIDE, SIDE), Image.Resampling.NEAREST) for image in made.images]

    draw(1)[0].save(png)
    return [timed(lambda: draw(PICTURES)) for _ in range(runs)]


def timed(work: Any) -> tuple[float, float]:
    """Wall and CPU seconds of one call."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def process(peer: str, runs: int) -> dict[str, Any]:
    """Run one peer in a process of its own: its batches, and what the process itself took."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--peer", peer, "--runs", str(runs), "--png"]
        start = time.perf_counter()
        child = subprocess.Popen(
            [*command, str(Path(folder) / "picture.png")],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Threads that spin while they wait would make torch ten times slower on a busy machine.
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "passive"},
        )
        assert child.stdout is not None
        printed = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"The {peer} process failed with exit code {child.returncode}.")
    unit = 1024 if sys.platform.startswith("linux") else 1  # ru_maxrss: KiB on Linux
    return {
        "batches": json.loads(printed),
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "mib": used.ru_maxrss * unit / 1024**2,
    }


def medians(peer: str, runs: int) -> dict[str, float]:
    """Medians of ``runs`` cold processes and of ``runs`` batches in one warm process."""
    cold = [process(peer, 0) for _ in range(runs)]
    warm = process(peer, runs)
    return {
        "whole process, prompt to PNG: wall s": statistics.median(one["wall"] for one in cold),
        "whole process, prompt to PNG: CPU s": statistics.median(one["cpu"] for one in cold),
        "whole process, prompt to PNG: peak MiB": statistics.median(one["mib"] for one in cold),
        f"{PICTURES} pictures, {STEPS} steps: wall s": statistics.median(
            wall for wall, _ in warm["batches"]
        ),
        f"{PICTURES} pictures, {STEPS} steps: CPU s": statistics.median(
            processor for _, processor in warm["batches"]
        ),
        f"{PICTURES} pictures, {STEPS} steps: peak MiB": warm["mib"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="how many times (default 5)")
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    parser.add_argument("--png", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        work = {"ours": ours, "stock": stock}[arguments.peer]
        print(json.dumps(work(arguments.png, arguments.runs)))
        return

    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, load {load:.1f} at the start, {arguments.runs} runs, medians")
    measured = {"ours": medians("ours", arguments.runs)}
    missing = [name for name in NEEDED_BY_STOCK if importlib.util.find_spec(name) is None]
    if missing:
        print(f"No comparison: {', '.join(missing)} not installed.")
    else:
        measured["stock"] = medians("stock", arguments.runs)
    print(f"{'':44}{'numpy':>9}{'torch':>9}{'torch / numpy':>15}")
    for name, value in measured["ours"].items():
        line = f"{name:44}{value:9.2f}"
        if "stock" in measured:
            peer = measured["stock"][name]
            line += f"{peer:9.2f}{peer / value:14.1f}x"
        print(line)


if __name__ == "__main__":
    main()
