"""Hold what we compute about trainers against the trainers' own code, where it lies beside us.

    python benchmarks/trainer_rules.py --kohya DIR --ai-toolkit DIR --simpletuner DIR \
        --musubi DIR [--sizes N]

Each DIR is a checkout. The functions that choose a bucket are cut out of its source (so that no
torch and no model is needed) and asked about N random sizes; every answer must be ours.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import math
import random
import sys
import types
from collections.abc import Callable
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from ategnatos.train.dataset.structure import buckets, kohya, layout

Size = tuple[int, int]
RESOLUTIONS = (256, 512, 768, 1024)


def cut(path: Path, names: set[str], given: dict[str, Any]) -> dict[str, Any]:
    """The functions and classes called ``names`` of a source file, in a namespace ``given``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if getattr(node, "name", "") in names]
    assert {getattr(node, "name", "") for node in tree.body} == names, path
    # Annotations name torch and Pillow types that are not there.
    future = ast.parse("from __future__ import annotations").body
    tree.body = [*future, *tree.body]
    exec(compile(tree, str(path), "exec"), given)
    return given


def sizes(number: int, seed: int = 7) -> list[Size]:
    """Random sizes within 20 to 1, as pictures are."""
    rng, found = random.Random(seed), []
    while len(found) < number:
        size = (rng.randrange(16, 5000), rng.randrange(16, 5000))
        if max(size) <= 20 * min(size):
            found.append(size)
    return found


def compare(
    name: str, theirs: Callable[[Size], Size], ours: Callable[[Size], Size], of: list[Size]
) -> int:
    """Print how many sizes were answered alike; the number of differences."""
    wrong = [(one, theirs(one), ours(one)) for one in of if theirs(one) != ours(one)]
    print(f"{name:<44} {len(of) - len(wrong):>6} of {len(of)} alike")
    for size, other, own in wrong[:3]:
        print(f"    {size}: theirs {other}, ours {own}")
    return len(wrong)


def check_kohya(home: Path, of: list[Size]) -> int:
    """kohya's BucketManager with its make_bucket_resolutions."""
    given: dict[str, Any] = {"math": math, "np": np, "random": random}
    cut(home / "library/model_util.py", {"make_bucket_resolutions"}, given)
    given["model_util"] = types.SimpleNamespace(
        make_bucket_resolutions=given["make_bucket_resolutions"]
    )
    manager = cut(home / "library/train_util.py", {"BucketManager"}, given)["BucketManager"]
    wrong = 0
    for resolution in RESOLUTIONS:
        least, most, step = kohya.limits(layout.Frame("kohya", "d", resolution))
        for upscale in (True, False):
            made = manager(not upscale, (resolution, resolution), least, most, step)
            if upscale:
                made.make_buckets()
            ours = buckets.kohya(resolution, least=least, most=most, steps=step, upscale=upscale)
            # Where kohya itself stops (a side of nothing), we leave the picture out.
            taken = [one for one in of if upscale or _fits(ours, one, step)]
            wrong += compare(
                f"kohya {resolution} {'enlarging' if upscale else 'not enlarging'}",
                lambda size, made=made: made.select_bucket(*size)[0],
                ours,
                taken,
            )
    return wrong


def _fits(choose: Callable[[Size], Size], size: Size, step: int) -> bool:
    try:
        return min(choose(size)) >= step
    except ZeroDivisionError:
        return False


