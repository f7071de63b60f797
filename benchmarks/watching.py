"""How often the monitor of a training is right, and what it costs.

    python benchmarks/watching.py [--runs 200] [--alarms | --speed]

Alarms: runs made by chance (``tests/train/watching/synthetic.py``), healthy ones of several shapes
and noises and sick ones; the share of healthy runs that a finding was wrong about, the share of
sick ones that was found, and how late, with 95 % intervals (Wilson). Speed: log lines through
parser and monitor beside a bare reading of the same lines, a curve of a million steps read and
thinned beside ``json.loads`` of its lines, a large LoRA looked into beside its hash; CPU seconds,
the best of several.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ategnatos.train.watching import curve
from ategnatos.train.watching.monitor import Monitor
from ategnatos.train.watching.values import Point
from ategnatos.trainers import load_trainer
from ategnatos.trainers.lines import Lines
from tests.train.watching import synthetic

ALARMING = ("divergence", "rising", "nan")


def wilson(hits: int, count: int) -> str:
    """A share with its 95 % interval."""
    if not count:
        return "-"
    share, z = hits / count, 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count**2)) / (1 + z * z / count)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return f"{100 * share:5.1f} %  ({100 * low:4.1f} to {100 * high:5.1f})  of {count}"


def healthy(runs: int) -> None:
    """Wrong findings over healthy runs."""
    print(f"{'healthy runs':34} {'divergence or rising':34} {'plateau':34}")
    for kind in ("falling", "settling", "flat"):
        for noise in (0.3, 0.7, 1.1):
            for average in (False, True):
                alarms, flats = 0, 0
                for number in range(runs):
                    draw = random.Random(f"{kind}{noise}{average}{number}")
                    steps = draw.choice((600, 1500, 3000))
                    level = synthetic.healthy(kind, draw)
                    single = synthetic.losses(level, steps, noise, draw)
                    epoch = draw.choice((40, 150, 400)) if average else 0
                    if epoch:
                        single = synthetic.averaged(single, epoch)
                    codes = {one.code for one in synthetic.watch(single, steps, epoch=epoch)}
                    alarms += bool(codes & set(ALARMING))
                    flats += "plateau" in codes
                name = f"{kind}, noise {noise}{', averaged' if average else ''}"
                # A falling run has no plateau; of the others it may be said, and rightly.
                right = "wrong" if kind == "falling" else "said "
                print(f"  {name:32} {wilson(alarms, runs):34} {right} {wilson(flats, runs)}")


def sick(runs: int) -> None:
    """Runs that diverge at 0.6 of their length."""
    print(f"\n{'sick runs':34} {'stopped':34} {'steps late, median':20} {'alarmed before':12}")
    for kind in ("jumps", "climbs", "from the start"):
        for noise in (0.3, 0.7, 1.1):
            for average in (False, True):
                hits, early, late = 0, 0, []
                for number in range(runs):
                    draw = random.Random(f"{kind}{noise}{average}{number}")
                    steps = draw.choice((600, 1500, 3000))
                    begins = 0.012 * steps if kind == "from the start" else 0.6 * steps
                    single = synthetic.losses(synthetic.sick(kind, draw), steps, noise, draw)
                    epoch = draw.choice((40, 150)) if average else 0
                    if epoch:
                        single = synthetic.averaged(single, epoch)
                    found = synthetic.watch(single, steps, epoch=epoch)
                    stops = [one.evidence["step"] for one in found if one.weight == "stop"]
                    early += any(one < begins for one in stops)
                    if stops and stops[0] >= begins:
                        hits += 1
                        late.append(stops[0] - begins)
                name = f"{kind}, noise {noise}{', averaged' if average else ''}"
                middle = f"{sorted(late)[len(late) // 2]:.0f}" if late else "-"
                print(f"  {name:32} {wilson(hits, runs):34} {middle:20} {early}")


def overfitting(runs: int) -> None:
    """Validations that rise from their lowest, and those that do not."""
    print(f"\n{'validation':34} {'overfitting said':34}")
    for name, rise, offset in (
        ("falls with the training", 0.0, 1.05),
        ("harder pictures, gap 0.6, falls", 0.0, 1.6),
        ("flat, gap 0.35", None, 1.35),
        ("rises by 60 % from a third on", 0.6, 1.05),
        ("rises by 150 %", 1.5, 1.05),
    ):
        for scatter in (0.03, 0.08):
            hits = 0
            for number in range(runs):
                draw = random.Random(f"{name}{scatter}{number}")
                training = synthetic.healthy("settling", draw)

                def validation(
                    share: float, training: synthetic.Level = training, rise: float | None = rise,
                    offset: float = offset,
                ) -> float:  # fmt: skip
                    if rise is None:
                        return training(1.0) * offset
                    return training(share) * offset * (1 + rise * max(0.0, share - 1 / 3) * 1.5)

                found = synthetic.validated(training, validation, 1200, 24, draw, scatter)
                hits += any(one.code == "overfitting" for one in found)
            print(f"  {name:32} {wilson(hits, runs)}   scatter {scatter}")


def best_of(times: int, work: Callable[[], object]) -> float:
    """CPU seconds of the fastest of several."""
    seconds = []
    for _ in range(times):
        begin = time.process_time()
        work()
        seconds.append(time.process_time() - begin)
    return min(seconds)


def log_speed() -> None:
    """A hundred thousand lines of each trainer."""
    print(f"\n{'log of 100,000 lines':26} {'bare lines':>12} {'parsed, watched':>16} {'ratio':>8}"
          f" {'microseconds a line':>20}")  # fmt: skip
    count = 50_000
    bar = "33%|###      | {0}/50000 [01:42<03:25,  1.02s/it, "
    bars = {
        "kohya": f"steps:  {bar}avr_loss={{1}}]\r",
        "ai-toolkit": f"owl:  {bar}lr: 1.0e-04 loss: {{1}}e-01]\r",
        "simpletuner": f"Epoch 1/9, Steps:  {bar}lr=0.0001, step_loss={{1}}]\r",
        "starter": "step {0}/50000 epoch 1/9 loss {1} rate 1.000e-04 0.100 s/step "
        "5.0 s gone 9.0 s left\n",
    }
    draw = random.Random(7)
    drawn = [f"{draw.uniform(0.05, 0.2):.4f}" for _ in range(count)]
    for name, drawing in bars.items():
        raw = "".join(drawing.format(step, drawn[step]) * 2 for step in range(count)).encode()
        pieces = [raw[at : at + 65536] for at in range(0, len(raw), 65536)]

        def bare(pieces: Sequence[bytes] = pieces) -> None:
            lines = Lines()
            for piece in pieces:
                for _ in lines.feed(piece):
                    pass

        def watched(pieces: Sequence[bytes] = pieces, name: str = name) -> None:
            lines, parser, monitor = Lines(), load_trainer(name).parser(), Monitor(count)
            for number, piece in enumerate(pieces):
                for line in lines.feed(piece):
                    for event in parser.parse(line):
                        monitor.feed(event, float(number))
            assert len(monitor.take()) > 0.99 * count

        floor, spent = best_of(5, bare), best_of(3, watched)
        print(f"  {name:24} {floor:11.3f}s {spent:15.3f}s {spent / floor:8.1f} {10 * spent:20.1f}")


def curve_speed() -> None:
    """A million steps: written, read, thinned."""
    import numpy as np

    from ategnatos.train.watching.thinning import chosen

    draw = random.Random(7)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        points = [Point(step, draw.uniform(0.05, 0.2), 1e-4, 1.0, 1.0) for step in range(1, 10**6)]
        write = best_of(1, lambda: curve.append(folder, points))
        lines = (folder / curve.NAME).read_bytes().splitlines()
        floor = best_of(3, lambda: [json.loads(line) for line in lines])
        read = best_of(3, lambda: curve.read(folder, 2000))
        kept = curve.read(folder, 2000)
    losses = np.array([one.loss for one in points])
    thin = best_of(9, lambda: chosen(losses, 2000))
    low = min(one.loss or 1.0 for one in kept.points)
    assert low == losses.min()
    print(f"\ncurve of 1,000,000 steps: {len(lines):,} lines")
    print(f"  json.loads of each line     {floor:7.3f} s CPU")
    print(
        f"  read and thinned to {len(kept.points):,}   {read:7.3f} s CPU, {read / floor:.2f} of it"
    )
    print(f"  thinning alone              {1000 * thin:7.1f} ms CPU")
    print(f"  written                     {write:7.3f} s CPU")


def checkpoint_speed() -> None:
    """A LoRA of 200 MB: looked into, and entered in a ledger, beside its hash alone."""
    import hashlib
    from datetime import UTC, datetime

    import numpy as np
    from safetensors.numpy import save_file

    from ategnatos.train.checkpoints import integrity, ledger
    from ategnatos.trainers import Checkpoint

    draw = np.random.default_rng(7)
    made = {}
    for layer in range(264):
        made[f"lora_unet_{layer}.lora_down.weight"] = draw.normal(0, 0.1, (96, 2048))
        made[f"lora_unet_{layer}.lora_up.weight"] = draw.normal(0, 0.1, (2048, 96))
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "output" / "owl.safetensors"
        path.parent.mkdir()
        save_file({name: one.astype(np.float16) for name, one in made.items()}, path)
        size = path.stat().st_size / 1e6

        def hashed() -> None:
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)

        floor = best_of(3, hashed)
        sample = best_of(3, lambda: integrity.check(path))
        whole = best_of(3, lambda: integrity.check(path, thorough=True))
        found = Checkpoint(path, None, 1, None)
        numbers = iter(range(100))

        def entered() -> None:
            folder = Path(place)
            (folder / "ledger.json").unlink(missing_ok=True)
            assert ledger.record(folder, found, step=next(numbers), now=datetime.now(UTC))

        record = best_of(3, entered)
        again = best_of(9, lambda: ledger.record(Path(place), found, now=datetime.now(UTC)))
    print(f"\na LoRA of {size:.0f} MB, CPU, beside sha256 of its bytes ({floor:.3f} s)")
    for name, spent in (
        ("looked into, a sample of it", sample),
        ("looked into, every number", whole),
        ("entered: looked into, hashed, its layers' norms", record),
        ("entered already", again),
    ):
        print(f"  {name:50} {spent:8.4f} s {spent / floor:7.2f}")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=200, help="runs of each kind")
    parser.add_argument("--alarms", action="store_true")
    parser.add_argument("--speed", action="store_true")
    asked = parser.parse_args()
    if asked.alarms or not asked.speed:
        healthy(asked.runs)
        sick(asked.runs)
        overfitting(asked.runs)
    if asked.speed or not asked.alarms:
        log_speed()
        curve_speed()
        checkpoint_speed()


if __name__ == "__main__":
    main()
