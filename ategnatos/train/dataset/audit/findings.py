"""From what was seen to what is wrong: findings of one picture, and of the set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ategnatos.pictures.formats import known_formats
from ategnatos.train.dataset.audit.meanings import MEANINGS, MUCH_TEXT
from ategnatos.train.dataset.importing.offers import stem_of, suffix_of

if TYPE_CHECKING:
    from ategnatos.train.dataset.audit.look import Look
    from ategnatos.train.dataset.version import Picture, Version

# Thresholds, from generated pictures whose truth is known (tests/train/dataset/test_audit.py).
_BLACK, _FLAT = 22, 2.0
_SOFT = 0.085
_REAL, _BLOCKS = 0.8, 1.6
_BAR, _DARK_BAR, _BORDER = 0.03, 40, 0.015
_HIDDEN = 0.01
_ENLARGED, _CUT_OFF = 1.1, 0.25
_MOST_OF = 0.9
_HOSTILE = set("[]*?%'\"")

# (width, height) of a picture to (width, height) of its bucket.
Choose = Callable[[tuple[int, int]], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Finding:
    """``file`` is a picture's name, "" for the whole set; ``why`` are the figures behind it."""

    code: str
    file: str
    why: str

    @property
    def level(self) -> str:
        """stop, look or note."""
        return MEANINGS[self.code].level

    def facts(self) -> dict[str, str]:
        """As JSON has it."""
        meaning = MEANINGS[self.code]
        return {
            "code": self.code,
            "level": meaning.level,
            "file": self.file,
            "why": self.why,
            "what": meaning.what,
            "do": meaning.do,
        }


def of_pictures(
    version: Version, looks: Mapping[str, Look], choose: Choose | None
) -> list[Finding]:
    """What is wrong with each picture, in the order of the version.

    ``choose`` gives the bucket of the chosen trainer and resolution; None leaves sizes alone.
    """
    found: list[Finding] = []
    stems = Counter(stem_of(one.name).casefold() for one in version.pictures)
    for picture in version.pictures:
        look = looks[picture.name]
        found += _of_name(picture, stems)
        if look.problem is not None:
            found.append(Finding(look.problem[0], picture.name, look.problem[1]))
            continue
        if look.sha256 != picture.sha256:
            found.append(Finding("changed", picture.name, f"it is {look.sha256[:12]} now"))
        found += _of_file(picture, look.facts)
        found += _of_pixels(picture.name, look.facts)
        if choose is not None and look.fingerprint is not None:
            size = (look.fingerprint.width, look.fingerprint.height)
            found += _of_size(picture.name, size, choose)
    return found


def of_set(looks: Mapping[str, Look]) -> list[Finding]:
    """What all pictures have in common and should not."""
    whole = [look.facts for look in looks.values() if look.problem is None]
    found: list[Finding] = []
    if len(whole) < 8:
        return found
    dark = sum(facts["light"] < 60 for facts in whole) / len(whole)
    light = sum(facts["light"] > 200 for facts in whole) / len(whole)
    if dark >= _MOST_OF:
        found.append(Finding("dark_set", "", f"{100 * dark:.0f} % of {len(whole)}"))
    if light >= _MOST_OF:
        found.append(Finding("light_set", "", f"{100 * light:.0f} % of {len(whole)}"))
    colours = Counter(_coarse(facts["colours"][0][0]) for facts in whole if facts["colours"])
    main, count = colours.most_common(1)[0]
    if count / len(whole) >= _MOST_OF:
        found.append(Finding("one_palette", "", f"#{main} in {count} of {len(whole)}"))
    return found


def counted(findings: Sequence[Finding]) -> dict[str, int]:
    """How often each code was found, the most severe first."""
    counts: dict[str, int] = defaultdict(int)
    for one in findings:
        counts[one.code] += 1
    order = ("stop", "look", "note")
    return dict(sorted(counts.items(), key=lambda row: order.index(MEANINGS[row[0]].level)))


def _of_name(picture: Picture, stems: Counter[str]) -> list[Finding]:
    found = []
    hostile = sorted(_HOSTILE & set(picture.name))
    if hostile:
        found.append(Finding("name", picture.name, " ".join(hostile)))
    last = picture.source.name.rsplit("/", 1)[-1]
    if picture.source.kind != "studio" and picture.name.rsplit("/", 1)[-1] != last:
        found.append(Finding("renamed", picture.name, repr(last)[:120]))
    if stems[stem_of(picture.name).casefold()] > 1:
        found.append(Finding("stem_shared", picture.name, f"{stem_of(picture.name)}.txt"))
    return found