def check_ai_toolkit(home: Path, of: list[Size]) -> int:
    """ai-toolkit's get_bucket_for_image_size."""
    spec = importlib.util.spec_from_file_location("aitk_buckets", home / "toolkit/buckets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def theirs(size: Size, resolution: int, by: int) -> Size:
        found = module.get_bucket_for_image_size(*size, resolution=resolution, divisibility=by)
        return found["width"], found["height"]

    return sum(
        compare(
            f"ai-toolkit {resolution} by {by}",
            lambda size, r=resolution, b=by: theirs(size, r, b),
            buckets.ai_toolkit(resolution, divisibility=by),
            of,
        )
        for resolution in RESOLUTIONS
        for by in (16, 32)
    )


def check_simpletuner(home: Path, of: list[Size]) -> int:
    """SimpleTuner's MultiaspectImage, with TrainingSample's last word on squares."""
    wrong = 0
    for by in (64, 16):
        for resolution in RESOLUTIONS:
            seen: dict[Any, Size] = {}
            state = types.SimpleNamespace(
                get_args=lambda by=by: types.SimpleNamespace(
                    aspect_bucket_alignment=by, aspect_bucket_rounding=2
                ),
                get_resolution_by_aspect=lambda dataloader_resolution, aspect, seen=seen: seen.get(
                    aspect
                ),
                set_resolution_by_aspect=lambda seen=seen, **said: seen.__setitem__(
                    said["aspect"], said["resolution"]
                ),
            )
            given: dict[str, Any] = {
                "np": np,
                "sqrt": sqrt,
                "Real": (int, float),
                "StateTracker": state,
                "logger": types.SimpleNamespace(debug=lambda *_: None),
                "Image": types.SimpleNamespace(Image=type("Image", (), {})),
            }
            path = home / "simpletuner/helpers/multiaspect/image.py"
            image = cut(path, {"MultiaspectImage"}, given)["MultiaspectImage"]

            def theirs(size: Size, image: Any = image, resolution: int = resolution) -> Size:
                aspect = image.calculate_image_aspect_ratio(size)
                # pixel_area: an edge in pixels becomes megapixels (config/image.py).
                target, _, _ = image.calculate_new_size_by_pixel_area(
                    aspect, resolution * resolution / 1e6, size
                )
                if image.calculate_image_aspect_ratio(target) == 1.0:
                    edge = image._round_to_nearest_multiple(sqrt(resolution * resolution))
                    return (edge, edge)
                return tuple(target)

            known = {size: theirs(size) for size in of}
            wrong += compare(
                f"SimpleTuner {resolution} by {by}",
                known.__getitem__,
                _in_order(resolution, by, of),
                of,
            )
    return wrong


def _in_order(resolution: int, by: int, of: list[Size]) -> Callable[[Size], Size]:
    choose = buckets.simpletuner(resolution, alignment=by)
    return {size: choose(size) for size in of}.__getitem__


def check_musubi(home: Path, of: list[Size]) -> int:
    """musubi-tuner's BucketSelector."""
    given: dict[str, Any] = {"math": math, "np": np}
    path = home / "src/musubi_tuner/dataset/"
    names = cut(path / "media_utils.py", {"divisible_by"}, given)
    source = (path / "architectures.py").read_text(encoding="utf-8")
    exec(compile(source, "architectures.py", "exec"), names)
    selector = cut(path / "bucket.py", {"BucketSelector"}, names)["BucketSelector"]
    wrong = 0
    for architecture, step in (("zi", 16), ("ho1", 32)):
        for resolution in RESOLUTIONS:
            for upscale in (True, False):
                made = selector((resolution, resolution), True, not upscale, architecture)
                wrong += compare(
                    f"musubi {resolution} by {step} {'enlarging' if upscale else 'as they are'}",
                    made.get_bucket_resolution,
                    buckets.musubi(resolution, steps=step, upscale=upscale),
                    of,
                )
    return wrong


def main() -> int:
    """Run every check whose checkout is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kohya", type=Path)
    parser.add_argument("--ai-toolkit", type=Path)
    parser.add_argument("--simpletuner", type=Path)
    parser.add_argument("--musubi", type=Path)
    parser.add_argument("--sizes", type=int, default=5_000)
    parsed = parser.parse_args()
    of = sizes(parsed.sizes)
    checks = (
        (parsed.kohya, check_kohya),
        (parsed.ai_toolkit, check_ai_toolkit),
        (parsed.simpletuner, check_simpletuner),
        (parsed.musubi, check_musubi),
    )
    named = [(home, check) for home, check in checks if home is not None]
    if not named:
        parser.error("name at least one checkout")
    wrong = sum(check(home, of) for home, check in named)
    print(f"{wrong} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
