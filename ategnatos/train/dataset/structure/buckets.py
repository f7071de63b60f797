"""Into which size each trainer brings a picture of a given size: pure, as their sources do it.

Sources: kohya-ss/sd-scripts library/model_util.py (make_bucket_resolutions) and
library/train_util.py (BucketManager.select_bucket); ostris/ai-toolkit toolkit/buckets.py;
bghira/SimpleTuner helpers/multiaspect/image.py (calculate_new_size_by_pixel_area) with
helpers/image_manipulation/training_sample.py;
kohya-ss/musubi-tuner dataset/bucket.py (BucketSelector). ``benchmarks/trainer_rules.py`` holds
these functions against the trainers' own code, where that lies beside the project.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor, sqrt

Size = tuple[int, int]
Choose = Callable[[Size], Size]


def kohya(
    resolution: int, *, least: int, most: int, steps: int = 64, upscale: bool = True
) -> Choose:
    """kohya's choice for square ``resolution``, buckets from ``least`` to ``most`` pixels."""
    if not upscale:
        return lambda size: _kohya_no_upscale(size, resolution * resolution, steps)
    known = _kohya_resolutions(resolution, least, most, steps)
    taken = set(known)

    def choose(size: Size) -> Size:
        if size in taken:
            return size
        aspect = size[0] / size[1]
        # The first of equals, as numpy's argmin takes it.
        return min(known, key=lambda one: abs(one[0] / one[1] - aspect))

    return choose


def _kohya_resolutions(resolution: int, least: int, most: int, steps: int) -> list[Size]:
    area = resolution * resolution
    side = int(sqrt(area) // steps) * steps
    found = {(side, side)}
    width = least
    while width <= most:
        height = min(most, (area // width) // steps * steps)
        if height >= least:
            found |= {(width, height), (height, width)}
        width += steps
    return sorted(found)


def _kohya_no_upscale(size: Size, area: int, steps: int) -> Size:
    width, height = size
    aspect = width / height
    if width * height > area:
        ideal_width = sqrt(area * aspect)
        ideal_height = area / ideal_width
        by_width = _stepped(ideal_width, steps)
        other_height = _stepped(by_width / aspect, steps)
        by_height = _stepped(ideal_height, steps)
        other_width = _stepped(by_height * aspect, steps)
        if abs(by_width / other_height - aspect) < abs(other_width / by_height - aspect):
            size = (by_width, int(by_width / aspect + 0.5))
        else:
            size = (int(by_height * aspect + 0.5), by_height)
    return (size[0] - size[0] % steps, size[1] - size[1] % steps)


def _stepped(length: float, steps: int) -> int:
    whole = int(length + 0.5)
    return whole - whole % steps


def ai_toolkit(resolution: int, *, divisibility: int) -> Choose:
    """ai-toolkit's choice: the whole picture, never enlarged, sides multiples of a number."""
    most = resolution * resolution

    def choose(size: Size) -> Size:
        total = size[0] * size[1]
        target = min(total, most)
        scale = (target / total) ** 0.5
        raw = (size[0] * scale / divisibility, size[1] * scale / divisibility)
        candidates = [
            (across(raw[0]) * divisibility, down(raw[1]) * divisibility)
            for across in (floor, ceil)
            for down in (floor, ceil)
        ]
        fitting = [one for one in candidates if 0 < one[0] * one[1] <= most and min(one) > 0]
        if not fitting:
            least = divisibility
            return (max(least, floor(raw[0]) * least), max(least, floor(raw[1]) * least))
        return min(fitting, key=lambda one: abs(one[0] * one[1] - target))

    return choose


def simpletuner(resolution: int, *, alignment: int = 64) -> Choose:
    """SimpleTuner's choice for ``resolution_type`` pixel_area with ``crop_aspect`` preserve.

    Stateful as the trainer is: the first picture of an aspect fixes its size for all later ones,
    so pictures must come in the order in which the trainer finds them.
    """
    edge = _nearest(int(sqrt(resolution * resolution)), alignment)
    seen: dict[float, Size] = {}

    def choose(size: Size) -> Size:
        aspect = round(size[0] / size[1], 2)
        if aspect == 1.0 and size[0] == size[1]:
            return (edge, edge)
        target = (
            _nearest(edge * sqrt(aspect), alignment),
            _nearest(edge / sqrt(aspect), alignment),
        )
        adjusted = round(target[0] / target[1], 2)
        target = seen.setdefault(adjusted, target)
        return (edge, edge) if round(target[0] / target[1], 2) == 1.0 else target

    return choose


def _nearest(length: float, multiple: int) -> int:
    return max(round(length / multiple) * multiple, multiple)


def musubi(resolution: int, *, steps: int, upscale: bool = True) -> Choose:
    """musubi-tuner's choice for square ``resolution``: the nearest aspect of its list."""
    area = resolution * resolution
    least = max(steps, resolution // 2 // steps * steps)
    found: set[Size] = set()
    for width in range(least, resolution + steps, steps):
        height = area // width // steps * steps
        found |= {(width, height), (height, width)}
    known = sorted(found)

    def choose(size: Size) -> Size:
        if not upscale and size[0] * size[1] <= area:
            return (size[0] - size[0] % steps, size[1] - size[1] % steps)
        aspect = size[0] / size[1]
        # The first of equals, as numpy's argmin takes it.
        return min(known, key=lambda one: abs(one[0] / one[1] - aspect))

    return choose


def enlarged(size: Size, bucket: Size) -> float:
    """By how much a picture is enlarged to fill its bucket; 1 or less: it is not."""
    return max(bucket[0] / size[0], bucket[1] / size[1])