def _of_file(picture: Picture, facts: Mapping[str, Any]) -> list[Finding]:
    name = picture.name
    known = known_formats()[facts["format"]]
    found = []

    def note(code: str, why: str) -> None:
        found.append(Finding(code, name, why))

    if suffix_of(name) not in {
        *known.suffixes,
        *({".jfif", ".jpe"} if known.name == "jpg" else ()),
    }:
        note("suffix", f"{suffix_of(name) or 'no suffix'}, but it is {known.title}")
    if facts["frames"] > 1:
        note("animated", f"{facts['frames']} frames")
    if facts["mode"] == "CMYK":
        note("cmyk", "CMYK")
    if facts["bits"] > 8:
        note("sixteen_bits", f"{facts['bits']} bits")
    if facts["mode"] == "P":
        note("palette", "mode P")
    if facts["mode"] in {"L", "LA", "1"} or facts["mode"].startswith("I"):
        note("grey", f"mode {facts['mode']}")
    if facts["alpha"] == "used":
        note("alpha", f"{100 * facts['clear']:.0f} % invisible")
        if facts["hidden"] >= _HIDDEN:
            note("hidden_colour", f"{100 * facts['hidden']:.0f} % of the invisible pixels")
    if facts["profile"] and "srgb" not in facts["profile"].lower():
        note("profile", facts["profile"])
    if facts["orientation"] != 1:
        note("rotated", f"EXIF orientation {facts['orientation']}")
    return found


def _of_pixels(name: str, facts: Mapping[str, Any]) -> list[Finding]:
    if facts["spread"] <= _FLAT:
        dark = facts["dark"] <= _BLACK
        return [Finding("black" if dark else "flat", name, f"spread {facts['spread']} of 255")]
    found = []

    def note(code: str, why: str) -> None:
        found.append(Finding(code, name, why))

    if facts["dark"] <= _BLACK:
        note("black", f"99 % of it is below {facts['dark']} of 255")
    if facts.get("pixels", 1) > 1:
        note("upscaled", f"each pixel is repeated {facts['pixels']} times")
    elif 0 < facts.get("sharp", 1) <= _SOFT:
        note("blurred", f"sharpness {facts['sharp']}, hard edges have 0.25")
    elif facts.get("real", 1) <= _REAL:
        note("upscaled", f"detail up to {100 * facts['real']:.0f} % of its resolution")
    if facts.get("blocks", 1) >= _BLOCKS and facts["format"] in {"jpg", "webp"}:
        note("blocks", f"block edges {facts['blocks']} times as strong as the rest")
    left, top, right, bottom = facts["bare"]
    # Light margins are how cut-outs and drawings are; dark bars and frames are added later.
    if facts["bare_light"] <= _DARK_BAR and (min(top, bottom) >= _BAR or min(left, right) >= _BAR):
        note("letterbox", f"bars of {100 * (top + bottom):.0f} and {100 * (left + right):.0f} %")
    elif min(left, top, right, bottom) >= _BORDER and facts["bare_light"] < 235:
        note("border", f"at least {100 * min(left, top, right, bottom):.0f} % on every side")
    if facts.get("text", 0) >= MUCH_TEXT:
        note("text", f"about {100 * facts['text']:.0f} % of it")
    return found


def _of_size(name: str, size: tuple[int, int], choose: Choose) -> list[Finding]:
    width, height = size
    bucket = choose(size)
    found = []
    larger = max(bucket[0] / width, bucket[1] / height)
    if larger > _ENLARGED:
        why = f"{width}x{height} becomes {bucket[0]}x{bucket[1]}, {larger:.2f} times as large"
        found.append(Finding("small", name, why))
    shown = bucket[0] * bucket[1] / (width * height * larger * larger)
    if 1 - shown > _CUT_OFF:
        why = f"{100 * (1 - shown):.0f} % is cut off to fit {bucket[0]}x{bucket[1]}"
        found.append(Finding("aspect", name, why))
    return found


def _coarse(colour: str) -> str:
    return "".join(
        f"{min(255, (int(colour[n : n + 2], 16) + 32) // 64 * 64):02x}" for n in (1, 3, 5)
    )
