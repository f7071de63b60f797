"""Generated pictures whose truth is known: duplicates, look-alikes, series, damage.

Everything follows from one seed. ``ATEGNATOS_TEST_SEED`` chooses it; without it, it changes from
day to day, so that no threshold can be fitted to one set. The seed is printed where a test fails.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

ALTERATIONS = ("resize", "q40", "crop", "brightness", "flip", "rotate", "text")
Rng = np.random.Generator


def todays_seed() -> int:
    """The seed of this run."""
    given = os.environ.get("ATEGNATOS_TEST_SEED", "")
    return int(given) if given else datetime.now(UTC).date().toordinal()


@dataclass
class Truth:
    """What is in a generated folder. Pairs are frozen sets of two file names."""

    files: list[str] = field(default_factory=list)
    pairs: dict[frozenset[str], str] = field(default_factory=dict)
    look_alikes: set[frozenset[str]] = field(default_factory=set)
    series: list[list[str]] = field(default_factory=list)


def noise(rng: Rng, width: int, height: int, falloff: float = 1.0) -> np.ndarray:
    """A cloud with detail at every scale, -1 to 1, height x width."""
    total = np.zeros((height, width), np.float32)
    cells, weight = int(rng.integers(2, 5)), 1.0
    while cells < max(width, height):
        grid = rng.standard_normal((cells, cells)).astype(np.float32)
        layer = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
        total += weight * np.asarray(layer)
        cells, weight = cells * 2, weight / (2**falloff)
    return np.asarray(total / np.abs(total).max(), np.float32)


def cloud(rng: Rng, width: int, height: int) -> Image.Image:
    """Like a photograph: three clouds, mixed into colours."""
    falloff = float(rng.uniform(0.6, 1.2))
    form, tint = noise(rng, width, height, falloff), noise(rng, width // 8, height // 8)
    tint = np.asarray(Image.fromarray(tint).resize((width, height)))
    colours = rng.uniform(0, 255, (3, 3)).astype(np.float32)
    share = (form[..., None] + 1) / 2
    pixels = (
        colours[0] * share + colours[1] * (1 - share) + 40 * tint[..., None] * (colours[2] / 255)
    )
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def shapes(rng: Rng, width: int, height: int, ground: Image.Image | None = None) -> Image.Image:
    """Flat shapes with outlines, as a drawing has."""
    image = ground or Image.new("RGB", (width, height), _colour(rng))
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(8, 30))):
        x, y = rng.uniform(-0.1, 1, 2) * (width, height)
        w, h = rng.uniform(0.05, 0.5, 2) * (width, height)
        box = (float(x), float(y), float(x + w), float(y + h))
        kind = int(rng.integers(0, 3))
        if kind == 0:
            draw.ellipse(box, fill=_colour(rng), outline=(20, 20, 30), width=3)
        elif kind == 1:
            draw.rectangle(box, fill=_colour(rng))
        else:
            points = [
                (float(x + rng.uniform(0, w)), float(y + rng.uniform(0, h))) for _ in range(5)
            ]
            draw.polygon(points, fill=_colour(rng), outline=(10, 10, 10))
    return image


def figure(rng: Rng, width: int, height: int) -> Image.Image:
    """A figure on white ground, as cut-outs of characters are."""
    image = Image.new("RGB", (width, height), (255, 255, 255))
    subject(rng, image, (0.22, 0.08, 0.78, 0.96), parts=14)
    return image


def subject(
    rng: Rng, image: Image.Image, place: tuple[float, float, float, float], parts: int = 9
) -> None:
    """Draw a random figure into a part of ``image`` (left, top, right, bottom as shares)."""
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = (
        share * side for share, side in zip(place, (*image.size, *image.size), strict=True)
    )
    for n in range(parts):
        size = float(rng.uniform(0.18, 0.5 if n else 0.8))
        w, h = size * (right - left), float(rng.uniform(0.5, 1.3)) * size * (bottom - top)
        x = float(rng.uniform(left, max(left + 1, right - w)))
        y = float(rng.uniform(top, max(top + 1, bottom - h)))
        box = (x, y, min(x + w, right), min(y + h, bottom))
        if box[2] > box[0] and box[3] > box[1]:
            draw.ellipse(box, fill=_colour(rng), outline=(25, 20, 30), width=2)


def painted(rng: Rng, width: int, height: int) -> Image.Image:
    """A cloud behind shapes."""
    return shapes(rng, width, height, cloud(rng, width, height))


STYLES = (cloud, shapes, figure, painted)


def picture(rng: Rng, smallest: int = 512, largest: int = 1024) -> Image.Image:
    """Some picture of some style; sides in pixels."""
    width, height = (int(side) for side in rng.integers(smallest, largest + 1, 2))
    return STYLES[int(rng.integers(len(STYLES)))](rng, width, height)


def alter(rng: Rng, image: Image.Image, how: str) -> Image.Image:
    """The same picture after one of ``ALTERATIONS``; "q40" is applied when it is saved."""
    width, height = image.size
    if how == "resize":
        scale = float(rng.uniform(0.4, 0.9))
        return image.resize((int(width * scale), int(height * scale)), Image.Resampling.LANCZOS)
    if how == "crop":
        cut = rng.uniform(0.02, 0.12, 2) * (width, height)
        x, y = (float(rng.uniform(0, one)) for one in cut)
        box = (int(x), int(y), int(x + width - cut[0]), int(y + height - cut[1]))
        return image.crop(box)
    if how == "brightness":
        sign = 1 if rng.random() < 0.5 else -1
        return ImageEnhance.Brightness(image).enhance(1 + sign * float(rng.uniform(0.1, 0.2)))
    if how == "flip":
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if how == "rotate":
        turn = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270)[int(rng.integers(2))]
        return image.transpose(turn)
    if how == "text":
        marked = image.copy()
        size = max(14, height // 24)
        x, y = float(rng.uniform(0.02, 0.5)) * width, float(rng.uniform(0.02, 0.9)) * height
        words = f"(c) artist {int(rng.integers(1000, 9999))}"
        from PIL import ImageFont

        ImageDraw.Draw(marked).text(
            (x, y), words, fill=_colour(rng), font=ImageFont.load_default(size)
        )
        return marked
    return image


def save(rng: Rng, image: Image.Image, folder: Path, stem: str, how: str = "") -> str:
    """Write it as 80 % JPEG, 10 % PNG, 10 % WebP (q40: JPEG or WebP at 40); the file's name."""
    kind = float(rng.random())
    quality = 40 if how == "q40" else int(rng.integers(80, 96))
    if kind < 0.8 or (how == "q40" and kind < 0.9):
        image.save(folder / f"{stem}.jpg", quality=quality)
        return f"{stem}.jpg"
    if kind < 0.9:
        image.save(folder / f"{stem}.png", compress_level=1)
        return f"{stem}.png"
    image.save(folder / f"{stem}.webp", quality=quality, method=0)
    return f"{stem}.webp"


