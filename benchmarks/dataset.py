"""How fast and how right datasets are looked at. Ratios against bare loops of the same run.

    python benchmarks/dataset.py                 # all, a few minutes of one core
    python benchmarks/dataset.py --only speed    # speed, hashes, memory, quality, incremental
    ATEGNATOS_TEST_SEED=7 python benchmarks/dataset.py --only quality --pictures 2000

CPU seconds, children included, with one worker beside one bare loop (two threads of one core slow
each other down); each loop runs several times, in turn with what it is compared to,
and the fastest counts.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from ategnatos.grimoire.project import Project  # noqa: E402
from ategnatos.train.dataset import store  # noqa: E402
from ategnatos.train.dataset.audit import passing  # noqa: E402
from ategnatos.train.dataset.audit.auditing import audit  # noqa: E402
from ategnatos.train.dataset.audit.workers import look_at_all  # noqa: E402
from ategnatos.train.dataset.duplicates import multi_index  # noqa: E402
from ategnatos.train.dataset.duplicates.hashes import LYINGS, Hashes, low_frequencies  # noqa: E402
from ategnatos.train.dataset.duplicates.near import near  # noqa: E402
from ategnatos.train.dataset.duplicates.of_version import duplicates  # noqa: E402
from ategnatos.train.dataset.duplicates.second_look import laid  # noqa: E402
from ategnatos.train.dataset.importing import bring  # noqa: E402
from ategnatos.train.dataset.version import Version  # noqa: E402
from tests.train.dataset import generated, hostile  # noqa: E402

ROUNDS = 3


def cpu() -> float:
    """CPU seconds of this process and of those that it waited for."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def timed(work: Callable[[], object]) -> float:
    """CPU seconds of one run."""
    begun = cpu()
    work()
    return cpu() - begun


def mixed(folder: Path, count: int, seed: int) -> None:
    """``count`` pictures of 1024 x 1024: 80 % JPEG, 10 % PNG, 10 % WebP."""
    folder.mkdir(parents=True)
    for n in range(count):
        rng = np.random.default_rng([seed, 50, n])
        image = generated.STYLES[n % len(generated.STYLES)](rng, 1024, 1024)
        noisy = np.asarray(image, np.int16) + rng.integers(-5, 6, (1024, 1024, 1), np.int16)
        image = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
        if n % 10 < 8:
            image.save(folder / f"p{n:05d}x.jpg", quality=int(rng.integers(80, 96)))
        elif n % 10 == 8:
            image.save(folder / f"p{n:05d}x.png")
        else:
            image.save(folder / f"p{n:05d}x.webp", quality=88)


def imported(root: Path, folder: Path) -> tuple[Project, Version]:
    """A studio with the folder as its dataset."""
    project = Project.create(root)
    offered = bring.gather(project, [folder], None)
    brought = bring.bring(project, "set", offered, actor="user:bench", now=datetime.now(UTC))
    assert brought.version is not None
    return project, brought.version


def speed(work: Path, count: int, seed: int) -> None:
    """dedup against a draft-decode loop, the audit against a full-decode loop."""
    mixed(work / "mixed", count, seed)
    project, version = imported(work / "studio", work / "mixed")
    paths = [store.file_path(project, "set", one.sha256) for one in version.pictures]

    def bare(draft: bool) -> None:
        for path in paths:
            with Image.open(path) as image:
                if draft:
                    image.draft("RGB", (128, 128))
                image.load()

    def forget() -> None:
        for left in store.home(project, "set").glob("looks.sqlite*"):
            left.unlink()

    def dedup() -> None:
        forget()
        duplicates(project, version, workers=1)

    def whole() -> None:
        forget()
        audit(project, version, workers=1)

    drafts, dedups, fulls, audits = [], [], [], []
    for _ in range(ROUNDS):
        drafts.append(timed(lambda: bare(True)))
        dedups.append(timed(dedup))
        fulls.append(timed(lambda: bare(False)))
        audits.append(timed(whole))
    again = timed(lambda: passing.looks(project, version))
    print(f"{count} pictures of 1024 px, 80 % JPEG, 10 % PNG, 10 % WebP; CPU s, best of {ROUNDS}")
    _line("dedup alone", min(dedups), "bare draft-decode loop", min(drafts), 1.15)
    _line("full audit", min(audits), "bare full-decode loop", min(fulls), 1.6)
    stats = timed(lambda: [path.stat() for path in paths])
    print(
        f"  second audit, nothing changed: {again:.3f} s, {1e6 * again / count:.0f} us a file"
        f" (bare stat loop {stats:.3f} s)"
    )