def make(folder: Path, count: int, seed: int, *, smallest: int = 512, largest: int = 1024) -> Truth:
    """Fill ``folder`` with ``count`` pictures: 20 % are copies, 10 % look-alikes, some series.

    Of the look-alikes 70 % share a template and differ in the subject, 20 % are flat colours, and
    10 % are frames of sprites.
    """
    folder.mkdir(parents=True, exist_ok=True)
    truth = Truth()
    pairs, alike = count // 5, count // 10
    templates, flats, frames = alike * 7 // 10, alike * 2 // 10, max(4, alike // 10)
    plain = count - 2 * pairs - 2 * (templates // 2) - flats - frames
    number = 0

    def keep(rng: Rng, image: Image.Image, how: str = "") -> str:
        nonlocal number
        name = save(rng, image, folder, f"{number:05d}", how)
        number += 1
        truth.files.append(name)
        return name

    for n in range(max(plain, 0)):
        rng = np.random.default_rng([seed, 1, n])
        keep(rng, picture(rng, smallest, largest))
    for n in range(pairs):
        rng = np.random.default_rng([seed, 2, n])
        image, how = picture(rng, smallest, largest), ALTERATIONS[n % len(ALTERATIONS)]
        one, other = keep(rng, image), keep(rng, alter(rng, image, how), how)
        truth.pairs[frozenset((one, other))] = how
    for n in range(templates // 2):
        rng = np.random.default_rng([seed, 3, n])
        ground = picture(rng, smallest, largest)
        side = float(rng.uniform(0.38, 0.6))
        x, y = float(rng.uniform(0, 1 - side)), float(rng.uniform(0, 1 - side))
        pair = []
        for _ in range(2):
            image = ground.copy()
            subject(rng, image, (x, y, x + side, y + side))
            pair.append(keep(rng, image))
        truth.look_alikes.add(frozenset(pair))
    hues = rng_hues(np.random.default_rng([seed, 4]), flats)
    for n in range(flats):
        rng = np.random.default_rng([seed, 4, n])
        keep(rng, Image.new("RGB", (smallest, smallest + n), hues[n]))
    rng = np.random.default_rng([seed, 5])
    done = 0
    while done < frames:
        left = frames - done
        length = left if left < 12 else 8
        truth.series.append([keep(rng, frame) for frame in sprite(rng, length)])
        done += length
    return truth


def rng_hues(rng: Rng, count: int) -> list[tuple[int, int, int]]:
    """Colours of which no two are the same to an eye."""
    steps = int(np.ceil(count ** (1 / 3))) + 1
    grid = np.linspace(0, 255, steps).astype(int)
    colours = [(int(r), int(g), int(b)) for r in grid for g in grid for b in grid]
    return [colours[n] for n in rng.permutation(len(colours))[:count]]


def sprite(rng: Rng, frames: int, side: int = 256) -> list[Image.Image]:
    """Consecutive frames of one animation: a body that stays, limbs that move."""
    ground = _colour(rng)
    body = Image.new("RGB", (side, side), ground)
    subject(rng, body, (0.3, 0.25, 0.7, 0.8), parts=6)
    # A limb in the colour of the ground would not be seen to move.
    limb = (15, 15, 20) if sum(ground) > 380 else (240, 235, 230)
    made = []
    for n in range(frames):
        image = body.copy()
        draw = ImageDraw.Draw(image)
        swing = np.sin(n / max(frames, 2) * 2 * np.pi)
        for x, sign in ((0.4, 1), (0.6, -1)):
            foot = (x + 0.16 * swing * sign) * side
            draw.line((x * side, 0.72 * side, foot, 0.97 * side), fill=limb, width=side // 12)
        made.append(image)
    return made


def soften(image: Image.Image, radius: float) -> Image.Image:
    """A blurred copy."""
    return image.filter(ImageFilter.GaussianBlur(radius))


def _colour(rng: Rng) -> tuple[int, int, int]:
    red, green, blue = (int(c) for c in rng.integers(0, 256, 3))
    return red, green, blue