def _line(name: str, own: float, floor_name: str, floor: float, reach: float) -> None:
    ratio = own / floor
    print(
        f"  {name}: {own:.2f} s; {floor_name}: {floor:.2f} s; ratio {ratio:.2f}"
        f" (to reach: {reach}) {'ok' if ratio <= reach else 'NOT REACHED'}"
    )


def hashes(seed: int) -> None:
    """100,000 hashes of 64 bits, a tenth of them near another, grouped."""
    rng = np.random.default_rng(seed)
    count = 100_000
    known = rng.integers(0, 2**64, count, dtype=np.uint64)
    flips = np.zeros(count // 10, np.uint64)
    for _ in range(8):
        flips |= np.uint64(1) << rng.integers(0, 64, count // 10).astype(np.uint64)
    known[-count // 10 :] = known[: count // 10] ^ flips
    sample = known[:2000]
    taken = [timed(lambda: multi_index.within(known, 10)) for _ in range(ROUNDS)]
    first, second = multi_index.within(known, 10)
    every = timed(lambda: (np.bitwise_count(sample[:, None] ^ known[None]) <= 10).sum())
    found = set(zip(first.tolist(), second.tolist(), strict=True))
    planted = {(n, count - count // 10 + n) for n in range(count // 10)}
    print(
        f"{count:,} hashes grouped: {min(taken):.2f} CPU s (to reach: 5)"
        f" {'ok' if min(taken) <= 5 else 'NOT REACHED'}; every pair by popcount would take"
        f" {every * count / 2000 / 2:.1f} s; {len(planted - found)} of {len(planted)} missed"
    )


def search(seed: int) -> None:
    """The whole search for pairs among 100,000 pictures: eight lyings and eight crops."""
    rng = np.random.default_rng(seed)
    count, planted = 100_000, 5_000
    low = rng.normal(size=(count, 8, 8)) / (1 + np.add.outer(np.arange(8), np.arange(8)))
    wave = np.cos(np.pi * np.outer(np.arange(8), 2 * np.arange(32) + 1) / 64)
    stack = np.empty((count, 32, 32), np.uint8)
    for start in range(0, count, 4096):
        drawn = np.einsum("nij,ix,jy->nxy", low[start : start + 4096], wave, wave)
        stack[start : start + 4096] = (128 + 40 * drawn).clip(0, 255).astype(np.uint8)
    # The last are the first again, laid another way and a little noisier.
    ways = rng.integers(0, len(LYINGS), planted)
    copies = laid(stack[:planted], ways).astype(np.int16) + rng.integers(-4, 5, (planted, 32, 32))
    stack[-planted:] = copies.clip(0, 255).astype(np.uint8)
    hashes = Hashes(())
    hashes.__dict__["low"] = np.concatenate(
        [low_frequencies(stack[n : n + 4096], 8) for n in range(0, count, 4096)]
    )
    colour = np.full((count, 16, 16, 3), 128, np.uint8)
    taken = []

    def look() -> None:
        taken.append(near(hashes, stack, colour))

    seconds = timed(look)
    found = set(zip(taken[0].first.tolist(), taken[0].second.tolist(), strict=True))
    missed = sum((n, count - planted + n) not in found for n in range(planted))
    print(
        f"{count:,} pictures searched in {len(LYINGS)} lyings and eight crops: {seconds:.1f} CPU s,"
        f" {len(found):,} pairs for the second look; {missed} of {planted} planted copies missed"
    )


def memory(work: Path, seed: int) -> None:
    """The largest resident size of the process that asks, above one that only imports."""
    mixed(work / "memory", 200, seed)
    project, _ = imported(work / "memory-studio", work / "memory")
    code = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from ategnatos.grimoire.project import Project\n"
        "from ategnatos.train.dataset import record\n"
        "from ategnatos.train.dataset.audit.auditing import audit\n"
        "import PIL.Image, numpy, scipy.fftpack\n"
        # A child of a large process starts with its ru_maxrss; the kernel's own mark does not.
        "def most():\n"
        "    return int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "before = most()\n"
        "project = Project(Path(sys.argv[1]))\n"
        "audit(project, record.load(project, 'set'))\n"
        "print(before, most())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(project.root)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    before, after = (int(one) / 1024 for one in done.stdout.split())
    above = after - before
    print(
        f"memory: {above:.0f} MB above the imports in the process that asks (to reach: 300)"
        f" {'ok' if above <= 300 else 'NOT REACHED'}"
    )


def quality(work: Path, count: int, seed: int) -> None:
    """Duplicates and damage on generated pictures whose truth is known."""
    truth = generated.make(work / "quality", count, seed)
    project, version = imported(work / "quality-studio", work / "quality")
    begun = cpu()
    compared, _ = duplicates(project, version)
    taken = cpu() - begun
    found = {
        frozenset((one, other))
        for group in compared.groups
        if group.kind != "series"
        for n, one in enumerate(group.files)
        for other in group.files[n + 1 :]
    }
    right = found & set(truth.pairs)
    recall, precision = len(right) / len(truth.pairs), len(right) / max(1, len(found))
    runs = [list(group.files) for group in compared.groups if group.kind == "series"]
    print(
        f"duplicates: seed {seed}, {len(truth.files)} pictures, {len(truth.pairs)} pairs,"
        f" {taken:.1f} CPU s"
    )
    good = recall >= 0.99 and precision >= 0.995
    print(
        f"  recall {recall:.4f} (0.99), precision {precision:.4f} (0.995)"
        f" {'ok' if good else 'NOT REACHED'}; look-alikes reported:"
        f" {len(found & truth.look_alikes)} of {len(truth.look_alikes)};"
        f" series {sum(run in truth.series for run in runs)} of {len(truth.series)}"
    )
    for how in generated.ALTERATIONS:
        pairs = {pair for pair, kind in truth.pairs.items() if kind == how}
        print(f"    {how}: {len(pairs & found)} of {len(pairs)}")
    _damage(work, seed)


def _damage(work: Path, seed: int) -> None:
    broken, whole = {}, {}
    for n in range(6):
        broken |= {f"{n}-{name}": data for name, (data, _) in hostile.broken(seed + n).items()}
        whole |= {f"{n}-{name}": data for name, data in hostile.whole(seed + n).items()}
    hostile.fill(work / "broken", broken)
    hostile.fill(work / "whole", whole)
    counts = []
    for folder in ("broken", "whole"):
        tasks = [(str(path), "") for path in sorted((work / folder).iterdir())]
        counts.append(sum(look.problem is not None for _, look in look_at_all(tasks, full=True)))
    good = counts == [len(broken), 0]
    print(
        f"damage: {counts[0]} of {len(broken)} broken files found, {counts[1]} of {len(whole)}"
        f" whole ones accused {'ok' if good else 'NOT REACHED'}"
    )


def main() -> None:
    """Run what was asked for and print its lines."""
    parts = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts.add_argument("--only", choices=("speed", "hashes", "memory", "quality"))
    parts.add_argument("--pictures", type=int, default=5000, help="of the quality set")
    parts.add_argument("--speed-pictures", type=int, default=1000)
    given = parts.parse_args()
    seed = generated.todays_seed()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if given.only in {None, "speed"}:
            speed(work, given.speed_pictures, seed)
        if given.only in {None, "hashes"}:
            hashes(seed)
            search(seed)
        if given.only in {None, "memory"}:
            memory(work, seed)
        if given.only in {None, "quality"}:
            quality(work, given.pictures, seed)
    print(f"{time.monotonic() - begun:.0f} s in all")


if __name__ == "__main__":
    main()
